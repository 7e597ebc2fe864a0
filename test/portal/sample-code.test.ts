import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, type SampleRequest } from '../../src/portal/sample-code.ts';

const plain: SampleRequest = {
  method: 'POST',
  url: 'https://api.example/a',
  headers: [{ name: 'Accept', value: 'application/json' }],
  body: { mediaType: 'application/json', text: '{"name": "Asha O\'Hara"}' },
};

test('what people write in examples stands in every language', () => {
  for (const [language, code] of Object.entries(codeOf(plain))) {
    expect([language, code]).toEqual([language, expect.stringMatching(/Asha O\\?'Hara/)]);
  }
});

describe('an example that would run', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'samples-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const evil = (file: string): string[] => [
    `\\\\'+require('fs').writeFileSync('${file}','')+'`,
    `\\"+open('${file}','w').write('')+"`,
    `'; touch ${file}; '`,
    `it's\nEOF\ntouch ${file}`,
    `$(touch ${file})\${touch}\`touch ${file}\``,
  ];

  test.each([[0], [1], [2], [3], [4]])('does not, as text, in JSON and in a header (%i)', (nth) => {
    const file = join(folder, `ran-${nth}`);
    const text = evil(file)[nth] ?? '';
    const requests: SampleRequest[] = [
      { ...plain, body: { mediaType: 'application/json', text } },
      { ...plain, body: { mediaType: 'text/plain', text } },
      { ...plain, body: { mediaType: 'application/json', text: JSON.stringify({ a: text }) } },
      { ...plain, headers: [{ name: 'X-Note', value: text.replaceAll('\n', ' ') }] },
    ];
    for (const request of requests) {
      const code = codeOf(request);
      const quiet = { stdio: 'ignore', cwd: folder, timeout: 20_000 } as const;
      const curl = `curl() { :; }\n${code.curl}`;
      execFileSync('sh', ['-c', curl], quiet);
      const script = `globalThis.fetch = async () => ({ json() {} });\n${code.JavaScript}`;
      execFileSync(process.execPath, ['--input-type=commonjs', '-e', script], quiet);
      expect(existsSync(file)).toBe(false);
    }
  });

  test('is a word in languages whose strings would run it, and as it is where none does', () => {
    const text = "#{system('id')} \\";
    const code = codeOf({ ...plain, body: { mediaType: 'text/plain', text } });
    expect(code.curl).toContain("#{system('\\''id'\\'')} \\");
    expect(code.Ruby).toContain('request.body = "BODY"');
    expect(code.JavaScript).toContain("body: 'BODY'");
    const header = codeOf({ ...plain, headers: [{ name: '#{system("id")}', value: 'a' }] });
    expect(header.Ruby).not.toContain('system');
  });

  test('of PHP has its dollars written so that they are none', () => {
    const body = { mediaType: 'text/plain', text: 'as $who[0]' };
    const { PHP } = codeOf({ ...plain, url: 'https://api.example/Patient/$everything', body });
    expect(PHP).toContain('CURLOPT_URL => "https://api.example/Patient/\\$everything"');
    expect(PHP).toContain('CURLOPT_POSTFIELDS => "as \\$who[0]"');
  });
});
