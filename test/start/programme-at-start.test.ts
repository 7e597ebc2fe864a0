import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { freePort } from '../../src/db/embedded-server.ts';
import { useDatabaseUrl } from '../support/database.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'sandgate-programme-'));
const databaseUrl = useDatabaseUrl();
const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

/** Starts a server on the directory, waits until it is ready, stops it, and answers what it said. */
async function startOnce(settings: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/index.ts', 'start'], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(await freePort()),
      DATABASE_URL: databaseUrl,
      DATA_DIR: join(directory, 'data'),
      PROGRAMME_DIR: directory,
      SANDGATE_SECRET: 'a secret that only this test knows, 32+ bytes',
      ...settings,
    },
  });
  running.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += text;
    });
  }
  for (let tries = 0; tries < 400 && !said.includes('Sandgate is ready'); tries += 1) {
    if (child.exitCode !== null) throw new Error(said);
    await sleep(50);
  }
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  await ended;
  return said;
}

const production = {
  NODE_ENV: 'production',
  BASE_URL: 'https://login.example',
  SMTP_URL: 'smtp://127.0.0.1:1',
};

test('a start applies the programme; later ones in production leave alone what pages changed', async () => {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  pool.on('error', () => {});
  const audienceOf = async () =>
    (await pool.query(`select audience from products where id = 'records'`)).rows[0]?.audience;
  const product = {
    id: 'records',
    environment: 'live',
    name: 'Records',
    audience: 'https://records.example/',
    subjects: 'accounts',
    needsApproval: false,
    grantTypes: ['client_credentials'],
    scopes: [],
  };
  writeFileSync(join(directory, 'programme.yaml'), 'name: Northmoor\n');
  writeFileSync(join(directory, 'test-users.yaml'), '[]\n');
  mkdirSync(join(directory, 'products'));
  writeFileSync(join(directory, 'products', 'records.yaml'), JSON.stringify(product)); // JSON is YAML
  const onPage = `update products set audience = 'https://changed.example/' where id = 'records'`;
  try {
    await startOnce(production);
    expect(await audienceOf()).toBe('https://records.example/');

    await pool.query(onPage);
    expect(await startOnce(production)).toMatch('the programme differs from its directory');
    expect(await audienceOf()).toBe('https://changed.example/');

    expect(await startOnce({ NODE_ENV: 'development' })).toMatch(
      'the programme directory changed what was there',
    );
    expect(await audienceOf()).toBe('https://records.example/');
    expect(await startOnce(production)).not.toMatch('the programme differs from its directory');
  } finally {
    await pool.end();
  }
}, 90_000);
