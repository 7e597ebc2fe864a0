import { type Db, many } from '../db/pool.ts';
import type { Slot, SubscriptionKey } from './key.ts';

const columns = `id, subscription_id as "subscriptionId", slot, sealed, last_four as "lastFour",
  created_at as "createdAt", expires_at as "expiresAt"`;

/** Those that stand now, the primary one first; replaced ones are left out. */
export const listKeys = (db: Db, subscriptionId: string): Promise<SubscriptionKey[]> =>
  many<SubscriptionKey>(
    db,
    `select ${columns} from subscription_keys
     where subscription_id = $1 and replaced_at is null order by slot`,
    [subscriptionId],
  );

/** Nothing happens where the slot is already taken. */
export const insertKey = async (
  db: Db,
  row: {
    id: string;
    subscriptionId: string;
    slot: Slot;
    fingerprint: Buffer;
    sealed: Buffer;
    lastFour: string;
  },
): Promise<void> => {
  await db.query(
    `insert into subscription_keys (id, subscription_id, slot, fingerprint, sealed, last_four)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (subscription_id, slot) where replaced_at is null do nothing`,
    [row.id, row.subscriptionId, row.slot, row.fingerprint, row.sealed, row.lastFour],
  );
};
