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

/** Whether that account is of the team, and whether anybody else who may decide is not. */
export const findConflictOfInterest = async (
  db: Db,
  { teamId, accountId }: { teamId: string; accountId: string },
): Promise<{ ofTheTeam: boolean; othersCould: boolean }> =>
  (await maybeOne<{ ofTheTeam: boolean; othersCould: boolean }>(
    db,
    `select exists (
         select from team_members where team_id = $1 and account_id = $2) as "ofTheTeam",
       exists (
         select from account_roles r join accounts a on a.id = r.account_id
         where r.role in ('approver', 'owner') and a.email_verified_at is not null
           and not exists (
             select from team_members m where m.team_id = $1 and m.account_id = a.id))
         as "othersCould"`,
    [teamId, accountId],
  )) as { ofTheTeam: boolean; othersCould: boolean }; // it selects from no table

/** Its team is warned anew of another end. */
export const saveEnd = (
  db: Db,
  { id, expiresAt }: { id: string; expiresAt: Date | null },
): Promise<unknown> =>
  db.query('update subscriptions set expires_at = $2, warned_at = null where id = $1', [
    id,
    expiresAt,
  ]);
