import { type Db, maybeOne } from '../db/pool.ts';

/** One write of one client, by the SHA-256 of its key. */
type Which = { clientId: string; key: Buffer };

/** Held until the transaction ends; false where another request of the same key is under way. */
export const tryHoldWrite = async (db: Db, { clientId, key }: Which): Promise<boolean> =>
  (
    await maybeOne<{ held: boolean }>(
      db,
      `select pg_try_advisory_xact_lock(hashtextextended('sandgate.write ' || $1, 0)) as held`,
      [`${clientId} ${key.toString('hex')}`],
    )
  )?.held === true;

export const findWrite = (
  db: Db,
  { clientId, key }: Which,
): Promise<{ fingerprint: Buffer; sealed: Buffer } | undefined> =>
  maybeOne(
    db,
    `select fingerprint, sealed from idempotent_writes
     where client_id = $1 and key = $2 and created_at > now() - interval '24 hours'`,
    [clientId, key],
  );

/** Nothing happens where the client is gone, as when it has just deleted itself. */
export const saveWrite = async (
  db: Db,
  { clientId, key, fingerprint, sealed }: Which & { fingerprint: Buffer; sealed: Buffer },
): Promise<void> => {
  await db.query(
    `insert into idempotent_writes (client_id, key, fingerprint, sealed)
     select id, $2, $3, $4 from clients where id = $1
     on conflict (client_id, key) do update
     set fingerprint = excluded.fingerprint, sealed = excluded.sealed, created_at = now()`,
    [clientId, key, fingerprint, sealed],
  );
};

/** Up to `limit` that are a day old; answers how many went. */
export const deleteOldWrites = async (db: Db, limit: number): Promise<number> => {
  const { rowCount } = await db.query(
    `delete from idempotent_writes where ctid = any (array(
       select ctid from idempotent_writes where created_at < now() - interval '24 hours' limit $1))`,
    [limit],
  );
  return rowCount ?? 0;
};
