import { type Db, many, maybeOne } from '../db/pool.ts';

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
  secret: ClientSecret,
): Promise<void> => {
  await db.query(
    'insert into client_secrets (id, client_id, digest, sealed) values ($1, $2, $3, $4)',
    [secret.id, clientId, secret.digest, secret.sealed],
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
