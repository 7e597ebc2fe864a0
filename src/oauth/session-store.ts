import type { Environment } from '../base/environment.ts';
import { type Db, maybeOne } from '../db/pool.ts';

/** Where a session of an issuer lies, whatever its id is by now. */
type Lasting = { environment: Environment; uidKey: Buffer };

/**
 * Writes a session back that was loaded before, and answers the key it lies under; undefined, and
 * nothing stored, when it was ended meanwhile. With `former` it moves from there to `key`, unless
 * another request has moved it already.
 */
export const updateSession = (
  db: Db,
  { environment, uidKey }: Lasting,
  row: { key: Buffer; former: Buffer | null; payload: object; expiresIn?: number },
): Promise<{ key: Buffer } | undefined> =>
  maybeOne<{ key: Buffer }>(
    db,
    `update oidc_records
     set key = case when key = $3 then $4 else key end, payload = $5,
         expires_at = now() + make_interval(secs => $6)
     where environment = $1 and kind = 'Session' and uid_key = $2 and expires_at > now()
     returning key`,
    [environment, uidKey, row.former, row.key, row.payload, row.expiresIn ?? null],
  );

/** Whatever id it was given meanwhile, and whoever is about to write it back. */
export const deleteSession = async (db: Db, { environment, uidKey }: Lasting): Promise<void> => {
  await db.query(
    `delete from oidc_records where environment = $1 and kind = 'Session' and uid_key = $2`,
    [environment, uidKey],
  );
};
