import { isIPv6 } from 'node:net';
import type pg from 'pg';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { TooMany } from '../base/errors.ts';
import { digest } from '../base/secrets.ts';
import type { Db } from './pool.ts';

/**
 * Who tries: the name that was given, whether or not anybody has it, and the network address.
 * Several names where one word may be meant in several ways. Whoever composes one of several parts
 * sets NUL between them, which no form of ours lets anybody type.
 */
export type Attempt = {
  name: string | readonly string[];
  address: string;
  /** The application by which they try, where it is one and has shown that it is. */
  client?: string;
  /** Whose account it is, where that is known: `name` may be a part of the tries at it. */
  account?: string;
};

export type Throttle = {
  /**
   * Counts an attempt before it is made, so that guesses sent all at once are counted too. One that
   * is refused was not made: it stays counted where it was refused, and for the network address.
   * @throws {TooMany} `too_many_attempts`, or `too_many_from_here` for the network address; nobody
   * is locked out for longer than the window.
   */
  attempt(who: Attempt): Promise<void>;
  /** A right password clears the count of the name that it proved, and of no other. */
  succeeded(who: Attempt, proved?: string): Promise<void>;
  /** For a name, or an account, whose owner has shown themselves in another way. */
  clear(name: string): Promise<void>;
};

/** At most `points` in `seconds`. */
export type Limit = { points: number; seconds: number };

type Settings = {
  /** What is counted here and nowhere else. */
  purpose: string;
  perName: Limit;
  /** One name from one network address: so that a stranger elsewhere cannot use up the name's own. */
  perNameAtAddress?: Limit;
  /** Null: network addresses are not limited. */
  perAddress: Limit | null;
  /** Of all names together that are tried by one client. */
  perClient?: Limit;
  /** Of all names together under which one account is tried. */
  perAccount?: Limit;
  /** Keyed, or a dump would name whoever is on a list of words. */
  fingerprint?: (text: string) => Buffer;
};

/** One count: what is limited, and under which key. */
type Count = { limiter: RateLimiterPostgres; key: string };

/** Counts shared by all instances. */
export function createThrottle(pool: pg.Pool, settings: Settings): Throttle {
  const { purpose, fingerprint = digest } = settings;
  const limiter = (kind: string, limit: Limit | null | undefined) =>
    limit &&
    new RateLimiterPostgres({
      storeClient: pool,
      tableName: 'throttles',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: `${purpose}:${kind}`,
      points: limit.points,
      duration: limit.seconds,
    });
  const names = limiter('name', settings.perName);
  const namesAt = limiter('name at address', settings.perNameAtAddress);
  const addresses = limiter('address', settings.perAddress);
  const clients = limiter('client', settings.perClient);
  const accounts = limiter('account', settings.perAccount);

  const count = (by: typeof names, text: string | undefined): Count[] =>
    by && text !== undefined ? [{ limiter: by, key: fingerprint(text).toString('base64url') }] : [];
  const ofAddress = ({ address }: Attempt) => count(addresses, networkOf(address));
  const ofWhole = ({ client, account }: Attempt) => [
    ...count(clients, client),
    ...count(accounts, account),
  ];
  const ofName = (name: string, { address }: Attempt) => [
    ...count(namesAt, `${folded(name)}\0${networkOf(address)}`),
    ...count(names, folded(name)),
  ];

  return {
    async attempt(who) {
      // From the widest to the narrowest: whoever is over their own limit must not keep names locked.
      for (const one of ofAddress(who)) await consume(one, 'too_many_from_here');
      const taken: Count[] = [];
      const all = [who.name].flat().flatMap((name) => ofName(name, who));
      for (const one of [...ofWhole(who), ...all]) {
        await consume(one).catch(async (refusal) => {
          for (const { limiter, key } of taken) await limiter.reward(key);
          throw refusal;
        });
        taken.push(one);
      }
    },
    async succeeded(who, proved = String(who.name)) {
      for (const name of [who.name].flat()) {
        for (const { limiter, key } of ofName(name, who)) {
          if (name === proved) await limiter.delete(key);
          else await limiter.reward(key);
        }
      }
      for (const { limiter, key } of [...ofWhole(who), ...ofAddress(who)]) {
        await limiter.reward(key);
      }
    },
    async clear(name) {
      for (const { limiter, key } of [...count(names, folded(name)), ...count(accounts, name)]) {
        await limiter.delete(key);
      }
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

async function consume({ limiter, key }: Count, code = 'too_many_attempts'): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
    throw new TooMany(
      code,
      `Too many attempts. Try again in ${inWords(seconds)}.`,
      seconds,
      refusal.consumedPoints === limiter.points + 1,
    );
  }
}

const inWords = (seconds: number): string => {
  if (seconds > 5400) return `${Math.ceil(seconds / 3600)} hours`;
  if (seconds > 90) return `${Math.ceil(seconds / 60)} minutes`;
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
};

export const deleteExpiredThrottles = (db: Db): Promise<unknown> =>
  db.query('delete from throttles where expire < extract(epoch from now()) * 1000');
