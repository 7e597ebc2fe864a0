import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What every instance is told when a right changes (migrations/0018_gateways.sql). */
export type Changes = {
  /** Milliseconds since which something may have changed without a word of it having come here. */
  age(): number;
  /** Asks the database where `age` is too high by now, and answers the age that is left. */
  settle(): Promise<number>;
  /** The database's clock, in milliseconds. */
  now(): number;
  close(): Promise<void>;
};

type Parts = {
  pool: pg.Pool;
  /** Hears of one thing, `subscription:<id>`, that is not as it was. */
  onTold(what: string): void;
  /** Whether this word is about so much that all is to be read anew. */
  isWhole(what: string): boolean;
  /** Reads all anew, and forgets what was known before. Where it fails, all stays as it was. */
  renew(): Promise<void>;
  /** Hears of the first of several failures in a row. */
  onError(error: unknown): void;
  settings?: Partial<Settings>;
};

type Settings = {
  /** Milliseconds between two heartbeats. */
  every: number;
  /** Milliseconds without one after which we are no longer sure. */
  sure: number;
  /** Milliseconds that the database has for an answer. */
  patience: number;
};

export const defaults: Settings = { every: 250, sure: 1000, patience: 700 };

/**
 * Listens on a connection of its own, which answers a heartbeat only after it has delivered what was
 * told before. What was missed while there was none is made good by reading all anew.
 * @throws {Error} where the first reading fails.
 */
export async function createChanges(parts: Parts): Promise<Changes> {
  const { pool, onTold, isWhole, renew, onError } = parts;
  const { every, sure, patience } = { ...defaults, ...parts.settings };
  const closing = new AbortController();
  let listener: pg.Client | undefined;
  let knownAt = Number.NEGATIVE_INFINITY; // what was committed before is known here
  let behind = true; // something whole was told, or nobody listened
  let clock = 0; // what the database's is ahead of ours
  let renewing: Promise<void> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failing = false;

  const age = (): number => performance.now() - knownAt;

  async function readAnew(): Promise<void> {
    const from = performance.now();
    behind = listener === undefined;
    try {
      await within(patience, renew());
    } catch (error) {
      behind = true;
      throw error;
    }
    if (from > knownAt) knownAt = from;
  }

  const renewOnce = (): Promise<void> => {
    renewing ??= readAnew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  async function beat(): Promise<void> {
    const one = listener;
    if (!one) throw new Error('nobody listens to the database');
    const from = performance.now();
    const { rows } = await within(
      patience,
      one.query<{ now: number }>(
        'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
      ),
    );
    const half = (performance.now() - from) / 2;
    clock = (rows[0]?.now ?? Date.now()) + half - Date.now();
    if (listener === one && !behind && from > knownAt) knownAt = from;
  }

  function dropListener(): void {
    const one = listener;
    listener = undefined;
    behind = true;
    one?.removeAllListeners('notification');
    one?.end().catch(() => {});
  }

  async function listen(): Promise<void> {
    const own = { connectionTimeoutMillis: patience, keepAlive: true };
    const one = new pg.Client({ ...pool.options, ...own });
    one.on('error', () => listener === one && dropListener());
    one.on('end', () => listener === one && dropListener());
    one.on('notification', ({ payload = '' }) => {
      if (!isWhole(payload)) return onTold(payload);
      behind = true;
      renewOnce()
        .then(() => (behind ? renewOnce() : undefined)) // told again while it was read
        .catch(() => {}); // the next heartbeat tries again
    });
    try {
      await within(patience, one.connect());
      await within(patience, one.query('listen sandgate'));
      listener = one;
    } catch (error) {
      one.end().catch(() => {});
      throw error;
    }
  }

  /** One turn: whatever is missing to be sure again, and a heartbeat. */
  async function turn(): Promise<void> {
    try {
      if (!listener) await listen();
      await beat();
      if (behind) await renewOnce();
      failing = false;
    } catch (error) {
      if (closing.signal.aborted) return;
      dropListener();
      if (!failing) onError(error);
      failing = true;
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await turn();
      await sleep(every, undefined, { signal: closing.signal, ref: false }).catch(() => {});
    }
  }

  const from = performance.now();
  await renew();
  knownAt = from;
  const running = run();

  return {
    age,
    now: () => Date.now() + clock,
    async settle() {
      if (age() < sure) return age();
      if (performance.now() - failedAt < every) return age(); // it was tried just now
      try {
        await (listener && !behind ? beat() : renewOnce());
        if (age() >= sure) await renewOnce();
      } catch {
        failedAt = performance.now();
      }
      return age();
    },
    async close() {
      closing.abort();
      dropListener();
      await running;
      await renewing?.catch(() => {});
      dropListener();
    },
  };
}

/** @throws {Error} where the work takes longer than `patience` milliseconds. */
export async function within<T>(patience: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(patience, undefined, { signal: done.signal }).then(() => {
    throw new Error('the database does not answer in time');
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
