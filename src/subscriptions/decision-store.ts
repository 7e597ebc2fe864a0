import { type Db, many, maybeOne } from '../db/pool.ts';

/** What a product's tokens can be for just now, in the order in which people read it. */
export const listScopes = (
  db: Db,
  productId: string,
): Promise<{ scope: string; description: string }[]> =>
  many(
    db,
    `select scope, description from product_scopes where product_id = $1
     order by position, scope`,
    [productId],
  );

/** Whether that account is of the team or asked, and somebody else who may decide is and did neither. */
export const hasConflictOfInterest = async (
  db: Db,
  given: { teamId: string; requestedBy: string | null; accountId: string },
): Promise<boolean> =>
  (
    await maybeOne<{ own: boolean }>(db, 'select is_own_request($1, $2, $3) as own', [
      given.teamId,
      given.requestedBy,
      given.accountId,
    ])
  )?.own ?? false;

/** Null: the programme file, an operator at the machine, or an account that is deleted. */
export const findClientMaker = async (db: Db, clientId: string): Promise<string | null> =>
  (
    await maybeOne<{ maker: string | null }>(
      db,
      'select created_by as maker from clients where id = $1',
      [clientId],
    )
  )?.maker ?? null;

/** Its team is warned anew of another end. */
export const saveEnd = (
  db: Db,
  { id, expiresAt }: { id: string; expiresAt: Date | null },
): Promise<unknown> =>
  db.query('update subscriptions set expires_at = $2, warned_at = null where id = $1', [
    id,
    expiresAt,
  ]);
