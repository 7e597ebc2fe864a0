import type { AdapterPayload } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';

/** Where one record of oidc-provider's lies. `key` is the SHA-256 of its id. */
export type RecordPlace = { environment: Environment; kind: string; key: Buffer };

export type StoredRecord = { payload: AdapterPayload; consumedAt: Date | null };

const columns = `payload, consumed_at as "consumedAt"`;
const alive = `(expires_at is null or expires_at > now())`;

/** @param row.expiresIn in seconds; undefined: never. */
export const upsertRecord = (
  db: Db,
  place: RecordPlace,
  row: { payload: object; grantKey?: Buffer; uidKey?: Buffer; expiresIn?: number },
): Promise<unknown> =>
  db.query(
    `insert into oidc_records (environment, kind, key, payload, grant_key, uid_key, expires_at)
     values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
     on conflict (environment, kind, key) do update
     set payload = excluded.payload, grant_key = excluded.grant_key, uid_key = excluded.uid_key,
         expires_at = excluded.expires_at`,
    [
      place.environment,
      place.kind,
      place.key,
      row.payload,
      row.grantKey ?? null,
      row.uidKey ?? null,
      row.expiresIn ?? null,
    ],
  );

/** Whether the record was not there before: of any number of callers at once exactly one is told yes. */
export const insertRecordOnce = async (
  db: Db,
  place: RecordPlace,
  row: { payload: object; expiresIn: number },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `insert into oidc_records (environment, kind, key, payload, expires_at)
     values ($1, $2, $3, $4, now() + make_interval(secs => $5))
     on conflict (environment, kind, key) do update
     set payload = excluded.payload, expires_at = excluded.expires_at
     where oidc_records.expires_at <= now()`,
    [place.environment, place.kind, place.key, row.payload, row.expiresIn],
  );
  return rowCount === 1;
};

export const findRecord = (db: Db, place: RecordPlace): Promise<StoredRecord | undefined> =>
  maybeOne<StoredRecord>(
    db,
    `select ${columns} from oidc_records
     where environment = $1 and kind = $2 and key = $3 and ${alive}`,
    [place.environment, place.kind, place.key],
  );

/** The uid is itself enough to find the record, so the payload's own id stays unknown. */
export const findRecordByUid = (
  db: Db,
  place: Omit<RecordPlace, 'key'> & { uidKey: Buffer },
): Promise<StoredRecord | undefined> =>
  maybeOne<StoredRecord>(
    db,
    `select ${columns} from oidc_records
     where environment = $1 and kind = $2 and uid_key = $3 and ${alive}`,
    [place.environment, place.kind, place.uidKey],
  );

/**
 * Consumes one record and stores its successor, both or neither. False, and nothing stored, when it
 * was consumed before: of any number of callers at once exactly one is told yes.
 */
export const replaceRecord = async (
  db: Db,
  old: RecordPlace,
  place: RecordPlace,
  row: { payload: object; grantKey?: Buffer; expiresIn?: number },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `with won as (
       update oidc_records set consumed_at = now()
       where environment = $1 and kind = $2 and key = $3 and consumed_at is null returning 1
     )
     insert into oidc_records (environment, kind, key, payload, grant_key, expires_at)
     select $4, $5, $6, $7, $8, now() + make_interval(secs => $9) from won`,
    [
      old.environment,
      old.kind,
      old.key,
      place.environment,
      place.kind,
      place.key,
      row.payload,
      row.grantKey ?? null,
      row.expiresIn ?? null,
    ],
  );
  return rowCount === 1;
};

/** Compare-and-set: of any number of callers at once exactly one is told yes. */
export const consumeRecord = async (db: Db, place: RecordPlace): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update oidc_records set consumed_at = now()
     where environment = $1 and kind = $2 and key = $3 and consumed_at is null`,
    [place.environment, place.kind, place.key],
  );
  return rowCount === 1;
};

/** Whether it was there to be deleted: of any number of callers at once exactly one is told yes. */
export const deleteRecord = async (db: Db, place: RecordPlace): Promise<boolean> => {
  const { rowCount } = await db.query(
    'delete from oidc_records where environment = $1 and kind = $2 and key = $3',
    [place.environment, place.kind, place.key],
  );
  return rowCount === 1;
};

/** Ends every code and token of one kind that hangs on the grant. */
export const deleteRecordsOfGrant = (
  db: Db,
  place: Omit<RecordPlace, 'key'> & { grantKey: Buffer },
): Promise<unknown> =>
  db.query('delete from oidc_records where environment = $1 and kind = $2 and grant_key = $3', [
    place.environment,
    place.kind,
    place.grantKey,
  ]);

/**
 * Ends the whole family that a record belongs to: its grant, and all that hangs on it. The grant
 * goes too because a racing winner may store its refresh token only afterwards, and a token
 * without a grant is dead.
 */
export const deleteFamilyOf = (db: Db, place: RecordPlace): Promise<unknown> =>
  db.query(
    `with family as (
       select grant_key from oidc_records where environment = $1 and kind = $2 and key = $3
     )
     delete from oidc_records r using family
     where r.environment = $1
       and (r.grant_key = family.grant_key or (r.kind = 'Grant' and r.key = family.grant_key))`,
    [place.environment, place.kind, place.key],
  );

/** Grants, codes, refresh tokens and interactions of one client. */
export const deleteRecordsOfClient = async (
  db: Db,
  { environment, clientId }: { environment: Environment; clientId: string },
): Promise<void> => {
  await db.query(
    `delete from oidc_records
     where environment = $1 and (payload ->> 'clientId' = $2
       or (kind = 'Interaction' and payload -> 'params' ->> 'client_id' = $2))`,
    [environment, clientId],
  );
};

/** Removes up to `limit` expired rows of every kind; answers how many went. */
export const deleteExpired = async (db: Db, limit: number): Promise<number> => {
  const records = await db.query(
    `delete from oidc_records where ctid = any (array(
       select ctid from oidc_records where expires_at <= now() limit $1))`,
    [limit],
  );
  const revoked = await db.query(
    `delete from revoked_tokens where ctid = any (array(
       select ctid from revoked_tokens where expires_at <= now() limit $1))`,
    [limit],
  );
  return (records.rowCount ?? 0) + (revoked.rowCount ?? 0);
};

/** @param token.exp seconds since 1970, after which the row is of no use. */
export const insertRevokedToken = (
  db: Db,
  token: { environment: Environment; jti: string; exp: number },
): Promise<unknown> =>
  db.query(
    `insert into revoked_tokens (environment, jti, expires_at) values ($1, $2, to_timestamp($3))
     on conflict do nothing`,
    [token.environment, token.jti, token.exp],
  );

/**
 * Whether an access token still counts: itself not revoked, and its grant, where it has one, there.
 * `endsAt`: when the grant ends, in milliseconds.
 */
export const findTokenLife = async (
  db: Db,
  token: { environment: Environment; jti: string; grantKey: Buffer | null },
): Promise<{ alive: boolean; endsAt: number | null }> => {
  const row = await maybeOne<{ alive: boolean; endsAt: number | null }>(
    db,
    `select not exists (select from revoked_tokens where environment = $1 and jti = $2)
         and ($3::bytea is null or g.key is not null) as alive,
       extract(epoch from g.expires_at)::float8 * 1000 as "endsAt"
     from (select) one left join oidc_records g on g.environment = $1 and g.kind = 'Grant'
       and g.key = $3 and (g.expires_at is null or g.expires_at > now())`,
    [token.environment, token.jti, token.grantKey],
  );
  return row ?? { alive: false, endsAt: null };
};

export const isTokenAlive = async (
  db: Db,
  token: Parameters<typeof findTokenLife>[1],
): Promise<boolean> => (await findTokenLife(db, token)).alive;

export type SealedKey = { kid: string; alg: 'RS256' | 'ES256'; sealed: Buffer };

/** Newest first within each algorithm: the first of an algorithm is the one that signs. */
export const listSigningKeys = (db: Db, environment: Environment): Promise<SealedKey[]> =>
  many<SealedKey>(
    db,
    `select kid, alg, sealed from signing_keys where environment = $1
     order by alg desc, created_at desc, kid`,
    [environment],
  );

export const insertSigningKey = (
  db: Db,
  environment: Environment,
  key: SealedKey,
): Promise<unknown> =>
  db.query('insert into signing_keys (environment, kid, alg, sealed) values ($1, $2, $3, $4)', [
    environment,
    key.kid,
    key.alg,
    key.sealed,
  ]);

/** Held until the transaction ends: of several instances that start at once only one makes keys. */
export const lockSigningKeys = (db: Db): Promise<unknown> =>
  db.query(`select pg_advisory_xact_lock(hashtext('sandgate.signing_keys'))`);
