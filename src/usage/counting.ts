import type pg from 'pg';
import { newId } from '../base/secrets.ts';
import type { Call } from './call.ts';
import { createTally, type Entry } from './tally.ts';
import { type Count, saveCounts } from './use-store.ts';

/** Counts of one process that are not written down yet. */
export type Counting = {
  add(call: Call): void;
  /** Writes them down. What failed is kept, and is tried again before anything else. */
  flush(): Promise<void>;
  /** How many different ones wait. */
  size(): number;
  /** Calls that could not be held since this was asked before. */
  takeLost(): number;
};

type Settings = {
  /** Different counts that are held while the database is away; beyond, details are given up. */
  most: number;
  /** Counts of one statement. */
  batch: number;
  /** Milliseconds of the wall clock. */
  now(): number;
};

const hour = 3_600_000;

export function createCounting(pool: pg.Pool, { most, batch, now }: Settings): Counting {
  const instance = newId();
  const tally = createTally();
  let sent: { sequence: number; counts: Count[] } | undefined;
  let sequence = 0;
  let lost = 0;

  /** @returns whether there was room. */
  function addWithin(call: Call, start: number, room: number): boolean {
    const entry = tally.find(call, start);
    if (entry) entry.calls += 1;
    else if (tally.size() < room) tally.add(call, start);
    else return false;
    return true;
  }

  /** Under the same number until it succeeded: whatever became of the answer, it counts once. */
  async function send(): Promise<void> {
    if (!sent) {
      sequence += 1;
      sent = { sequence, counts: tally.take(batch).map(countOf) };
    }
    await saveCounts(pool, { instance, ...sent });
    sent = undefined;
  }

  return {
    add(call) {
      const at = now();
      const start = at - (at % hour);
      if (addWithin(call, start, most)) return;
      // too many different ones to hold: what a bill needs is kept longest
      if (!addWithin({ ...call, clientId: '', operation: '' }, start, most * 2)) lost += 1;
    },
    async flush() {
      if (sent) await send();
      for (let left = Math.ceil(tally.size() / batch); left > 0; left -= 1) await send();
    },
    size: () => tally.size() + (sent?.counts.length ?? 0),
    takeLost() {
      const taken = lost;
      lost = 0;
      return taken;
    },
  };
}

const countOf = ({ call, hour: start, calls }: Entry): Count => ({
  hour: start,
  environment: call.environment,
  teamId: storable(call.teamId),
  productId: storable(call.productId),
  subscriptionId: storable(call.subscriptionId),
  clientId: storable(call.clientId),
  apiId: storable(call.apiId),
  operation: storable(call.operation),
  outcome: call.outcome,
  testUser: call.testUser,
  calls,
});

/** Without what PostgreSQL cannot store, such as half a character, and no longer than it can index. */
export const storable = (text: string): string =>
  text.length <= 200 && !/[\0\ud800-\udfff]/.test(text)
    ? text
    : Buffer.from(text.replaceAll('\0', '').slice(0, 200)).toString();
