import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/db/embedded-server.ts';
import { useDatabaseUrl } from '../support/database.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const databaseUrl = useDatabaseUrl();
const dataDir = mkdtempSync(join(tmpdir(), 'sandgate-start-'));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dataDir, { recursive: true });
});

/** The whole server as a process of its own; `said()` is what it has printed so far. */
function startServer(settings: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/index.ts', 'start'], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, DATA_DIR: dataDir, ...settings },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  return { child, ended: once(child, 'close'), said: () => output };
}

async function answers(url: string): Promise<boolean> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (
      await fetch(url)
        .then(({ ok }) => ok)
        .catch(() => false)
    )
      return true;
    await sleep(50);
  }
  return false;
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops a server in order', async (signal) => {
  const port = await freePort();
  const { child, ended, said } = startServer({ PORT: String(port) });
  expect(await answers(`http://127.0.0.1:${port}/health/live`)).toBe(true);

  child.kill(signal);
  expect([await ended, said()]).toEqual([[0, null], expect.stringMatching('has stopped')]);
});

test('a port that is taken is told in a sentence, and nothing is left running', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  other.unref();
  const { port } = other.address() as { port: number };

  const { ended, said } = startServer({ PORT: String(port) });
  expect(await ended).toEqual([1, null]);
  expect(said()).toMatch(`Port ${port} is in use. Stop what uses it or set PORT.`);
  other.close();
});

test('a production server without its settings names them all and does not start', async () => {
  const { ended, said } = startServer({ NODE_ENV: 'production', DATABASE_URL: '' });
  expect(await ended).toEqual([1, null]);
  for (const name of ['BASE_URL', 'DATABASE_URL', 'SMTP_URL', 'SANDGATE_SECRET']) {
    expect(said()).toMatch(`${name} must be set in production`);
  }
});
