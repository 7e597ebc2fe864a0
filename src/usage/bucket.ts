import type { Limit } from '../products/product.ts';
import type { Kind, Share, Wish } from './share-store.ts';

/** What this instance knows and holds of one window. Times are milliseconds of `performance.now()`. */
type Window = {
  /** Calls of our share that nobody has made yet. */
  left: number;
  /** What all instances took of the window, as of our last share. */
  taken: number;
  /** The window's first moment by the database's clock. */
  start: number;
  /** The window has begun by then. */
  begun: number;
  /** The window is not over before; from here on we ask. */
  until: number;
  /** The window is over by then: what callers are told. */
  ends: number;
  /** How large a share our callers need, and since when it is spent. */
  want: number;
  since: number;
};

/** One limit of one holder; `next` is held from shortly before its window begins. */
export type Bucket = Limit &
  Window & { holder: string; kind: Kind; anchor: number; next: Window | undefined };

/** Milliseconds that a share should last at least, and at most. */
const shortest = 2_000;
const longest = 10_000;
/** Milliseconds before a window's end from which on a share of the next one is asked for, at most. */
const ahead = 1_500;
const isEnding = ({ until, seconds }: Bucket, at: number): boolean =>
  at >= until - Math.min(ahead, seconds * 500);

export function bucketOf(
  holder: string,
  { kind, limit, anchor }: { kind: Kind; limit: Limit; anchor: number },
): Bucket {
  const never = Number.NEGATIVE_INFINITY;
  const none = { left: 0, taken: 0, start: never, begun: never, until: never, ends: never };
  return { ...limit, holder, kind, anchor, ...none, want: 1, since: never, next: undefined };
}

/** Goes on to the next window where that has begun and we hold some of it. */
export function turn(bucket: Bucket, at: number): void {
  if (bucket.next && at >= bucket.next.begun)
    Object.assign(bucket, bucket.next, { next: undefined });
}

/** Whether nothing of the window is left for anybody. */
export const isSpent = ({ until, left, taken, calls }: Bucket, at: number): boolean =>
  at < until && left === 0 && taken >= calls;

/**
 * Whether a share must be fetched before one can tell. Between two windows, where it is not sure which
 * of them it is, a call counts in both.
 */
export const isShort = ({ until, left, taken, calls, next }: Bucket, at: number): boolean =>
  at >= until ? !(next && left > 0 && next.left > 0) : left === 0 && taken < calls;

/** Takes one call. Only after `turn`, and where nothing is short. */
export function spend(bucket: Bucket, at: number): void {
  bucket.left -= 1;
  if (bucket.next && at >= bucket.until) bucket.next.left -= 1;
}

/** Whether another share is soon needed, by those who call as they do now. */
export const isLow = (bucket: Bucket, at: number): boolean =>
  isEnding(bucket, at) ? isLeaving(bucket, at) : isHalfSpent(bucket);

/**
 * Whether its window ends soon and nothing is held of the next one. Only calls turn it to its next
 * window, so that one in which nobody called is followed by none.
 */
export const isLeaving = (bucket: Bucket, at: number): boolean =>
  at < bucket.until && isEnding(bucket, at) && bucket.next === undefined;

/** A share of one call has no half: others may need it more. */
const isHalfSpent = ({ left, want, taken, calls }: Bucket): boolean =>
  left * 2 <= want && want > 1 && taken < calls;

/** For those who wait for it; between two windows they need the few calls that they make there. */
export function wishOf(bucket: Bucket, at: number, waiting: number): Wish {
  const isOver = at >= bucket.until;
  const rest = isOver ? bucket.calls : bucket.calls - bucket.taken;
  return wishFor(bucket, Math.max(waiting, isOver && bucket.next ? 1 : sizeOf(bucket, at, rest)));
}

/** For those who will come. Undefined: enough is held, or nobody came since the window ended. */
export function wishAheadOf(bucket: Bucket, at: number): Wish | undefined {
  const { calls, taken, left, start, seconds } = bucket;
  if (!isLow(bucket, at)) return undefined;
  if (!isEnding(bucket, at)) return wishFor(bucket, sizeOf(bucket, at, calls - taken) - left);
  return { ...wishFor(bucket, sizeOf(bucket, at, calls)), start: start + seconds * 1000 };
}

const wishFor = ({ holder, kind, calls, seconds, anchor }: Bucket, want: number): Wish => {
  const most = tenthOf(calls);
  return { holder, kind, calls, seconds, anchor, want: Math.max(1, Math.min(want, most)) };
};

/** No share is more, so that others get theirs. */
const tenthOf = (calls: number): number => Math.max(1, Math.floor(calls / 10));

/** Grows and shrinks with demand, but is no less than a fiftieth of what is left for all. */
function sizeOf({ calls, want, left, since }: Bucket, at: number, rest: number): number {
  const lasts = ((at - since) * want) / Math.max(1, want - left);
  const needed = lasts < shortest ? want * 2 : lasts > longest ? Math.ceil(want / 2) : want;
  return Math.min(Math.max(needed, Math.floor(rest / 50)), tenthOf(calls));
}

/**
 * The database's clock showed `share.now`, in whole milliseconds, at some moment between our asking and
 * its answer; of the two, a window begins late and ends early for ourselves, and ends late for those
 * whom we tell.
 */
export function receive(
  bucket: Bucket,
  share: Share,
  { asked, answered }: { asked: number; answered: number },
): void {
  if (share.start < bucket.start && asked < bucket.begun) return; // we went on to the next meanwhile
  const length = bucket.seconds * 1000;
  const begins = share.start - share.now; // from the moment of `now`
  const { next } = bucket;
  const held = next?.start === share.start ? next : bucket;
  const left = share.given + (held.start === share.start ? held.left : 0);
  const window: Window = {
    left,
    taken: share.taken,
    start: share.start,
    begun: answered + begins,
    until: asked + begins + length - 1,
    ends: answered + begins + length,
    want: Math.max(1, left),
    since: begins > 0 ? answered + begins : asked,
  };
  if (begins > 0) bucket.next = window;
  else Object.assign(bucket, window, { next: next && next.start > share.start ? next : undefined });
}

/** What callers are told of the window; `reset` in whole seconds, rounded up. */
export function policyOf({ kind, calls, seconds, left, taken, ends }: Bucket, at: number) {
  const over = at >= ends;
  const remaining = over ? calls : left + Math.max(0, calls - taken);
  const rest = over ? seconds : Math.ceil((ends - at) / 1000);
  return { name: kind, calls, seconds, remaining, reset: Math.max(1, Math.min(rest, seconds)) };
}
