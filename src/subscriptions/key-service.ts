import type pg from 'pg';
import type { Action, Doer } from '../audit/act.ts';
import { findActorName, recordAct } from '../audit/store.ts';
import { Conflict, NotFound, TooMany } from '../base/errors.ts';
import { timeInWords } from '../base/in-words.ts';
import { type Keyring, newId } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import {
  newKey,
  type Overlap,
  overlaps,
  overlapWords,
  type SubscriptionKey,
  slots,
} from './key.ts';
import {
  findKey,
  insertKey,
  insertNextKey,
  type KeyPlace,
  listKeys,
  lockOwnKeyPlace,
  replacedMeanwhile,
  replaceKey,
  stopReplacedKey,
} from './key-store.ts';
import { inOneLine, tellTeam } from './letters.ts';
import { ownerOf } from './moving.ts';
import type { Subscription } from './subscription.ts';

export type KeyParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/** Of one team: each is a letter to all its members. */
const renewalsAnHour = 30;

/** Which key is meant; somebody else's is not found. */
type Which = { subscriptionId: string; keyId: string };

const context = (keyId: string): string => `subscription_keys.sealed ${keyId}`;

/** A new value for a slot, with what the row keeps of it. */
function madeFor(keyring: Keyring, { id, environment }: Pick<Subscription, 'id' | 'environment'>) {
  const keyId = newId();
  const key = newKey(environment);
  return {
    id: keyId,
    subscriptionId: id,
    fingerprint: keyring.fingerprint(key),
    sealed: keyring.seal(key, context(keyId)),
    lastFour: key.slice(-4),
  };
}

/** Fills the slots that have no key. Call it in the transaction that makes the subscription active. */
export async function makeKeys(
  tx: Db,
  keyring: Keyring,
  subscription: Pick<Subscription, 'id' | 'environment'>,
): Promise<void> {
  const taken = (await listKeys(tx, subscription.id)).map(({ slot }) => slot);
  for (const slot of slots.filter((one) => !taken.includes(one))) {
    await insertKey(tx, { ...madeFor(keyring, subscription), slot });
  }
}

/** The key itself. Whoever shows it to a person writes that into the trail. */
export const openKey = (keyring: Keyring, key: Pick<SubscriptionKey, 'id' | 'sealed'>): string =>
  keyring.open(key.sealed, context(key.id));

/**
 * The key itself, for one person to read. Ask for a fresh sign-in first.
 * @throws {NotFound} `key_not_found`
 * @throws {Conflict} `keys_stopped` when the subscription has ended, and its keys with it.
 */
export const revealKey = (
  { pool, keyring }: Pick<KeyParts, 'pool' | 'keyring'>,
  doer: Doer,
  which: Which,
): Promise<string> =>
  transaction(pool, async (tx) => {
    const { key, place } = await holdKey(tx, doer, which);
    await recordKeyAct(tx, doer, 'subscription_key.revealed', { key, place });
    return openKey(keyring, key);
  });

/**
 * Makes a new key for the slot of this one, which goes on working for as long as `overlap` says, and
 * tells the team. The new one ends when the old one would have; the answer is for a program alone to
 * read, and no page shows it.
 * @throws {NotFound} `key_not_found`
 * @throws {Conflict} `keys_stopped`, or `key_replaced` when somebody else was first.
 * @throws {TooMany} where a team keeps doing so.
 */
export const regenerateKey = (
  { pool, keyring, baseUrl }: KeyParts,
  doer: Doer,
  { overlap, ...which }: Which & { overlap: Overlap },
): Promise<{ id: string; key: string }> =>
  transaction(pool, async (tx) => {
    const { key, place } = await holdKey(tx, doer, which);
    if (place.renewedLately >= renewalsAnHour) {
      throw new TooMany(
        'too_many_keys',
        `Your team has made ${place.renewedLately} new keys within an hour. Try again in an hour.`,
        3600,
      );
    }
    const stops = await replaceKey(tx, { keyId: key.id, overlap: overlaps[overlap] });
    if (!stops) throw replacedMeanwhile();
    const next = { ...madeFor(keyring, place), slot: key.slot, expiresAt: key.expiresAt };
    await insertNextKey(tx, next);
    await recordKeyAct(tx, doer, 'subscription_key.regenerated', {
      key,
      place,
      detail: { stops: overlapWords[overlap] },
    });
    const by = inOneLine((await findActorName(tx, doer.actor)) ?? 'The programme');
    const oldKey = overlap === 'now' ? 'has stopped' : `stops: ${timeInWords(stops)}`;
    const words = { by, slot: key.slot, oldKey };
    await tellTeam(tx, { baseUrl }, place, {
      whom: 'all',
      letterOf: (about) => ({ template: 'key-regenerated', data: { ...about, ...words } }),
    });
    return { id: next.id, key: openKey(keyring, next) };
  });

/**
 * Ends a key that was replaced and still works.
 * @throws {NotFound} `key_not_found`
 * @throws {Conflict} `keys_stopped`, or `key_stopped` where it has ended, or was never replaced.
 */
export const stopOldKey = (pool: pg.Pool, doer: Doer, which: Which): Promise<void> =>
  transaction(pool, async (tx) => {
    const { key, place } = await holdKey(tx, doer, which);
    if (!(await stopReplacedKey(tx, key.id))) {
      throw new Conflict('key_stopped', 'This key has stopped already, or it is not an old one.');
    }
    await recordKeyAct(tx, doer, 'subscription_key.stopped', { key, place });
  });

async function holdKey(
  tx: Db,
  doer: Doer,
  which: Which,
): Promise<{ key: SubscriptionKey; place: KeyPlace }> {
  const place = await lockOwnKeyPlace(tx, { owner: ownerOf(doer), id: which.subscriptionId });
  const key = place && (await findKey(tx, which));
  if (!key) throw new NotFound('key_not_found', 'There is no such key.');
  if (place.state === 'active' || place.state === 'suspended') return { key, place };
  throw new Conflict('keys_stopped', `This subscription is ${place.state}, and its keys with it.`);
}

const recordKeyAct = (
  tx: Db,
  doer: Doer,
  action: Action,
  { key, place, detail }: { key: SubscriptionKey; place: KeyPlace; detail?: { stops: string } },
): Promise<void> =>
  recordAct(tx, {
    ...doer,
    action,
    subject: { kind: 'subscription_key', id: key.id },
    environment: place.environment,
    detail: { subscription: place.id, slot: key.slot, ...detail },
  });
