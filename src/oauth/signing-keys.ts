import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { JWK } from 'jose';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { type Keyring, newId } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import { insertSigningKey, listSigningKeys, lockSigningKeys, type SealedKey } from './store.ts';

const makeKeyPair = promisify(generateKeyPair);

/** RSA for gateways that know nothing else (Azure, AWS, Spring), P-256 for those who want it small. */
const algorithms = ['RS256', 'ES256'] as const;

/**
 * The private keys of one environment as JWKs, the signing one of each algorithm first; made and
 * sealed on the first start. What comes back must reach no log.
 * @throws {Error} in plain words when the master secret is not the one they were sealed with; no new
 * key is then made over the old ones.
 */
export async function signingKeysOf(
  pool: pg.Pool,
  keyring: Keyring,
  environment: Environment,
): Promise<JWK[]> {
  const sealed = await listSigningKeys(pool, environment);
  const complete = algorithms.every((alg) => sealed.some((key) => key.alg === alg));
  const keys = complete ? sealed : await makeMissingKeys(pool, keyring, environment);
  return keys.map((key) => unsealed(key, keyring, environment));
}

const makeMissingKeys = (pool: pg.Pool, keyring: Keyring, environment: Environment) =>
  transaction(pool, async (tx: Db) => {
    await lockSigningKeys(tx);
    const present = await listSigningKeys(tx, environment);
    for (const key of present) unsealed(key, keyring, environment); // a wrong secret stops us here
    for (const alg of algorithms) {
      if (present.some((key) => key.alg === alg)) continue;
      const kid = newId();
      const sealed = keyring.seal(await newPrivatePem(alg), context(environment, kid));
      await insertSigningKey(tx, environment, { kid, alg, sealed });
    }
    return listSigningKeys(tx, environment);
  });

async function newPrivatePem(alg: SealedKey['alg']): Promise<string> {
  const { privateKey } =
    alg === 'RS256'
      ? await makeKeyPair('rsa', { modulusLength: 2048 })
      : await makeKeyPair('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string; // a PEM export is text
}

function unsealed(key: SealedKey, keyring: Keyring, environment: Environment): JWK {
  let pem: string;
  try {
    pem = keyring.open(key.sealed, context(environment, key.kid));
  } catch {
    throw new Error(
      'SANDGATE_SECRET is not the one that this database was set up with: its signing keys cannot be opened. Start with the secret it was set up with.',
    );
  }
  const jwk = createPrivateKey(pem).export({ format: 'jwk' }) as JWK;
  return { ...jwk, kid: key.kid, alg: key.alg, use: 'sig' };
}

const context = (environment: Environment, kid: string) => `signing-key:${environment}:${kid}`;
