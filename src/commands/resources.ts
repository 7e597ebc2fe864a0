import type pg from 'pg';
import { environments } from '../base/environment.ts';
import { createPasswords, type Passwords } from '../base/passwords.ts';
import { createKeyring, type Keyring } from '../base/secrets.ts';
import { type Config, developmentSecret } from '../config.ts';
import { startEmbedded } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import { createPool } from '../db/pool.ts';
import { signingKeysOf } from '../oauth/signing-keys.ts';

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
  const pool = createPool(database.url, (error) =>
    warn(`A database connection broke: ${error.message}`),
  );
  const passwords = createPasswords();
  const close = async (): Promise<void> => {
    passwords.close();
    await pool.end();
    await database.stop();
  };
  try {
    const keyring = createKeyring(config.secret ?? developmentSecret(config.dataDir));
    await migrate(database.url);
    // Whatever is sealed opens with the same secret: these say so first, and in plain words.
    for (const environment of environments) await signingKeysOf(pool, keyring, environment);
    return { pool, keyring, passwords, close };
  } catch (error) {
    await close();
    throw unreachable(error) ?? error;
  }
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
