import { type Load, load } from './load.ts';
import type { Running } from './process.ts';

export type Contender = {
  name: string;
  server: Running;
  load: Omit<Load, 'seconds'>;
  status: number;
};

export type Result = {
  name: string;
  /** Answers in all slots. */
  count: number;
  perSecond: number;
  /** Microseconds of the server's CPU for one request: the median of the slots. */
  cpu: number;
  /** Microseconds. */
  median: number;
  p99: number;
};

export type Times = { warmUp: number; slot: number; slots: number };

/** Warms all up, then gives each its slots in turn, so that whatever the machine does meets them alike. */
export async function alternate(contenders: readonly Contender[], times: Times): Promise<Result[]> {
  for (const { load: what } of contenders) await load({ ...what, seconds: times.warmUp });
  const slots = contenders.map(() => [] as Slot[]);
  for (let turn = 0; turn < times.slots; turn += 1) {
    for (const [at, contender] of contenders.entries()) {
      slots[at]?.push(await slotOf(contender, times.slot));
    }
  }
  return contenders.map(({ name }, at) => ({ name, ...summed(slots[at] ?? []) }));
}

type Slot = { cpu: number; perSecond: number; latencies: number[] };

async function slotOf(
  { name, server, load: what, status }: Contender,
  seconds: number,
): Promise<Slot> {
  const cpu = server.cpu();
  const began = performance.now();
  const { count, statuses, latencies } = await load({ ...what, seconds });
  const took = (performance.now() - began) / 1000;
  if (statuses.size !== 1 || !statuses.has(status)) {
    throw new Error(`${name} did not always answer ${status}: ${JSON.stringify([...statuses])}`);
  }
  return { cpu: (server.cpu() - cpu) / count, perSecond: count / took, latencies };
}

function summed(slots: readonly Slot[]): Omit<Result, 'name'> {
  return {
    count: slots.reduce((sum, slot) => sum + slot.latencies.length, 0),
    perSecond: middle(slots.map(({ perSecond }) => perSecond)),
    cpu: middle(slots.map(({ cpu }) => cpu)),
    median: middle(slots.map((slot) => quantile(slot.latencies, 0.5))),
    p99: middle(slots.map((slot) => quantile(slot.latencies, 0.99))),
  };
}

const middle = (values: number[]): number => quantile(values, 0.5);

function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
