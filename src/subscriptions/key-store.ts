import { Conflict } from '../base/errors.ts';
import { breaks, type Db, many, maybeOne } from '../db/pool.ts';
import type { Slot, SubscriptionKey } from './key.ts';
import type { Subscription } from './subscription.ts';

const columns = `k.id, k.subscription_id as "subscriptionId", k.slot, k.sealed,
  k.last_four as "lastFour", k.created_at as "createdAt", k.expires_at as "expiresAt",
  k.replaced_at as "replacedAt", k.last_used_at as "lastUsedAt"`;

/** Those that stand now, the primary one first; replaced ones are left out. */
export const listKeys = (db: Db, subscriptionId: string): Promise<SubscriptionKey[]> =>
  many<SubscriptionKey>(
    db,
    `select ${columns} from subscription_keys k
     where k.subscription_id = $1 and k.replaced_at is null order by k.slot`,
    [subscriptionId],
  );

/** Replaced ones that still live, the last to stop first. */
export const listOldKeys = (db: Db, subscriptionId: string): Promise<SubscriptionKey[]> =>
  many<SubscriptionKey>(
    db,
    `select ${columns} from subscription_keys k
     where k.subscription_id = $1 and k.replaced_at is not null and k.expires_at > now()
     order by k.slot, k.expires_at desc, k.id`,
    [subscriptionId],
  );

/** All there ever were. */
export const listKeyIds = async (db: Db, subscriptionId: string): Promise<string[]> => {
  const rows = await many<{ id: string }>(
    db,
    'select id from subscription_keys where subscription_id = $1',
    [subscriptionId],
  );
  return rows.map(({ id }) => id);
};

type NewKey = {
  id: string;
  subscriptionId: string;
  slot: Slot;
  fingerprint: Buffer;
  sealed: Buffer;
  lastFour: string;
};

/** What a use case about one key has to know of its subscription. */
export type KeyPlace = Pick<Subscription, 'id' | 'environment' | 'state'> & {
  /** Keys of its team, of whichever subscription, that were made anew within the last hour. */
  renewedLately: number;
};

/**
 * Locks the subscription until the transaction ends, so that its keys and its state stand still. One
 * whose time has come is expired, whether or not that was noted yet.
 * @param owner an account, for the teams that it is a member of, or a team.
 */
export const lockOwnKeyPlace = (
  db: Db,
  { owner, id }: { owner: string; id: string },
): Promise<KeyPlace | undefined> =>
  maybeOne<KeyPlace>(
    db,
    `select s.id, s.environment, case
         when s.state in ('active', 'suspended') and s.expires_at <= now() then 'expired'
         else s.state end as state,
       (select count(*)::int from subscription_keys k
        join subscriptions o on o.id = k.subscription_id
        where o.team_id = s.team_id and k.replaced_at > now() - interval '1 hour')
         as "renewedLately"
     from subscriptions s
     where s.id = $1 and (s.team_id = $2 or exists (
       select from team_members m where m.team_id = s.team_id and m.account_id = $2))
     for update of s`,
    [id, owner],
  );

export const findKey = (
  db: Db,
  { subscriptionId, keyId }: { subscriptionId: string; keyId: string },
): Promise<SubscriptionKey | undefined> =>
  maybeOne<SubscriptionKey>(
    db,
    `select ${columns} from subscription_keys k where k.subscription_id = $1 and k.id = $2`,
    [subscriptionId, keyId],
  );

/** Nothing happens where the slot is already taken. */
export const insertKey = async (db: Db, row: NewKey): Promise<void> => {
  await db.query(
    `insert into subscription_keys (id, subscription_id, slot, fingerprint, sealed, last_four)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (subscription_id, slot) where replaced_at is null do nothing`,
    [row.id, row.subscriptionId, row.slot, row.fingerprint, row.sealed, row.lastFour],
  );
};

/**
 * Takes the key out of its slot, and answers when it stops: never later than it would have anyway.
 * Undefined: somebody else was first, or it has stopped already.
 * @param overlap in seconds.
 */
export const replaceKey = async (
  db: Db,
  { keyId, overlap }: { keyId: string; overlap: number },
): Promise<Date | undefined> =>
  (
    await maybeOne<{ stops: Date }>(
      db,
      `update subscription_keys set replaced_at = now(),
         expires_at = least(expires_at, now() + make_interval(secs => $2))
       where id = $1 and replaced_at is null and (expires_at is null or expires_at > now())
       returning expires_at as stops`,
      [keyId, overlap],
    )
  )?.stops;

/** @throws {Conflict} `key_replaced` where the slot has a key. */
export const insertNextKey = async (
  db: Db,
  row: NewKey & { expiresAt: Date | null },
): Promise<void> => {
  try {
    await db.query(
      `insert into subscription_keys
         (id, subscription_id, slot, fingerprint, sealed, last_four, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [
        row.id,
        row.subscriptionId,
        row.slot,
        row.fingerprint,
        row.sealed,
        row.lastFour,
        row.expiresAt,
      ],
    );
  } catch (error) {
    if (breaks(error, 'subscription_keys_slot')) throw replacedMeanwhile({ cause: error });
    throw error;
  }
};

export const replacedMeanwhile = (options?: ErrorOptions): Conflict =>
  new Conflict(
    'key_replaced',
    'Somebody has made a new key meanwhile, or this one has ended.',
    options,
  );

/** Ends a replaced key that still lives; answers whether there was one. */
export const stopReplacedKey = async (db: Db, keyId: string): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update subscription_keys set expires_at = now()
     where id = $1 and replaced_at is not null and expires_at > now()`,
    [keyId],
  );
  return rowCount === 1;
};
