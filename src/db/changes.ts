import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What every instance is told when a right changes (migrations/0018_gateways.sql). */
export type Changes = {
  /** Milliseconds since which something may have changed without a word of it having come here. */
  age(): number;
  /**
   * Resolves once all is known here that was committed before it was asked: for what one would refuse,
   * and may have been allowed a moment ago. Not more often than so many times a second.
   */
  hear(): Promise<void>;
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
  /** Milliseconds that it has to read all anew. */
  thorough: number;
  /** How often a second `hear` asks the database. */
  hears: number;
};

export const defaults: Settings = {
  every: 250,
  sure: 1000,
  patience: 700,
  thorough: 5000,
  hears: 100,
};

/**
 * Listens on a connection of its own, which answers a heartbeat only after it has delivered what was
 * told before. What was missed while there was none is made good by reading all anew.
 * @throws {Error} where the first reading fails.
 */
export async function createChanges(parts: Parts): Promise<Changes> {
  const { pool, onTold, isWhole, renew, onError } = parts;
  const { every, sure, patience, thorough, hears } = { ...defaults, ...parts.settings };
  const closing = new AbortController();
  let listener: pg.Client | undefined;
  let knownAt = Number.NEGATIVE_INFINITY; // what was committed before is known here
  let changed = 1; // how often all may have changed: it was told, or nobody listened
  let read = 0; // which of these was made good by reading anew
  let clock = 0; // what the database's is ahead of ours
  let renewing: Promise<void> | undefined;
  let beating: Promise<void> | undefined;
  let nextBeat: Promise<void> | undefined;
  let settling: Promise<void> | undefined;
  let failing = false;
  let heard = { from: 0, times: 0 };

  const age = (): number => performance.now() - knownAt;
  const isBehind = (): boolean => read < changed;

  async function readAnew(): Promise<void> {
    const from = performance.now();
    const which = changed;
    await within(thorough, renew());
    read = which;
    if (from > knownAt) knownAt = from;
  }

  const renewOnce = (): Promise<void> => {
    renewing ??= readAnew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  /** Also what was told while it was read. */
  async function renewAll(): Promise<void> {
    for (let times = 0; isBehind() && times < 3; times += 1) await renewOnce();
  }

  async function ask(): Promise<void> {
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
    if (listener === one && !isBehind() && from > knownAt) knownAt = from;
  }

  /** One that begins from now on; they follow each other. */
  function beat(): Promise<void> {
    if (!beating) {
      beating = ask().finally(() => {
        beating = undefined;
      });
      return beating;
    }
    nextBeat ??= beating
      .catch(() => {})
      .then(() => {
        nextBeat = undefined;
        return beat();
      });
    return nextBeat;
  }

  function dropListener(): void {
    const one = listener;
    listener = undefined;
    changed += 1;
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
      changed += 1;
      renewAll().catch(() => {}); // the next heartbeat tries again
    });
    try {
      await within(patience, one.connect());
      await within(patience, one.query('listen sandgate'));
      listener = one;
      changed += 1;
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
      await renewAll();
      failing = false;
    } catch (error) {
      dropListener();
      if (closing.signal.aborted) return;
      if (!failing) onError(error);
      failing = true;
      // perhaps it is only that nobody may listen: then all is read anew every second
      if (age() > sure / 2) await renewOnce().catch(() => {});
    }
  }

  /** Nobody has failed yet: this process may have been busy, and its heartbeat late. */
  async function catchUp(): Promise<void> {
    try {
      await (listener && !isBehind() ? beat() : renewOnce());
    } catch {
      await renewOnce().catch(() => {}); // what cannot be known is seen by its age
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
    async hear() {
      const from = performance.now();
      if (from - heard.from > 1000) heard = { from, times: 0 };
      heard.times += 1;
      if (failing || heard.times > hears) return;
      try {
        await within(patience, beat().then(renewAll));
      } catch {
        // then it is decided by what is known, and whether that will do is seen by its age
      }
    },
    async settle() {
      if (age() < sure || failing) return age();
      settling ??= catchUp().finally(() => {
        settling = undefined;
      });
      await within(patience, settling).catch(() => {});
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
