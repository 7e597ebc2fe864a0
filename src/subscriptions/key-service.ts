import { type Keyring, newId } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { newKey, type SubscriptionKey, slots } from './key.ts';
import { insertKey, listKeys } from './key-store.ts';
import type { Subscription } from './subscription.ts';

const context = (keyId: string): string => `subscription_keys.sealed ${keyId}`;

/** Fills the slots that have no key. Call it in the transaction that makes the subscription active. */
export async function makeKeys(
  tx: Db,
  keyring: Keyring,
  subscription: Pick<Subscription, 'id' | 'environment'>,
): Promise<void> {
  const taken = (await listKeys(tx, subscription.id)).map(({ slot }) => slot);
  for (const slot of slots.filter((one) => !taken.includes(one))) {
    const id = newId();
    const key = newKey(subscription.environment);
    await insertKey(tx, {
      id,
      subscriptionId: subscription.id,
      slot,
      fingerprint: keyring.fingerprint(key),
      sealed: keyring.seal(key, context(id)),
      lastFour: key.slice(-4),
    });
  }
}

/** The key itself. Whoever shows it to a person writes that into the trail. */
export const openKey = (keyring: Keyring, key: Pick<SubscriptionKey, 'id' | 'sealed'>): string =>
  keyring.open(key.sealed, context(key.id));
