import type pg from 'pg';
import { createPasswords, type Passwords } from '../base/passwords.ts';
import { createKeyring, type Keyring } from '../base/secrets.ts';
import { type Config, developmentSecret } from '../config.ts';
import { startEmbedded } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import { createPool } from '../db/pool.ts';

/** What every command stands on. */
export type Resources = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  close(): Promise<void>;
};

/**
 * Opens the database, our own where DATABASE_URL names none, and brings it up to date. `serves`:
 * this process keeps the embedded one running, where a mere command joins a server that does.
 */
export async function openResources(
  config: Config,
  { serves, warn }: { serves: boolean; warn: (message: string) => void },
): Promise<Resources> {
  const database = config.databaseUrl
    ? { url: config.databaseUrl, stop: async () => {} }
    : await startEmbedded({
        dataDir: config.dataDir,
        role: serves ? 'owner' : 'guest-or-owner',
        log: warn,
      });
  try {
    await migrate(database.url);
  } catch (error) {
    await database.stop();
    throw unreachable(error) ?? error;
  }
  const pool = createPool(database.url, (error) =>
    warn(`A database connection broke: ${error.message}`),
  );
  const passwords = createPasswords();
  return {
    pool,
    keyring: createKeyring(config.secret ?? developmentSecret(config.dataDir)),
    passwords,
    async close() {
      passwords.close();
      await pool.end();
      await database.stop();
    },
  };
}

/** Node's own words for a database that is away name an address and no remedy. */
function unreachable(error: unknown): Error | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|28P01|28000|3D000)$/.test(code ?? '')) {
    return undefined;
  }
  return new Error(
    `The database of DATABASE_URL cannot be used: ${message || code}. Start it, or correct the address.`,
    { cause: error },
  );
}
