import type pg from 'pg';
import type { Refusal } from './call.ts';
import { storable } from './counting.ts';
import { type DatedRefusal, keptOfOne, keptOfUnknown, saveRefusals } from './refusal-store.ts';

/** Refusals of one process that are not written down yet: no more of one subscription than are kept. */
export type Refusing = {
  add(refusal: Refusal): void;
  /** Writes them down. What failed is kept, and is tried again before anything else. */
  flush(): Promise<void>;
  size(): number;
  /** Refusals that could not be held since this was asked before. */
  takeLost(): number;
};

type Settings = {
  /** Refusals that are held while the database is away. */
  most: number;
  /** Refusals of one statement. */
  batch: number;
  /** Milliseconds of the wall clock. */
  now(): number;
};

export function createRefusing(pool: pg.Pool, { most, batch, now }: Settings): Refusing {
  const waiting = new Map<string, DatedRefusal[]>();
  let size = 0;
  let sent: DatedRefusal[] = [];
  let lost = 0;

  async function send(): Promise<void> {
    if (sent.length === 0) sent = takeAll();
    for (; sent.length > 0; sent = sent.slice(batch))
      await saveRefusals(pool, sent.slice(0, batch));
  }

  function takeAll(): DatedRefusal[] {
    const taken = [...waiting].flatMap(([id, own]) => own.slice(-keptOf(id)));
    waiting.clear();
    size = 0;
    return taken;
  }

  return {
    add(refusal) {
      const { subscriptionId } = refusal;
      const own = waiting.get(subscriptionId) ?? [];
      const kept = keptOf(subscriptionId);
      if (own.length >= kept * 1.5) size -= own.splice(0, own.length - kept).length;
      if (size >= most) {
        const dropped = own.splice(0, Math.ceil(own.length / 2)).length;
        size -= dropped;
        lost += dropped || 1;
        if (dropped === 0) return;
      }
      own.push(datedOf(refusal, now()));
      waiting.set(subscriptionId, own);
      size += 1;
    },
    async flush() {
      if (sent.length > 0) await send();
      if (size > 0) await send();
    },
    size: () => size + sent.length,
    takeLost() {
      const taken = lost;
      lost = 0;
      return taken;
    },
  };
}

const keptOf = (subscriptionId: string): number =>
  subscriptionId === '' ? keptOfUnknown : keptOfOne;

/** Field by field: there may be thousands a second of them. */
const datedOf = (refusal: Refusal, at: number): DatedRefusal => ({
  requestId: refusal.requestId,
  at,
  environment: refusal.environment,
  teamId: refusal.teamId,
  productId: refusal.productId,
  subscriptionId: refusal.subscriptionId,
  clientId: refusal.clientId,
  apiId: storable(refusal.apiId),
  operation: storable(refusal.operation),
  outcome: refusal.outcome,
  testUser: refusal.testUser,
  status: refusal.status,
  reason: refusal.reason,
  detail: storable(refusal.detail),
  gatewayId: refusal.gatewayId,
});
