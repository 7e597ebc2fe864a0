import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Call, Refusal } from './call.ts';
import { createCounting } from './counting.ts';
import { createKeyMarks } from './key-marks.ts';
import { createRefusing } from './refusing.ts';

export type Meter = {
  /** Counts one decided call. Nobody waits for it: it is written down within a second. */
  count(call: Call): void;
  /** Counts a refused call, and keeps why it was refused. */
  refuse(refusal: Refusal): void;
  /** Writes down what is left; where the database is away, tries for seconds. */
  close(): Promise<void>;
};

export type Settings = {
  /** Milliseconds between two flushes. */
  every: number;
  /** Milliseconds that `close` tries. */
  closeWithin: number;
  /** Different counts, and refusals, that are held while the database is away. */
  most: number;
  /** Rows of one statement. */
  batch: number;
  /** Milliseconds of the wall clock. */
  now(): number;
};

const defaults: Settings = {
  every: 1_000,
  closeWithin: 5_000,
  most: 20_000,
  batch: 5_000,
  now: Date.now,
};

/**
 * Gathers in memory what was called, and writes it down every second. `onError` hears of the first
 * of several failures in a row, and of what could not be held or written down.
 */
export function createMeter(parts: {
  pool: pg.Pool;
  onError(error: unknown): void;
  settings?: Partial<Settings>;
}): Meter {
  const { pool, onError } = parts;
  const settings = { ...defaults, ...parts.settings };
  const counting = createCounting(pool, settings);
  const refusing = createRefusing(pool, settings);
  const keys = createKeyMarks(pool, settings);
  let failing = false;
  let flushing: Promise<void> | undefined;

  async function writeDown(): Promise<void> {
    try {
      await counting.flush();
      await refusing.flush();
      await keys.flush();
      failing = false;
    } catch (error) {
      if (!failing) onError(error);
      failing = true;
    }
    const calls = counting.takeLost();
    const refusals = refusing.takeLost();
    if (calls + refusals > 0) {
      onError(new Error(`no room to hold ${calls} calls and ${refusals} refusals: they are lost`));
    }
  }

  const flush = (): Promise<void> => {
    flushing ??= writeDown().finally(() => {
      flushing = undefined;
    });
    return flushing;
  };
  const timer = setInterval(() => void flush(), settings.every);
  timer.unref();

  const count = (call: Call): void => {
    counting.add(call);
    keys.add(call.keyId);
  };
  return {
    count,
    refuse(refusal) {
      count(refusal);
      refusing.add(refusal);
    },
    async close() {
      clearInterval(timer);
      const deadline = performance.now() + settings.closeWithin;
      await flushing;
      while (counting.size() + refusing.size() > 0 || keys.size() > 0) {
        await flush();
        if (!failing) continue;
        if (performance.now() > deadline) break;
        await sleep(100);
      }
      const left = counting.size() + refusing.size();
      if (left > 0) onError(new Error(`${left} counts and refusals could not be written down`));
    },
  };
}
