import { crc32 } from 'node:zlib';
import type { Limit } from '../products/product.ts';
import {
  type Bucket,
  bucketOf,
  isLeaving as isBucketLeaving,
  isLow as isBucketLow,
  isShort,
  isSpent,
  policyOf,
  spend,
  turn,
  wishAheadOf,
  wishOf,
} from './bucket.ts';
import type { Unspent, Wish } from './share-store.ts';

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

/** What this instance holds for one holder; the quota first, since waiting for it is longer. */
export type Purse = {
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

/** A share that is asked for. */
export type Ask = { bucket: Bucket; wish: Wish };

export const purseFor = (holder: Holder, before: Promise<void> | undefined): Purse => ({
  id: holder.id,
  holder,
  buckets: bucketsOf(holder),
  waiting: 0,
  fetching: undefined,
  before,
});

/** Takes one call from all buckets, or from none. Undefined: a share must be fetched first. */
export function decide({ buckets }: Purse, at: number): Allowance | undefined {
  let isAnyShort = false;
  for (const bucket of buckets) {
    turn(bucket, at);
    if (isSpent(bucket, at)) return allowance(buckets, at, bucket);
    isAnyShort ||= isShort(bucket, at);
  }
  if (isAnyShort) return undefined;
  for (const bucket of buckets) spend(bucket, at);
  return allowance(buckets, at);
}

const allowance = (buckets: readonly Bucket[], at: number, spent?: Bucket): Allowance => ({
  exceeded: spent?.kind ?? null,
  retryAfter: spent ? policyOf(spent, at).reset : 0,
  policies: buckets.map((bucket) => policyOf(bucket, at)),
});

const bucketsOf = ({ id, anchor, quota, rate }: Holder): Bucket[] => [
  ...(quota ? [bucketOf(id, { kind: 'quota', limit: quota, anchor: Math.floor(anchor) })] : []),
  ...(rate ? [bucketOf(id, { kind: 'rate', limit: rate, anchor: beginOf(id, rate) })] : []),
];

/** Whether it is soon short, if calls go on as they came. */
export const isLow = ({ buckets }: Purse, at: number): boolean =>
  buckets.some((bucket) => isBucketLow(bucket, at));

/** Whether those who called in a window will find none of their own in the next one. */
export const isLeaving = ({ buckets }: Purse, at: number): boolean =>
  buckets.some((bucket) => isBucketLeaving(bucket, at));

/** What those who wait need. */
export const asksNow = ({ buckets, waiting }: Purse, at: number): Ask[] =>
  buckets
    .filter((bucket) => isShort(bucket, at))
    .map((bucket) => ({ bucket, wish: wishOf(bucket, at, waiting) }));

/** What those who come next will need. */
export const asksAhead = ({ buckets }: Purse, at: number): Ask[] =>
  buckets.flatMap((bucket) => {
    const wish = wishAheadOf(bucket, at);
    return wish ? [{ bucket, wish }] : [];
  });

/** On every instance the same, and not for all holders at once: each begins by fetching a share. */
const beginOf = (id: string, { seconds }: Limit): number => crc32(id) % (seconds * 1000);

/** Whether the limits are still those that it was made for; looks closely only at those given anew. */
export function fits(purse: Purse, holder: Holder): boolean {
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

/** Empties it into what is given back: once. */
export function takeLeft({ buckets }: Purse): Unspent[] {
  const unspent = buckets.flatMap(({ holder, kind, seconds, start, left, next }) =>
    [{ start, left }, ...(next ? [{ start: next.start, left: next.left }] : [])].map((one) => ({
      holder,
      kind,
      seconds,
      ...one,
    })),
  );
  for (const bucket of buckets) Object.assign(bucket, { left: 0, next: undefined });
  return unspent.filter(({ left }) => left > 0);
}
