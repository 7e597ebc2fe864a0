import { type Db, many, maybeOne } from '../db/pool.ts';
import type { State } from '../subscriptions/subscription.ts';

/** Where a team stands with a product. */
export type Standing = {
  productId: string;
  subscriptionId: string;
  teamId: string;
  teamName: string;
  state: State;
};

/**
 * The subscriptions that the teams of an account have to these products, or ask for; the best first
 * for each product. Those that are over are left out.
 */
export const listStandings = (
  db: Db,
  { accountId, productIds }: { accountId: string; productIds: readonly string[] },
): Promise<Standing[]> =>
  many<Standing>(
    db,
    `select s.product_id as "productId", s.id as "subscriptionId", s.team_id as "teamId",
       t.name as "teamName", s.state
     from subscriptions s join teams t on t.id = s.team_id
     join team_members m on m.team_id = s.team_id
     where m.account_id = $1 and s.product_id = any ($2)
       and s.state in ('submitted', 'active', 'suspended')
       and (s.state = 'submitted' or s.expires_at is null or s.expires_at > now())
     order by array_position(array['active', 'suspended', 'submitted'], s.state), s.created_at, s.id`,
    [accountId, productIds],
  );

/**
 * Those of an account's teams whose request an approver looks at although the product is open: what
 * they had of it was suspended, or had an end.
 */
export const listTeamsThatWait = async (
  db: Db,
  { accountId, productId }: { accountId: string; productId: string },
): Promise<string[]> => {
  const rows = await many<{ id: string }>(
    db,
    `select m.team_id as id from team_members m
     where m.account_id = $1 and (
       select s.next_waits from subscriptions s
       where s.team_id = m.team_id and s.product_id = $2
       order by s.created_at desc, s.next_waits desc limit 1)`,
    [accountId, productId],
  );
  return rows.map(({ id }) => id);
};

/** What a team said before, to ask again for a product with. */
export const findEarlierRequest = (
  db: Db,
  given: { accountId: string; productId: string; subscriptionId: string },
): Promise<{ teamId: string; purpose: string } | undefined> =>
  maybeOne(
    db,
    `select s.team_id as "teamId", s.purpose from subscriptions s
     join team_members m on m.team_id = s.team_id
     where m.account_id = $1 and s.product_id = $2 and s.id = $3`,
    [given.accountId, given.productId, given.subscriptionId],
  );
