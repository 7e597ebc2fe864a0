import { type Db, many } from '../db/pool.ts';
import type { Price } from '../products/product.ts';
import type { Owner } from './report-store.ts';

/** Calls that were let through; names are null for what is gone, and so is a price. */
export type CallsOfMonth = {
  teamId: string;
  teamName: string | null;
  productId: string;
  productName: string | null;
  calls: number;
  /** The product's price now. */
  price: Price | null;
};

/**
 * Of each team and live product, by team and product name. A first-party client without a team is the
 * programme's own, and not in it.
 * @param month its first day, such as `2026-11-01`, in UTC.
 */
export const listCallsOfMonth = (
  db: Db,
  asked: { owner: Owner; month: string; after: number; limit: number },
): Promise<CallsOfMonth[]> =>
  many<CallsOfMonth>(
    db,
    `select u.team_id as "teamId", t.name as "teamName", u.product_id as "productId",
       p.name as "productName", u.calls::float8 as calls,
       case when p.price_currency is not null
         then json_build_object('includedCalls', p.price_included_calls,
           'perThousand', trim_scale(p.price_per_thousand)::text, 'currency', p.price_currency)
         end as price
     from (
       select team_id, product_id, sum(calls) as calls from use_hours
       where hour >= ($1::date)::timestamp at time zone 'UTC'
         and hour < ($1::date + interval '1 month') at time zone 'UTC'
         and environment = 'live' and outcome = 'allowed' and team_id <> ''
         and ($2::text is null or team_id = $2 or team_id in (
           select m.team_id from team_members m where m.account_id = $2))
       group by team_id, product_id) u
     left join teams t on t.id = u.team_id
     left join products p on p.id = u.product_id
     order by t.name, u.team_id, p.name, u.product_id offset $3 limit $4`,
    [asked.month, asked.owner, asked.after, asked.limit],
  );
