import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { receive } from './bucket.ts';
import {
  type Allowance,
  type Ask,
  asksAhead,
  asksNow,
  decide,
  fits,
  type Holder,
  isLeaving,
  isLow,
  type Purse,
  purseFor,
  takeLeft,
} from './purse.ts';
import { giveBack, takeShares } from './share-store.ts';
import { together } from './together.ts';

export type Limits = {
  /**
   * Takes one call from both limits, or from neither where one is exceeded. A promise only where a
   * share must be fetched first; it rejects where the database gives none within three seconds.
   */
  take(holder: Holder): Allowance | Promise<Allowance>;
  /** Gives back what was not spent, for other instances. */
  close(): Promise<void>;
};

/** Milliseconds for which shares that will be needed are collected; half of one lasts as long. */
const patience = 500;
/** Holders of one statement: it locks rows that other instances wait for. */
const most = 200;

/**
 * Fixed windows, by the database's clock. Instances take shares of a window beforehand, so that all
 * together never allow more than the limit, and each may refuse too early by what is left of the
 * others' shares. A share is at most a tenth of the limit, and costs at most one statement; one
 * statement brings those of all who ask at once. For those who call steadily, or called in a window
 * that ends, theirs are asked for ahead, and they wait for none.
 */
export function createLimits({
  pool,
  remembered = 50_000,
}: {
  pool: pg.Pool;
  /** Holders that are. */
  remembered?: number;
}): Limits {
  /** Whoever fetched last stands last. */
  const purses = new Map<string, Purse>();

  function purseOf(holder: Holder): Purse {
    const known = purses.get(holder.id);
    if (known && fits(known, holder)) return known;
    return purseFor(holder, known && putBack([known]));
  }

  function remember(purse: Purse): void {
    const other = purses.get(purse.id);
    if (other && other !== purse) void putBack([other]);
    purses.delete(purse.id);
    purses.set(purse.id, purse);
    const [oldest] = purses.values();
    if (purses.size <= remembered || !oldest) return;
    purses.delete(oldest.id);
    void putBack([oldest]);
  }

  /** Tried once: what is lost on the way is refused too early, and never allowed twice. */
  async function putBack(given: Purse[]): Promise<void> {
    const unspent = given.flatMap(takeLeft);
    if (unspent.length > 0) await giveBack(pool, unspent).catch(() => {});
  }

  /** Answers when it was asked. */
  async function fetchShares(
    asking: readonly Purse[],
    asksOf: (purse: Purse, at: number) => Ask[],
  ): Promise<number> {
    const asked = performance.now();
    const asks = asking.flatMap((purse) => asksOf(purse, asked)).sort(inOrder);
    const wishes = asks.map(({ wish }) => wish);
    const shares = wishes.length > 0 ? await takeShares(pool, wishes) : [];
    const answered = performance.now();
    for (const [at, { bucket }] of asks.entries()) {
      const share = shares[at];
      if (share) receive(bucket, share, { asked, answered });
    }
    return asked;
  }

  const now = together<Purse, number>({
    delay: 0,
    most,
    async work(short) {
      await Promise.all(short.map(({ before }) => before));
      return fetchShares(short, asksNow);
    },
  });

  function fetchNow(purse: Purse): Promise<number> {
    remember(purse);
    purse.fetching = now.add(purse).finally(() => {
      purse.fetching = undefined;
    });
    return purse.fetching;
  }

  /** Whoever needs it sooner waits for it too; where it fails, he asks for himself. */
  const ahead = together<Purse, void>({
    delay: patience,
    most,
    async work(low) {
      const still = low.filter((purse) => !purse.fetching && purses.get(purse.id) === purse);
      const fetching = fetchShares(still, asksAhead).catch(() => performance.now());
      for (const purse of still) {
        remember(purse);
        purse.fetching = fetching;
      }
      await fetching;
      for (const purse of still) purse.fetching = undefined;
    },
  });

  let round = purses.values();
  function nextPurse(): Purse | undefined {
    const { value } = round.next();
    if (!value) round = purses.values();
    return value;
  }
  /** Finds each within half a second: all at once would keep callers waiting where there are many. */
  const looking = setInterval(() => {
    const at = performance.now();
    for (let rest = Math.ceil(purses.size / 5); rest > 0; rest -= 1) {
      const purse = nextPurse();
      if (purse && isLeaving(purse, at)) void ahead.add(purse);
    }
  }, patience / 5).unref();

  /** By what is known when it came, or was asked since then. */
  async function settle(purse: Purse, came: number): Promise<Allowance> {
    purse.waiting += 1;
    try {
      for (;;) {
        const asked = await soon(purse.fetching ?? fetchNow(purse), came + 3000);
        const allowance = decide(purse, Math.max(came, asked));
        if (allowance) return allowance;
      }
    } finally {
      purse.waiting -= 1;
    }
  }

  return {
    take(holder) {
      const purse = purseOf(holder);
      const at = performance.now();
      const allowance = decide(purse, at);
      if (!allowance) return settle(purse, at);
      if (isLow(purse, at)) void ahead.add(purse);
      return allowance;
    },
    async close() {
      clearInterval(looking);
      await Promise.all([now.close(), ahead.close()]);
      await putBack([...purses.values()]);
    },
  };
}

/** As all instances ask: who holds a row that another waits for must not wait for one of his. */
const inOrder = ({ wish: one }: Ask, { wish: other }: Ask): number =>
  compare(one.holder, other.holder) || compare(one.kind, other.kind);

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/** Until then, and never too late by our own fault: an answer that waits to be read is read. */
async function soon<T>(work: Promise<T>, deadline: number): Promise<T> {
  const done = new AbortController();
  const rest = Math.max(0, deadline - performance.now());
  const late = sleep(rest, undefined, { signal: done.signal })
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
