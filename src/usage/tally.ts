import type { Call } from './call.ts';

/** How often the same was called in the hour whose first moment, in milliseconds, is `hour`. */
export type Entry = { call: Call; hour: number; calls: number };

/** Different calls and how often each came. */
export type Tally = {
  find(call: Call, hour: number): Entry | undefined;
  add(call: Call, hour: number): void;
  /** Takes out at most so many. */
  take(limit: number): Entry[];
  size(): number;
};

/** By whose call it is: most callers make few different ones, and one text is quickly found. */
export function createTally(): Tally {
  const byCaller = new Map<string, Entry[]>();
  let size = 0;

  return {
    find: (call, hour) => byCaller.get(callerOf(call))?.find((entry) => isOf(entry, call, hour)),
    add(call, hour) {
      const caller = callerOf(call);
      const entry = { call, hour, calls: 1 };
      const others = byCaller.get(caller);
      if (others) others.push(entry);
      else byCaller.set(caller, [entry]);
      size += 1;
    },
    take(limit) {
      const taken: Entry[] = [];
      for (const [caller, entries] of byCaller) {
        if (taken.length === limit) break;
        taken.push(...entries.splice(0, limit - taken.length));
        if (entries.length === 0) byCaller.delete(caller);
      }
      size -= taken.length;
      return taken;
    },
    size: () => size,
  };
}

const callerOf = ({ subscriptionId, clientId }: Call): string => subscriptionId || clientId;

const isOf = ({ call, hour }: Entry, other: Call, otherHour: number): boolean =>
  call.operation === other.operation &&
  call.outcome === other.outcome &&
  call.clientId === other.clientId &&
  call.apiId === other.apiId &&
  call.testUser === other.testUser &&
  call.subscriptionId === other.subscriptionId &&
  call.productId === other.productId &&
  call.teamId === other.teamId &&
  call.environment === other.environment &&
  hour === otherHour;
