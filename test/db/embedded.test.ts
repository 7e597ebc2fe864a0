import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbedded } from '../../src/db/embedded.ts';

const asRoot = process.getuid?.() === 0;
const stranger = 1; // `daemon`: an ordinary user that initdb can look up
const childScript = fileURLToPath(new URL('./embedded-child.ts', import.meta.url));
const checkout = fileURLToPath(new URL('../..', import.meta.url));

let dataDir: string;
let children: ChildProcess[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'sandgate-embedded-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  if (existsSync(join(pidFile(), '..'))) {
    await (await start('guest-or-owner')).stop(); // an orphan is adopted, and stopped
  }
  rmSync(dataDir, { recursive: true, force: true });
});

const pidFile = () => join(dataDir, 'postgres/data/postmaster.pid');
const postmaster = () => Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);
const start = (role: 'owner' | 'guest-or-owner' = 'owner') => startEmbedded({ dataDir, role });

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A process that owns `dataDir`, and the first line it says: its URL, or why it could not. */
async function startChild(options: { uid?: number; ending?: string; directory?: string } = {}) {
  const { uid, ending = 'stay', directory = dataDir } = options;
  const child = spawn(process.execPath, ['--import', 'tsx', childScript, directory, ending], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', TMPDIR: '/tmp', HOME: dataDir },
    ...(uid !== undefined && { uid, gid: uid }),
  });
  children.push(child);
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

test('data survive a stop, and only the loopback interface listens', async () => {
  const first = await start();
  await query(first.url, 'create table kept as select 42 as answer');
  expect(await query(first.url, 'show listen_addresses')).toEqual([
    { listen_addresses: '127.0.0.1' },
  ]);
  await first.stop();
  expect(existsSync(pidFile())).toBe(false);

  const second = await start();
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await second.stop();
});

test('the PostgreSQL of a server that was killed is taken over as it runs', async () => {
  const { child, said: url } = await startChild();
  await query(url, 'create table kept as select 42 as answer');
  const orphan = postmaster();
  child.kill('SIGKILL');
  await once(child, 'exit');

  const began = Date.now();
  const next = await start();
  expect(Date.now() - began).toBeLessThan(3_000);
  expect([next.owner, next.url, postmaster()]).toEqual([true, url, orphan]);
  expect(await query(next.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await next.stop();
  expect(existsSync(pidFile())).toBe(false);
});

const checkpointer = async (url: string) =>
  (await query(url, `select pid from pg_stat_activity where backend_type = 'checkpointer'`))[0]
    ?.pid;

test.each([
  ['a PostgreSQL', async () => postmaster()],
  ['one process of a PostgreSQL', checkpointer],
])('%s that was killed under its owner comes back at the same address', async (_, victim) => {
  const embedded = await start();
  await query(embedded.url, 'create table kept as select 42 as answer');
  process.kill(Number(await victim(embedded.url)), 'SIGKILL');
  await sleep(100);

  let rows: unknown;
  for (let tries = 0; tries < 100 && !rows; tries += 1) {
    rows = await query(embedded.url, 'select answer from kept').catch(() => sleep(50));
  }
  expect(rows).toEqual([{ answer: 42 }]);
  await expect(startChild()).resolves.toMatchObject({
    said: expect.stringContaining(`Another Sandgate (process ${process.pid}) is using ${dataDir}`),
  });
  await embedded.stop();
});

test('a killed pair, server and PostgreSQL, recovers at the next start', async () => {
  const { child, said: url } = await startChild();
  await query(url, 'create table kept as select 42 as answer');
  child.kill('SIGSTOP'); // so that it cannot bring PostgreSQL back in between
  process.kill(postmaster(), 'SIGKILL');
  child.kill('SIGKILL');
  await once(child, 'exit');

  const next = await start();
  expect(await query(next.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await next.stop();
});

test('a program that got the process id of a dead postmaster is left alone', async () => {
  const first = await start();
  const claim = readFileSync(pidFile(), 'utf8');
  await first.stop();
  const other = spawn('sleep', ['60'], asRoot ? { uid: 65534, gid: 65534 } : {});
  children.push(other);
  writeFileSync(pidFile(), claim.replace(/^\d+/, String(other.pid)), { mode: 0o600 });
  utimesSync(pidFile(), 1_000_000_000, 1_000_000_000);
  if (asRoot) chownSync(pidFile(), 65534, 65534);

  const next = await start();
  expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await next.stop();
  expect([other.exitCode, other.signalCode]).toEqual([null, null]);
});

test('of two servers started at once on a new directory one runs, and the other says why not', async () => {
  const both = await Promise.all([startChild(), startChild()]);
  const [winner, loser] = both[0].said.startsWith('postgres:') ? both : [both[1], both[0]];

  expect(winner.said).toMatch(/^postgres:/);
  expect(loser.said).toBe(
    `Another Sandgate (process ${winner.child.pid}) is using ${dataDir}. ` +
      'Stop it, or set DATA_DIR to another directory.',
  );
});

test('a command joins the server that runs, and leaves it running', async () => {
  const server = await start();
  const command = await start('guest-or-owner');
  expect([command.owner, command.url]).toEqual([false, server.url]);
  await command.stop();
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();

  const alone = await start('guest-or-owner');
  expect(alone.owner).toBe(true);
  await alone.stop();
  expect(existsSync(pidFile())).toBe(false);
});

test('a copy of a running directory does not lead to the original', async () => {
  const original = await start();
  const copy = `${dataDir}-copy`;
  spawnSync('cp', ['-a', dataDir, copy]);

  const second = await startEmbedded({ dataDir: copy, role: 'owner' });
  expect(second.url).not.toBe(original.url);
  await Promise.all([original.stop(), second.stop()]);
  rmSync(copy, { recursive: true });
});

test('a long path with spaces behind a closed directory will do', async () => {
  const closed = join(dataDir, 'only mine');
  mkdirSync(closed, { mode: 0o700 });
  chmodSync(dataDir, 0o700);
  const deep = join(closed, ...Array(3).fill(`${'a long name '.repeat(8)}end`));

  const embedded = await startEmbedded({ dataDir: deep, role: 'owner' });
  expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await embedded.stop();
});

const mayRead = () =>
  spawnSync(process.execPath, ['-e', `require('fs').readFileSync(process.argv[1])`, childScript], {
    uid: stranger,
    gid: stranger,
  }).status === 0;
const why = !asRoot ? 'the other tests ran so' : !mayRead() ? 'it cannot read this checkout' : '';

(why ? test.skip : test)(
  `a user without rights can run it${why && ` (skipped: ${why})`}`,
  async () => {
    chownSync(dataDir, stranger, stranger);
    for (const _ of ['fresh', 'again']) {
      const { child, said } = await startChild({ uid: stranger, ending: 'stop' });
      expect(said).toMatch(/^postgres:/);
      if (child.exitCode === null) await once(child, 'exit');
    }
    const asTheOwner = await start();
    expect(await query(asTheOwner.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await asTheOwner.stop(); // root started it for that user
    expect(existsSync(pidFile())).toBe(false);

    const rootsOwn = join(dataDir, 'of root');
    await (await startEmbedded({ dataDir: rootsOwn, role: 'owner' })).stop();
    const { said } = await startChild({ uid: stranger, directory: rootsOwn });
    expect(said).toMatch(/belongs to another user/);
  },
);

test('a machine without a PostgreSQL package is told to set DATABASE_URL', async () => {
  const arch = Object.getOwnPropertyDescriptor(process, 'arch') ?? {};
  Object.defineProperty(process, 'arch', { ...arch, value: 'mips' });
  try {
    await expect(start()).rejects.toThrow(/mips.* is not installed .* Set DATABASE_URL/s);
  } finally {
    Object.defineProperty(process, 'arch', arch);
  }
});
