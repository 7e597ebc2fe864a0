import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { freePort } from '../../src/db/embedded-server.ts';
import { keptOfUnknown } from '../../src/usage/refusal-store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { secretOfTests } from '../support/seed.ts';
import { aGateway, aKeyed, verify } from './stage.ts';

const databaseUrl = useDatabaseUrl();
const dataDir = mkdtempSync(join(tmpdir(), 'sandgate-counted-'));
const children: ChildProcess[] = [];
let pool: pg.Pool;
let gateway: string;
let keyed: Awaited<ReturnType<typeof aKeyed>>;

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  pool.on('error', () => {}); // the database is dropped with whatever is still connected
  gateway = await aGateway(pool);
  keyed = await aKeyed(pool);
});
beforeEach(() => pool.query('truncate use_hours, refusals'));
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await pool.end();
  rmSync(dataDir, { recursive: true });
});

/** The whole server as a process of its own. */
async function aProcess() {
  const port = await freePort();
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/index.ts', 'start'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      PORT: String(port),
      SANDGATE_SECRET: secretOfTests,
      LOG_LEVEL: 'silent',
    },
  });
  children.push(child);
  const ended = once(child, 'close');
  const baseUrl = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(`${baseUrl}/health/live`).catch(() => undefined);
    if (answer?.ok) return { child, ended, baseUrl };
    await sleep(100);
  }
  throw new Error('the server did not start');
}

const counted = async (): Promise<Record<string, number>> => {
  const { rows } = await pool.query<{ outcome: string; calls: number }>(
    'select outcome, sum(calls)::int as calls from use_hours group by outcome',
  );
  return Object.fromEntries(rows.map(({ outcome, calls }) => [outcome, calls]));
};

test('every call that was answered is counted once, by a process that is told to stop meanwhile', async () => {
  const { child, ended, baseUrl } = await aProcess();
  const question = { api: keyed.api.id, key: keyed.key, gateway };
  const answered = { allowed: 0, unauthorized: 0 };
  const asking = async (caller: number): Promise<void> => {
    for (let n = 0; ; n += 1) {
      const allowed = (n + caller) % 3 !== 0;
      const told = await verify(baseUrl, allowed ? question : { ...question, key: 'none' }).catch(
        () => undefined,
      );
      if (!told) return; // it has stopped
      expect(told.status).toBe(allowed ? 200 : 401);
      answered[allowed ? 'allowed' : 'unauthorized'] += 1;
    }
  };
  const callers = Promise.all(Array.from({ length: 8 }, (_, caller) => asking(caller)));
  await sleep(1700); // in the middle of a second: some are written down, and some are not
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await callers;
  expect(answered.allowed).toBeGreaterThan(50);
  expect(await counted()).toEqual(answered);
  const { rows } = await pool.query('select count(*)::int as kept from refusals');
  expect(rows[0].kept).toBe(Math.min(answered.unauthorized, keptOfUnknown));
});

test('one that is killed has lost no more than its last second', async () => {
  const { child, ended, baseUrl } = await aProcess();
  const question = { api: keyed.api.id, key: keyed.key, gateway };
  for (let n = 0; n < 100; n += 1) await verify(baseUrl, question);
  await sleep(1500);
  for (let n = 0; n < 10; n += 1) await verify(baseUrl, question);
  child.kill('SIGKILL');
  await ended;
  const { allowed = 0 } = await counted();
  expect(allowed).toBeGreaterThanOrEqual(100);
  expect(allowed).toBeLessThanOrEqual(110);
});
