import { isIPv6 } from 'node:net';
import type pg from 'pg';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { TooMany } from '../base/errors.ts';
import { digest } from '../base/secrets.ts';
import type { Db } from './pool.ts';

/**
 * Who tries: the name that was given, whether or not anybody has it, and the network address.
 * Several names where one word may be meant in several ways.
 */
export type Attempt = { name: string | readonly string[]; address: string };

export type Throttle = {
  /**
   * Counts an attempt before it is made, so that guesses sent all at once are counted too.
   * @throws {TooMany} `too_many_attempts`; nobody is locked out for longer than the window.
   */
  attempt(who: Attempt): Promise<void>;
  /** A right password clears the count of the name that it proved, and of no other. */
  succeeded(who: Attempt, proved?: string): Promise<void>;
};

/** At most `points` in `seconds`. */
export type Limit = { points: number; seconds: number };

type Settings = {
  /** What is counted here and nowhere else. */
  purpose: string;
  perName: Limit;
  /** Null: network addresses are not limited. */
  perAddress: Limit | null;
  /** Keyed, or a dump would name whoever is on a list of words. */
  fingerprint?: (text: string) => Buffer;
};

/** Counts shared by all instances. */
export function createThrottle(pool: pg.Pool, settings: Settings): Throttle {
  const { purpose, perName, perAddress, fingerprint = digest } = settings;
  const keyOf = (text: string) => fingerprint(text).toString('base64url');
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
      // The address first: one that is over its own limit must not keep names locked.
      if (addresses) await consume(addresses, keyOf(networkOf(address)));
      for (const one of [name].flat()) await consume(names, keyOf(folded(one)));
    },
    async succeeded({ name, address }, proved = String(name)) {
      for (const one of [name].flat()) {
        if (one === proved) await names.delete(keyOf(folded(one)));
        else await names.reward(keyOf(folded(one)));
      }
      await addresses?.reward(keyOf(networkOf(address)));
    },
  };
}

/**
 * One count for all spellings that could be looked up as one name. Down, up and down again, and
 * without marks, because JavaScript and PostgreSQL differ about letters such as "ẞ", "ς" and "İ".
 */
const folded = (name: string): string =>
  name
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '');

/** Whoever has one IPv6 address has all of its /64. Some proxies name the port too, anew each time. */
function networkOf(given: string): string {
  const [, ipv6, ipv4] = /^(?:\[(.+)\]|([\d.]+))(?::\d+)?$/.exec(given) ?? [];
  const address = ipv6 ?? ipv4 ?? given;
  if (!isIPv6(address) || address.includes('.')) return address; // IPv4, perhaps written as IPv6
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  const zeros = Array(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':').toLowerCase();
}

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
      refusal.consumedPoints === limiter.points + 1,
    );
  }
}

const inWords = (seconds: number): string => {
  if (seconds > 90) return `${Math.ceil(seconds / 60)} minutes`;
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
};

export const deleteExpiredThrottles = (db: Db): Promise<unknown> =>
  db.query('delete from throttles where expire < extract(epoch from now()) * 1000');
