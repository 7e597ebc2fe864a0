import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { createListener } from './listener.ts';
import { within } from './patience.ts';

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
  /**
   * Reads anew what is told of as a whole. Where it fails, all stays as it was.
   * @param missed whether there may have been words that nobody heard: then nothing known before holds.
   */
  renew(missed: boolean): Promise<void>;
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
 * told before. What was missed while nobody listened is made good by reading all anew.
 * @throws {Error} where the first reading fails.
 */
export async function createChanges(parts: Parts): Promise<Changes> {
  const { pool, onTold, isWhole, renew, onError } = parts;
  const { every, sure, patience, thorough, hears } = { ...defaults, ...parts.settings };
  const closing = new AbortController();
  let knownAt = Number.NEGATIVE_INFINITY; // what was committed before is known here
  let changed = 1; // how often all may have changed: it was told, or nobody listened
  let read = 0; // which of these was made good by reading anew
  let readAt = Number.NEGATIVE_INFINITY;
  let missed = true;
  let clock = 0; // what the database's is ahead of ours
  let renewing: Promise<void> | undefined;
  let settling: Promise<void> | undefined;
  let pausing: Promise<void> | undefined;
  let failing = false;
  let heard = { from: 0, times: 0 };

  const age = (): number => performance.now() - knownAt;
  const isBehind = (): boolean => read < changed;
  const pause = (ms: number): Promise<void> =>
    sleep(Math.max(0, ms), undefined, { signal: closing.signal, ref: false });
  const listener = createListener({
    pool,
    patience,
    onWord(what) {
      if (!isWhole(what)) return onTold(what);
      changed += 1;
      renewAll().catch(() => {}); // the next heartbeat tries again
    },
    onGap: missWords,
  });

  function missWords(): void {
    changed += 1;
    missed = true;
  }

  async function readAnew(): Promise<void> {
    const from = performance.now();
    readAt = from;
    const which = changed;
    const wholly = missed || !listener.connected();
    missed = false;
    await within(thorough, renew(wholly)).catch((error) => {
      missed ||= wholly;
      throw error;
    });
    read = which;
    if (from > knownAt) knownAt = from;
  }

  const renewOnce = (): Promise<void> => {
    renewing ??= readAnew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  /** One that is under way may have begun too early: then it takes another. */
  async function renewAll(wanted = changed): Promise<void> {
    while (read < wanted) await renewOnce();
  }

  async function beat(): Promise<void> {
    const { from, clock: ahead } = await listener.ask();
    clock = ahead;
    if (!isBehind() && from > knownAt) knownAt = from;
  }

  /** One turn: whatever is missing to be sure again, and a heartbeat. */
  async function turn(): Promise<void> {
    const meanwhile = failing ? renewOnce().catch(() => {}) : undefined; // perhaps nobody may listen
    try {
      if (!listener.connected()) await listener.connect();
      await beat();
      await renewAll();
      failing = false;
    } catch (error) {
      if (closing.signal.aborted) return;
      if (!failing) onError(error);
      failing = true;
      await meanwhile;
      if (age() > sure / 2) await renewOnce().catch(() => {});
    }
  }

  /** Not more often than one would have listened: whoever waits shares a reading with all who came meanwhile. */
  async function readInstead(): Promise<void> {
    missWords();
    const wanted = changed;
    pausing ??= pause(readAt + every - performance.now()).finally(() => {
      pausing = undefined;
    });
    await pausing;
    await renewAll(wanted);
  }

  const hearAll = (): Promise<void> =>
    failing ? readInstead() : beat().then(() => renewAll(), readInstead);

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await turn();
      await pause(every).catch(() => {});
    }
  }

  const from = performance.now();
  await renew(true);
  knownAt = from;
  const running = run();

  return {
    age,
    now: () => Date.now() + clock,
    async hear() {
      const from = performance.now();
      if (from - heard.from > 1000) heard = { from, times: 0 };
      heard.times += 1;
      if (heard.times > hears || (failing && age() >= sure)) return;
      try {
        await within(patience, hearAll());
      } catch {
        // then it is decided by what is known, and whether that will do is seen by its age
      }
    },
    async settle() {
      if (age() < sure || failing) return age();
      // nobody has failed yet: this process may have been busy, and its heartbeat late
      settling ??= hearAll().finally(() => {
        settling = undefined;
      });
      await within(patience, settling).catch(() => {}); // what cannot be known is seen by its age
      return age();
    },
    async close() {
      closing.abort();
      listener.drop();
      await running;
      await renewing?.catch(() => {});
      listener.drop();
    },
  };
}
