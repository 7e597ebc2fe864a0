import type pg from 'pg';
import { createThrottle, type Throttle } from './throttle.ts';

/** What may be tried how often, by one name and from one network address. */
const limits = {
  passwords: {
    perName: { points: 20, seconds: 300 },
    perAddress: { points: 100, seconds: 300 },
    perClient: { points: 200, seconds: 300 },
  },
  /**
   * Letters that a stranger can have sent: five an hour, and from wherever no more than ten in ten
   * minutes, so that whoever sets many strangers at it keeps the owner waiting for minutes only.
   */
  letters: {
    perNameAtAddress: { points: 5, seconds: 3600 },
    perName: { points: 10, seconds: 600 },
    perAddress: { points: 50, seconds: 3600 },
  },
  /** Letters that an account can have sent to others. */
  ownLetters: { perName: { points: 5, seconds: 3600 }, perAddress: { points: 50, seconds: 3600 } },
  /** Over all letters to one recipient: a million codes take more than a century. */
  codes: { perName: { points: 20, seconds: 86_400 }, perAddress: { points: 100, seconds: 3600 } },
  /** An app's: browsers that the account knows are counted apart, and all together. */
  secondFactors: {
    perName: { points: 20, seconds: 86_400 },
    perAddress: { points: 100, seconds: 300 },
    perAccount: { points: 100, seconds: 86_400 },
  },
  /** What an account has our relay send. */
  calls: { perName: { points: 120, seconds: 60 }, perAddress: { points: 600, seconds: 60 } },
} as const;

/** Makes a throttle for one purpose, such as `register`, with the limits of its kind. */
export type Limited = (purpose: string, what: keyof typeof limits) => Throttle;

export const throttlesOf =
  (parts: {
    pool: pg.Pool;
    fingerprint: (text: string) => Buffer;
    limitAddresses: boolean;
  }): Limited =>
  (purpose, what) =>
    createThrottle(parts.pool, {
      purpose,
      fingerprint: parts.fingerprint,
      ...limits[what],
      perAddress: parts.limitAddresses ? limits[what].perAddress : null,
    });
