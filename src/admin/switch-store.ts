import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Stopped } from '../suspensions/suspension.ts';

/** What is to be suspended: its name, where it is, and the team whose it is. */
export type Target = { name: string; environment: Environment | null; teamId: string | null };

/** Undefined for what is not there. An environment always is. */
export const findTarget = (db: Db, { kind, id }: Stopped): Promise<Target | undefined> =>
  maybeOne<Target>(
    db,
    `select name, environment, team_id as "teamId" from (
       select 'client' as kind, id, name, environment, team_id from clients
       union all select 'team', id, name, null, id from teams
       union all select 'product', id, name, environment, null from products
       union all select 'environment', id, id, id, null from (values ('sandbox'), ('live')) e (id)
     ) things where kind = $1 and id = $2`,
    [kind, id],
  );

/** To whom a letter about the team goes. */
export const listOwnersOf = (db: Db, teamId: string): Promise<{ name: string; email: string }[]> =>
  many(
    db,
    `select a.name, a.email from team_members m join accounts a on a.id = m.account_id
     where m.team_id = $1 and m.role = 'owner' order by m.joined_at, a.id`,
    [teamId],
  );
