import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createKeyring } from '../src/base/secrets.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { freePort } from '../src/db/embedded-server.ts';
import { publicUrl } from './load.ts';
import { type Running, startNode } from './process.ts';
import { countStatements, type Statements } from './statements.ts';

/** Sandgate as in production, with a PostgreSQL of its own whose statements are counted. */
export type Place = {
  directory: string;
  server: Running;
  /** MiB that it held when it was ready. */
  atRest: number;
  pool: pg.Pool;
  statements: Statements;
  close(): Promise<void>;
};

/** Only what this bench makes is sealed with it. */
const secret = 'the master secret that only the bench knows, 32+ bytes';
export const keyring = createKeyring(secret);

const checkout = fileURLToPath(new URL('..', import.meta.url));

export async function openPlace(): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'sandgate-bench-'));
  const settings = { shared_buffers: '256MB' };
  const database = await startEmbedded({ dataDir: directory, role: 'owner', settings });
  const statements = await countStatements(database.url);
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  const stops = [
    () => pool.end(),
    () => statements.close(),
    () => database.stop(),
    async () => rmSync(directory, { recursive: true, force: true }),
  ];
  const close = async () => {
    for (const stop of stops) await stop();
  };
  try {
    const server = await startSandgate(directory, statements.url);
    stops.unshift(() => server.stop());
    return { directory, server, atRest: server.memory(), pool, statements, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What is built, with the demo programme less the people that production refuses. */
async function startSandgate(directory: string, databaseUrl: string): Promise<Running> {
  const programme = join(directory, 'programme');
  const filter = (path: string) => !path.endsWith('development.yaml');
  cpSync(join(checkout, 'programme'), programme, { recursive: true, filter });
  return startNode([...flagsOfStart(), join(checkout, 'dist/index.js'), 'start'], {
    port: await freePort(),
    ready: '/health/ready',
    env: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      BASE_URL: publicUrl,
      TRUST_PROXY: 'true',
      DATABASE_URL: databaseUrl,
      DATA_DIR: directory,
      PROGRAMME_DIR: programme,
      SANDGATE_SECRET: secret,
      SMTP_URL: 'smtp://127.0.0.1:9', // no letter is sent here
    },
  });
}

/** What `npm start` tells Node. */
function flagsOfStart(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
  return String(scripts.start)
    .split(' ')
    .filter((word) => word.startsWith('--'));
}
