import { type Db, many } from '../db/pool.ts';

/** A subscription of one of the viewer's teams that opens an API now. */
export type Right = {
  subscriptionId: string;
  productId: string;
  teamName: string;
  /** All that a token of it may hold. */
  scopes: string[];
};

/** Oldest first. */
export const listRights = (
  db: Db,
  { accountId, productIds }: { accountId: string; productIds: readonly string[] },
): Promise<Right[]> =>
  many<Right>(
    db,
    `select s.id as "subscriptionId", s.product_id as "productId", t.name as "teamName",
       array(select x.scope from product_scopes x where x.product_id = s.product_id
         and (s.scopes is null or x.scope = any (s.scopes)) order by x.position) as scopes
     from subscriptions s join teams t on t.id = s.team_id
     join team_members m on m.team_id = s.team_id and m.account_id = $1
     where s.product_id = any ($2) and s.state = 'active'
       and (s.expires_at is null or s.expires_at > now())
     order by s.created_at, s.id`,
    [accountId, productIds],
  );

/** Where the viewer's teams stand with APIs: the best state of a subscription that opens each. */
export const listApiStandings = (
  db: Db,
  { accountId, apiIds }: { accountId: string; apiIds: readonly string[] },
): Promise<{ apiId: string; state: 'active' | 'suspended' | 'submitted' }[]> =>
  many(
    db,
    `select distinct on (o.api_id) o.api_id as "apiId", s.state
     from product_apis o join subscriptions s on s.product_id = o.product_id
     join team_members m on m.team_id = s.team_id
     where m.account_id = $1 and o.api_id = any ($2)
       and s.state in ('active', 'suspended', 'submitted')
       and (s.state = 'submitted' or s.expires_at is null or s.expires_at > now())
     order by o.api_id, array_position(array['active', 'suspended', 'submitted'], s.state)`,
    [accountId, apiIds],
  );
