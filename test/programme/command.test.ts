import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programmeCommand } from '../../src/commands/programme.ts';
import { useDatabaseUrl } from '../support/database.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const databaseUrl = useDatabaseUrl();

let place: string;
let directory: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'sandgate-programme-'));
  directory = join(place, 'mine');
  await cp(join(checkout, 'programme'), directory, { recursive: true });
});
afterAll(() => rm(place, { recursive: true }));

/** The command as a process of its own: what it exits with, and what it says. */
async function sandgate(args: string[], settings: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/index.ts', ...args], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, DATA_DIR: place, ...settings },
  });
  const texts = [child.stdout, child.stderr].map(async (stream) =>
    (await stream.toArray()).join(''),
  );
  const [code] = await once(child, 'close');
  const [out = '', err = ''] = await Promise.all(texts);
  return { code, out, err: err.replace(/^oidc-provider WARNING.*\n/gm, '') };
}
const programme = (...args: string[]) => sandgate(['programme', ...args]);

/** Milliseconds: each run is a process of its own. */
const patience = 120_000;

test(
  'diff, apply, change: as one works with it',
  async () => {
    const first = await programme('diff', directory);
    expect([first.code, first.err]).toEqual([1, '']);
    expect(first.out).toMatch(/^~ programme: name none → "Northmoor Shared Care Record"\n\+ api /);
    expect(first.out).not.toContain('northmoor-keeps-the-keys');

    expect(await programme('apply', directory)).toEqual({ ...first, code: 0 });
    expect(await programme('apply', directory)).toEqual({ code: 0, out: '', err: '' });
    expect(await programme('diff', directory)).toEqual({ code: 0, out: '', err: '' });

    const file = join(directory, 'products', 'read-records.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('calls: 60,', 'calls: 61,'));
    const line = '~ product read-records: rate.calls 60 → 61\n';
    expect(await programme('apply', directory)).toEqual({ code: 0, out: line, err: '' });
  },
  patience,
);

test(
  'what is there is written back, and differs in nothing',
  async () => {
    const out = join(place, 'out');
    expect((await programme('export', out)).out).toContain('products/read-records.yaml\n');
    expect(await programme('diff', out)).toEqual({ code: 0, out: '', err: '' });
    expect((await programme('export', out)).code).toBe(2);
    expect((await programme('export', out, '--force')).code).toBe(0);
    expect(await readdir(out)).not.toContain('development.yaml');
  },
  patience,
);

test(
  'a bad file names file, line and field, and changes nothing',
  async () => {
    const bad = join(place, 'bad');
    await cp(join(checkout, 'programme'), bad, { recursive: true });
    const file = join(bad, 'products', 'read-records.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('subjects: both', 'subjects: everybody'));
    expect(await programme('apply', bad)).toEqual({
      code: 2,
      out: '',
      err: expect.stringMatching(/^Nothing was changed:\n {2}.*read-records\.yaml:9: subjects: /),
    });

    await writeFile(file, text.concat('invited: [team_nobody]\n'));
    expect((await programme('apply', bad)).err).toMatch(
      /read-records\.yaml:\d+: invited\.0: there is no team "team_nobody"/,
    );
    expect(await programme('diff', directory)).toMatchObject({ code: 0 });
  },
  patience,
);

test(
  'in production published passwords are refused, and all else is told',
  async () => {
    const production = {
      NODE_ENV: 'production',
      BASE_URL: 'https://auth.northmoor.example',
      SMTP_URL: 'smtp://127.0.0.1:2525',
    };
    const refused = await sandgate(['programme', 'diff', directory], {
      ...production,
      SANDGATE_SECRET: (await readFile(join(place, 'secret'), 'utf8')).trim(),
    });
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('holds published passwords');
  },
  patience,
);

test.each([
  [[], 'Say what to do: programme diff, apply or export.'],
  [['constructor', 'x'], 'Say what to do: programme diff, apply or export.'],
  [['diff'], 'Say where: programme diff DIR.'],
  [['apply', 'a', 'b'], 'Say where: programme apply DIR.'],
  [['apply', 'a', '--force'], '"apply" takes no --force.'],
])('%p is told in a sentence', async (args, sentence) => {
  const settings = () => {
    throw new Error('the arguments come first');
  };
  await expect(programmeCommand.run(args, settings)).rejects.toThrow(sentence);
});
