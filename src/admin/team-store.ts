import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';

/** Newest first; ended ones too. */
export const listSubscriptionsOfTeam = (
  db: Db,
  teamId: string,
): Promise<
  { id: string; name: string; product: string; environment: Environment; state: string }[]
> =>
  many(
    db,
    `select s.id, s.name, p.name as product, s.environment, s.state
     from subscriptions s join products p on p.id = s.product_id
     where s.team_id = $1 order by s.created_at desc, s.id`,
    [teamId],
  );

/** What the team made, newest first; not the console's. */
export const listApplicationsOfTeam = (
  db: Db,
  teamId: string,
): Promise<{ id: string; name: string; environment: Environment; suspended: boolean }[]> =>
  many(
    db,
    `select c.id, c.name, c.environment,
       exists (select from suspensions x where x.kind = 'client' and x.id = c.id) as suspended
     from clients c where c.team_id = $1 and c.kind = 'application'
     order by c.created_at desc, c.id`,
    [teamId],
  );
