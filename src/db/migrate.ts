import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** Beside src/ and beside dist/ alike. */
const shipped = fileURLToPath(new URL('../../migrations', import.meta.url));

type Options = {
  /** Hears one line for each migration that was run. */
  log?: (line: string) => void;
  /** Numbered .sql files; those that Sandgate ships unless told otherwise. */
  directory?: string;
};

/**
 * Brings the database up to date, each migration in a transaction of its own. Whoever comes while
 * another process migrates waits for it, so instances may start together. When it returns, its
 * connection is closed: the database may be used as a template.
 * @throws {Error} naming the migration that failed; those before it stay applied.
 */
export async function migrate(databaseUrl: string, options: Options = {}): Promise<void> {
  const { log = () => {}, directory = shipped } = options;
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'sandgate' });
  client.on('error', () => {}); // a lost connection also rejects the query under way

  const complaints: string[] = [];
  let current = '';
  try {
    await client.connect();
    const done = await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      migrationsTable: 'migrations',
      advisoryLockMode: 'wait',
      logger: {
        info: (line) => {
          current = /^### MIGRATION (\S+)/.exec(line)?.[1] ?? current;
        },
        warn: () => {},
        error: (complaint) => complaints.push(complaint),
      },
    });
    for (const { name } of done) log(`Applied migration ${name}.`);
  } catch (cause) {
    if (!current) throw cause;
    const detail = complaints[0] ?? String(cause);
    throw new Error(`Migration ${current} failed. ${detail}`, { cause });
  } finally {
    await client.end().catch(() => {}); // releases the lock, and rolls back what failed
  }
}
