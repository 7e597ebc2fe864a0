import type pg from 'pg';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { TooMany } from '../base/errors.ts';
import { digest } from '../base/secrets.ts';
import type { Db } from './pool.ts';

/** Who tries: the name that was given, whether or not anybody has it, and the network address. */
export type Attempt = { name: string; address: string };

export type Throttle = {
  /**
   * Counts an attempt before it is made, so that guesses sent all at once are counted too.
   * @throws {TooMany} `too_many_attempts`; nobody is locked out for longer than the window.
   */
  attempt(who: Attempt): Promise<void>;
  /** A right password clears the name's count. */
  succeeded(who: Attempt): Promise<void>;
};

/** At most `points` in `seconds`. */
export type Limit = { points: number; seconds: number };

/** Counts shared by all instances. `perAddress` null: network addresses are not limited. */
export function createThrottle(
  pool: pg.Pool,
  { purpose, perName, perAddress }: { purpose: string; perName: Limit; perAddress: Limit | null },
): Throttle {
  const limiter = (kind: string, { points, seconds }: Limit) =>
    new RateLimiterPostgres({
      storeClient: pool,
      tableName: 'throttles',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: `${purpose}:${kind}`,
      points,
      duration: seconds,
    });
  const names = limiter('name', perName);
  const addresses = perAddress && limiter('address', perAddress);

  return {
    async attempt({ name, address }) {
      await consume(names, keyOf(name));
      if (addresses) await consume(addresses, keyOf(address));
    },
    async succeeded({ name, address }) {
      await names.delete(keyOf(name));
      await addresses?.reward(keyOf(address));
    },
  };
}

/** Upper and lower case and any spelling of the same letters are one name; a digest, so that a dump names nobody. */
const keyOf = (text: string): string =>
  digest(text.normalize('NFKC').trim().toLowerCase()).toString('base64url');

async function consume(limiter: RateLimiterPostgres, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
    throw new TooMany(
      'too_many_attempts',
      `Too many attempts. Try again in ${inWords(seconds)}.`,
      seconds,
    );
  }
}

const inWords = (seconds: number): string => {
  if (seconds > 90) return `${Math.ceil(seconds / 60)} minutes`;
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
};

export const deleteExpiredThrottles = (db: Db): Promise<unknown> =>
  db.query('delete from throttles where expire < extract(epoch from now()) * 1000');
