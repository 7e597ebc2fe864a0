import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type pg from 'pg';
import type { Limit } from '../products/product.ts';
import { type Bucket, bucketOf, isShort, isSpent, policyOf, receive, wishOf } from './bucket.ts';
import { giveBack, takeShares, type Unspent } from './share-store.ts';

export type Policy = {
  name: 'rate' | 'quota';
  calls: number;
  seconds: number;
  /** As far as this instance knows: others may have taken more since it asked. */
  remaining: number;
  /** Whole seconds until its window ends, rounded up. */
  reset: number;
};

export type Allowance = {
  exceeded: 'rate' | 'quota' | null;
  /** Seconds; 0 where nothing is exceeded. */
  retryAfter: number;
  policies: Policy[];
};

/**
 * Whose calls of a product are counted together: a team's, whichever subscription they go by, so that
 * asking anew begins no new window; or a first-party client's.
 */
export type Holder = {
  id: string;
  /** In milliseconds: the windows of a quota follow each other from here. */
  anchor: number;
  rate: Limit | null;
  quota: Limit | null;
};

export type Limits = {
  /**
   * Takes one call from both limits, or from neither where one is exceeded. A promise only where a
   * share must be fetched first; it rejects where the database gives none within three seconds.
   */
  take(holder: Holder): Allowance | Promise<Allowance>;
  /** Gives back what was not spent, for other instances. */
  close(): Promise<void>;
};

/** What this instance holds for one holder; the quota first, since waiting for it is longer. */
type Purse = {
  id: string;
  /** As it was asked for last. */
  holder: Holder;
  buckets: Bucket[];
  /** How many wait for a share, and the one that is on its way: when it was asked for. */
  waiting: number;
  fetching: Promise<number> | undefined;
  /** What goes before the first one: the purse before this gives back what it had. */
  before: Promise<void> | undefined;
};

/**
 * Fixed windows, by the database's clock. Instances take shares of a window beforehand, so that all
 * together never allow more than the limit, and each may refuse too early by what is left of the
 * others' last shares. A share is one statement, and at most a tenth of the limit.
 */
export function createLimits({
  pool,
  most = 50_000,
}: {
  pool: pg.Pool;
  /** Holders that are remembered. */
  most?: number;
}): Limits {
  /** Whoever fetched last stands last. */
  const purses = new Map<string, Purse>();

  function purseOf(holder: Holder): Purse {
    const known = purses.get(holder.id);
    if (known && fits(known, holder)) return known;
    const before = known && putBack([known]);
    const { id } = holder;
    return { id, holder, buckets: bucketsOf(holder), waiting: 0, fetching: undefined, before };
  }

  function remember(purse: Purse): void {
    purses.delete(purse.id);
    purses.set(purse.id, purse);
    const [oldest] = purses.values();
    if (purses.size <= most || !oldest) return;
    purses.delete(oldest.id);
    void putBack([oldest]);
  }

  /** Tried once: what is lost on the way is refused too early, and never allowed twice. */
  async function putBack(given: Purse[]): Promise<void> {
    const unspent = given.flatMap(({ id, buckets }) => buckets.flatMap((one) => takeLeft(id, one)));
    if (unspent.length > 0) await giveBack(pool, unspent).catch(() => {});
  }

  /** Answers when it was asked: whoever waited for it is decided as of that moment. */
  async function fetchShares(purse: Purse): Promise<number> {
    remember(purse);
    await purse.before;
    const asked = performance.now();
    const short = purse.buckets.filter((bucket) => isShort(bucket, asked));
    const wishes = short.map((bucket) => wishOf(bucket, asked, purse.waiting));
    const shares = await takeShares(pool, purse.id, wishes);
    const answered = performance.now();
    for (const bucket of short) {
      const share = shares.find(({ kind }) => kind === bucket.kind);
      if (share) receive(bucket, share, { asked, answered });
    }
    return asked;
  }

  async function settle(purse: Purse): Promise<Allowance> {
    purse.waiting += 1;
    try {
      for (;;) {
        purse.fetching ??= fetchShares(purse).finally(() => {
          purse.fetching = undefined;
        });
        const allowance = decide(purse, await soon(purse.fetching));
        if (allowance) return allowance;
      }
    } finally {
      purse.waiting -= 1;
    }
  }

  return {
    take(holder) {
      const purse = purseOf(holder);
      return decide(purse, performance.now()) ?? settle(purse);
    },
    async close() {
      const all = [...purses.values()];
      await Promise.allSettled(all.map(({ fetching }) => fetching));
      await putBack(all);
    },
  };
}

/** Undefined: a share must be fetched first. */
function decide({ buckets }: Purse, at: number): Allowance | undefined {
  let isAnyShort = false;
  for (const bucket of buckets) {
    if (isSpent(bucket, at)) return allowance(buckets, at, bucket);
    isAnyShort ||= isShort(bucket, at);
  }
  if (isAnyShort) return undefined;
  for (const bucket of buckets) bucket.left -= 1;
  return allowance(buckets, at);
}

const allowance = (buckets: readonly Bucket[], at: number, spent?: Bucket): Allowance => ({
  exceeded: spent?.kind ?? null,
  retryAfter: spent ? policyOf(spent, at).reset : 0,
  policies: buckets.map((bucket) => policyOf(bucket, at)),
});

const bucketsOf = ({ id, anchor, quota, rate }: Holder): Bucket[] => [
  ...(quota ? [bucketOf('quota', quota, Math.floor(anchor))] : []),
  ...(rate ? [bucketOf('rate', rate, beginOf(id, rate))] : []),
];

/** On every instance the same, and not for all holders at once: each begins by fetching a share. */
const beginOf = (id: string, { seconds }: Limit): number => crc32(id) % (seconds * 1000);

/** Whether the limits are still those that it was made for; looks closely only at those given anew. */
function fits(purse: Purse, holder: Holder): boolean {
  const { anchor, rate, quota } = purse.holder;
  if (rate === holder.rate && quota === holder.quota && anchor === holder.anchor) return true;
  if (!isOf(purse.buckets, holder)) return false;
  purse.holder = holder;
  return true;
}

const isOf = (buckets: readonly Bucket[], holder: Holder): boolean =>
  buckets.length === Number(holder.quota !== null) + Number(holder.rate !== null) &&
  buckets.every(({ kind, calls, seconds, anchor }) => {
    const limit = holder[kind];
    const sameStart = kind === 'rate' || anchor === Math.floor(holder.anchor);
    return limit?.calls === calls && limit.seconds === seconds && sameStart;
  });

/** Empties the bucket into what is given back: once. */
function takeLeft(holder: string, bucket: Bucket): Unspent[] {
  const { kind, seconds, start, left } = bucket;
  bucket.left = 0;
  return left > 0 ? [{ holder, kind, seconds, start, left }] : [];
}

/** Within three seconds, and never too late by our own fault: an answer that waits to be read is read. */
async function soon<T>(work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(3000, undefined, { signal: done.signal })
    .then(() => nextTurn())
    .then(() => {
      throw new Error('the database gave no share of a limit within three seconds');
    });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
