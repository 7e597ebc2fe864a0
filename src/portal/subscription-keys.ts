import { timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { overlaps, prefixOf, type SubscriptionKey } from '../subscriptions/key.ts';
import { listKeys, listOldKeys } from '../subscriptions/key-store.ts';
import type { Subscription } from '../subscriptions/subscription.ts';

/** A key that this one answer shows. */
export type Revealed = { keyId: string; key: string };

/** The keys of a subscription as its page shows them, each with those that it has replaced. */
export async function keysOfPage(
  db: Db,
  { id, environment }: Pick<Subscription, 'id' | 'environment'>,
  revealed: Revealed | null,
): Promise<object[]> {
  const old = await listOldKeys(db, id);
  const keys = await listKeys(db, id);
  return keys.map((key) => ({
    ...inWords(key),
    slot: key.slot,
    title: key.slot === 'primary' ? 'Primary' : 'Secondary',
    mask: `${prefixOf(environment)}${'•'.repeat(32)}`,
    revealed: revealed?.keyId === key.id ? revealed.key : null,
    overlaps: Object.keys(overlaps).map((value) => ({ value, words: overlapChoices[value] })),
    old: old.filter(({ slot }) => slot === key.slot).map(inWords),
  }));
}

const overlapChoices: Readonly<Record<string, string>> = {
  now: 'Stop it now',
  '1h': '1 hour',
  '24h': '24 hours',
  '7d': '7 days',
};

const inWords = ({ id, lastFour, createdAt, lastUsedAt, expiresAt }: SubscriptionKey) => ({
  id,
  lastFour,
  made: timeInWords(createdAt),
  used: lastUsedAt && timeInWords(lastUsedAt),
  ends: expiresAt && timeInWords(expiresAt),
  ended: expiresAt !== null && expiresAt <= new Date(),
});
