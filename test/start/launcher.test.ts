import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const tidings = 'Compiling Sandgate …\n';

/** A checkout with two source files instead of Sandgate's, compiled. Each test has a copy. */
let compiled: string;
let root: string;
beforeAll(async () => {
  compiled = root = realpathSync(mkdtempSync(join(tmpdir(), 'sandgate launcher ')));
  for (const name of ['bin', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(checkout, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
  write(
    'src/index.ts',
    `import { word } from './word.ts';\nconsole.log(word, process.argv.slice(2));`,
  );
  write('src/word.ts', `export const word: string = 'one';`);
  await launch();
});
afterAll(() => rmSync(compiled, { recursive: true }));
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'sandgate launcher ')));
  cpSync(compiled, root, { recursive: true, verbatimSymlinks: true });
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, content: string): void {
  mkdirSync(join(root, file, '..'), { recursive: true });
  writeFileSync(join(root, file), content);
}

const launch = (...args: string[]) =>
  run(process.execPath, [join(root, 'bin/sandgate.js'), ...args], {});

async function run(program: string, args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    shell: process.platform === 'win32', // npx is a script there
  });
  const code = new Promise((resolve) => child.once('exit', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { out: out.trim(), err, code: await code };
}

test('a checkout is compiled once, and what was compiled gets the arguments', async () => {
  rmSync(join(root, 'dist'), { recursive: true });
  expect(await launch('start', '--fixtures', 'a file')).toEqual({
    out: `one [ 'start', '--fixtures', 'a file' ]`,
    err: tidings,
    code: 0,
  });
  expect(await launch()).toEqual({ out: 'one []', err: '', code: 0 });
});

test('npx sandgate runs the checkout it is typed in, without a network', async () => {
  const ownCache = { npm_config_cache: join(root, 'cache'), npm_config_offline: 'true' };
  expect(await run('npx', ['sandgate', 'fixtures', '--out', 'a file'], ownCache)).toMatchObject({
    out: `one [ 'fixtures', '--out', 'a file' ]`,
    code: 0,
  });
});

test('a change is compiled, and a file that went away is not left behind', async () => {
  write('src/index.ts', `console.log('two');`);
  rmSync(join(root, 'src/word.ts'));

  expect(await launch()).toEqual({ out: 'two', err: tidings, code: 0 });
  expect(readdirSync(join(root, 'dist')).sort()).toEqual(['.built', 'index.js', 'index.js.map']);
});

test('what does not compile is shown and not run, even if it ran before', async () => {
  write('src/word.ts', 'export const word: number = "one";');

  for (const _ of ['first', 'again']) {
    const { out, err, code } = await launch();
    expect([out, code]).toEqual(['', 1]);
    expect(err).toMatch(/word\.ts.*TS2322/);
    expect(err).toMatch('Sandgate was not started: its sources do not compile.');
  }
});

test('half a build is not taken for a whole one', async () => {
  rmSync(join(root, 'dist/word.js'));
  expect(await launch()).toMatchObject({ out: 'one []', err: tidings });

  write('dist/word.js', `export const word = 'of another branch';`);
  expect(await launch()).toMatchObject({ out: 'one []', err: tidings });
});

test('two at once both run what belongs together', async () => {
  write('src/extra.ts', '');
  const both = await Promise.all([launch(), launch()]);
  expect(both.map(({ out }) => out)).toEqual(['one []', 'one []']);
  expect(await launch()).toEqual({ out: 'one []', err: '', code: 0 });
});

test('an error is shown where it stands in the sources', async () => {
  write(
    'src/word.ts',
    `\n\nexport const word = ((): string => {\n  throw new Error('here');\n})();`,
  );
  expect((await launch()).err).toMatch(`${join(root, 'src/word.ts')}:4:`);
});

test('an image with dist/ alone runs it; one with nothing says what to do', async () => {
  rmSync(join(root, 'src'), { recursive: true });
  rmSync(join(root, 'node_modules'));
  expect(await launch()).toEqual({ out: 'one []', err: '', code: 0 });

  rmSync(join(root, 'dist'), { recursive: true });
  expect(await launch()).toMatchObject({ code: 1, err: expect.stringMatching('Run: npm ci') });
  expect(existsSync(join(root, 'dist'))).toBe(false);
});

test('settings may stand in a file .env, and the environment goes before it', async () => {
  write('src/index.ts', 'console.log(process.env.LOG_LEVEL, process.env.HOME);');
  write('.env', 'LOG_LEVEL=debug\nHOME=/nowhere\n');
  expect((await launch()).out).toBe(`debug ${process.env.HOME}`);
});
