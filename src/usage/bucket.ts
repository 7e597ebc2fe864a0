import type { Limit } from '../products/product.ts';
import type { Kind, Share, Wish } from './share-store.ts';

/** What this instance knows and holds of one limit's window. Times are milliseconds of `performance.now()`. */
export type Bucket = Limit & {
  kind: Kind;
  anchor: number;
  /** Calls of our share that nobody has made yet. */
  left: number;
  /** What all instances took of the window, as of our last share. */
  taken: number;
  /** The window's first moment by the database's clock. */
  start: number;
  /** The window is not over before; from here on we ask. */
  until: number;
  /** The window is over by then: what callers are told. */
  ends: number;
  askedAt: number;
  /** How large a share our callers need. */
  want: number;
};

/** Milliseconds that a share should last at least, and at most. */
const shortest = 1_000;
const longest = 5_000;

export const bucketOf = (kind: Kind, limit: Limit, anchor: number): Bucket => ({
  ...limit,
  kind,
  anchor,
  left: 0,
  taken: 0,
  start: Number.NEGATIVE_INFINITY,
  until: Number.NEGATIVE_INFINITY,
  ends: Number.NEGATIVE_INFINITY,
  askedAt: Number.NEGATIVE_INFINITY,
  want: 1,
});

/** Whether nothing of the window is left for anybody. */
export const isSpent = ({ until, left, taken, calls }: Bucket, at: number): boolean =>
  at < until && left === 0 && taken >= calls;

/** Whether a share must be fetched before one can tell. */
export const isShort = (bucket: Bucket, at: number): boolean =>
  at >= bucket.until || (bucket.left === 0 && bucket.taken < bucket.calls);

/**
 * Grows and shrinks with demand, but is no less than a fiftieth of what is left;
 * never more than a tenth of the limit, so that others get theirs.
 */
export function wishOf(bucket: Bucket, at: number, waiting: number): Wish {
  const { kind, calls, seconds, anchor } = bucket;
  const generous = Math.floor((at < bucket.until ? calls - bucket.taken : calls) / 50);
  const needed = Math.max(neededOf(bucket, at), waiting, generous);
  bucket.want = Math.max(1, Math.min(needed, Math.floor(calls / 10)));
  return { kind, calls, seconds, anchor, want: bucket.want };
}

function neededOf({ want, left, askedAt }: Bucket, at: number): number {
  if (left > 0) return want - left; // the window ended first
  if (at - askedAt < shortest) return want * 2;
  return at - askedAt > longest ? Math.ceil(want / 2) : want;
}

/**
 * The database's clock showed `share.now` at some moment between our asking and its answer; of the
 * two, we end the window early for ourselves and late for those whom we tell.
 */
export function receive(
  bucket: Bucket,
  share: Share,
  { asked, answered }: { asked: number; answered: number },
): void {
  const rest = share.start + bucket.seconds * 1000 - share.now;
  bucket.left = share.given + (share.start === bucket.start ? bucket.left : 0);
  bucket.taken = share.taken;
  bucket.start = share.start;
  bucket.until = asked + rest;
  bucket.ends = answered + rest;
  bucket.askedAt = asked;
}

/** What callers are told of the window; `reset` in whole seconds, rounded up. */
export function policyOf({ kind, calls, seconds, left, taken, ends }: Bucket, at: number) {
  const over = at >= ends;
  const remaining = over ? calls : left + Math.max(0, calls - taken);
  const rest = over ? seconds : Math.ceil((ends - at) / 1000);
  return { name: kind, calls, seconds, remaining, reset: Math.max(1, Math.min(rest, seconds)) };
}
