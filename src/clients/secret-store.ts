import { type Db, many, maybeOne } from '../db/pool.ts';

/** What a page may show of a secret. */
export type ShownSecret = {
  id: string;
  /** Empty: nobody noted it. */
  lastFour: string;
  createdAt: Date;
  /** Null: the server, the programme file, or somebody who is gone. */
  createdByName: string | null;
  /** Null: until somebody ends it. */
  expiresAt: Date | null;
  /** To the minute. Null: never. */
  lastUsedAt: Date | null;
};

export type ClientSecret = {
  id: string;
  digest: Buffer;
  /** Only where the server itself must use the secret. */
  sealed: Buffer | null;
};

/** Those that still hold, oldest first. */
export const listSecrets = (db: Db, clientId: string): Promise<ClientSecret[]> =>
  many<ClientSecret>(
    db,
    `select id, digest, sealed from client_secrets
     where client_id = $1 and (expires_at is null or expires_at > now()) order by created_at, id`,
    [clientId],
  );

/** The newest one whose value the server keeps. */
export const findSealedSecret = (
  db: Db,
  clientId: string,
): Promise<(ClientSecret & { sealed: Buffer }) | undefined> =>
  maybeOne(
    db,
    `select id, digest, sealed from client_secrets
     where client_id = $1 and sealed is not null and (expires_at is null or expires_at > now())
     order by created_at desc, id limit 1`,
    [clientId],
  );

export const insertSecret = async (
  db: Db,
  clientId: string,
  secret: ClientSecret & { lastFour?: string; createdBy?: string | null },
): Promise<void> => {
  await db.query(
    `insert into client_secrets (id, client_id, digest, sealed, last_four, created_by)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      secret.id,
      clientId,
      secret.digest,
      secret.sealed,
      secret.lastFour ?? '',
      secret.createdBy ?? null,
    ],
  );
};

/** Those that still hold, oldest first. */
export const listShownSecrets = (db: Db, clientId: string): Promise<ShownSecret[]> =>
  many<ShownSecret>(
    db,
    `select s.id, s.last_four as "lastFour", s.created_at as "createdAt",
       a.name as "createdByName", s.expires_at as "expiresAt", s.last_used_at as "lastUsedAt"
     from client_secrets s left join accounts a on a.id = s.created_by
     where s.client_id = $1 and (s.expires_at is null or s.expires_at > now())
     order by s.created_at, s.id`,
    [clientId],
  );

/**
 * Ends one that still holds, no later than it would have anyway; answers when. Undefined: there is
 * none.
 * @param end.overlap in seconds.
 */
export const endSecretIn = async (
  db: Db,
  end: { clientId: string; secretId: string; overlap: number },
): Promise<Date | undefined> =>
  (
    await maybeOne<{ ends: Date }>(
      db,
      `update client_secrets
       set expires_at = least(expires_at, now() + make_interval(secs => $3))
       where client_id = $1 and id = $2 and (expires_at is null or expires_at > now())
       returning expires_at as ends`,
      [end.clientId, end.secretId, end.overlap],
    )
  )?.ends;

/** To the minute, so that a busy client does not write at every request. */
export const noteSecretUse = async (db: Db, clientId: string, digest: Buffer): Promise<void> => {
  await db.query(
    `update client_secrets set last_used_at = now()
     where client_id = $1 and digest = $2
       and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [clientId, digest],
  );
};

/** All that the client has but these. */
export const deleteOtherSecrets = async (
  db: Db,
  clientId: string,
  kept: readonly string[],
): Promise<void> => {
  await db.query('delete from client_secrets where client_id = $1 and id <> all ($2)', [
    clientId,
    kept,
  ]);
};
