import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';

/** What stop-database.ts has to clear away; both run in the same process. */
export type Started = { embedded?: Embedded; directory?: string; template: string };
declare global {
  var startedForTests: Started | undefined;
}

/**
 * Jest runs this once: a migrated database that every test file copies in milliseconds. It is made
 * on the server of TEST_DATABASE_URL, whose role must be allowed to create databases, or on one of
 * this run's own.
 */
export default async function makeTemplate(): Promise<void> {
  const started: Started = { template: `test_template_${randomBytes(6).toString('hex')}` };
  globalThis.startedForTests = started;

  if (!process.env.TEST_DATABASE_URL) {
    started.directory = await mkdtemp(join(tmpdir(), 'sandgate-test-'));
    started.embedded = await startEmbedded({
      dataDir: started.directory,
      role: 'owner',
      settings: {
        fsync: 'off',
        synchronous_commit: 'off',
        full_page_writes: 'off',
        max_connections: '200',
      },
    });
    process.env.TEST_DATABASE_URL = started.embedded.url;
    tidyUpOnInterrupt(started.directory);
  }
  process.env.TEST_TEMPLATE = started.template;

  await asAdmin(`create database ${started.template}`);
  await migrate(databaseUrl(started.template));
}

/** Jest leaves out the teardown when it is interrupted. PostgreSQL is told to stop when we exit. */
function tidyUpOnInterrupt(directory: string): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
}

/** The address of a database beside the template. */
export function databaseUrl(name: string): string {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '');
  url.pathname = name;
  return url.href;
}

/** Runs one statement that is about databases and so cannot run in one of them. */
export async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client(process.env.TEST_DATABASE_URL);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
