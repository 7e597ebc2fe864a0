import type pg from 'pg';
import { saveKeysUsed } from './use-store.ts';

/** When subscription keys were used last, to the minute: each is written down once a minute at most. */
export type KeyMarks = {
  /** '': none. */
  add(keyId: string): void;
  flush(): Promise<void>;
  size(): number;
};

const minute = 60_000;
/** Beyond, all is forgotten, and the database alone keeps to once a minute. */
const mostRemembered = 50_000;

export function createKeyMarks(pool: pg.Pool, { now }: { now(): number }): KeyMarks {
  const marked = new Map<string, number>();
  let waiting = new Set<string>();

  return {
    add(keyId) {
      const at = now();
      if (keyId === '' || at - (marked.get(keyId) ?? Number.NEGATIVE_INFINITY) < minute) return;
      if (marked.size >= mostRemembered) marked.clear();
      marked.set(keyId, at);
      waiting.add(keyId);
    },
    async flush() {
      if (waiting.size === 0) return;
      const sent = waiting;
      waiting = new Set();
      try {
        await saveKeysUsed(pool, [...sent]);
      } catch (error) {
        for (const id of sent) waiting.add(id);
        throw error;
      }
    },
    size: () => waiting.size,
  };
}
