import { type Db, maybeOne } from '../db/pool.ts';
import type { Limit } from '../products/product.ts';
import { managementApiId } from './store.ts';

/** By what a client may call this API, and how often. */
export type Right = {
  productId: string;
  /** Null: the client is the programme's own. */
  subscriptionId: string | null;
  teamId: string | null;
  /** In milliseconds: the periods of a quota follow each other from here. */
  anchor: number;
  rate: Limit | null;
  quota: Limit | null;
  quotaStatus: 403 | 429;
};

/** Undefined where the product does not open this API. */
export const findRight = (
  db: Db,
  { productId, subscriptionId }: Pick<Right, 'productId' | 'subscriptionId'>,
): Promise<Right | undefined> =>
  maybeOne<Right>(
    db,
    `select p.id as "productId", s.id as "subscriptionId", s.team_id as "teamId",
       coalesce((select extract(epoch from min(o.activated_at))::float8 * 1000 from subscriptions o
         where o.team_id = s.team_id and o.product_id = p.id), 0) as anchor,
       case when p.rate_calls is not null
         then json_build_object('calls', p.rate_calls, 'seconds', p.rate_seconds) end as rate,
       case when p.quota_calls is not null
         then json_build_object('calls', p.quota_calls, 'seconds', p.quota_seconds) end as quota,
       p.quota_status as "quotaStatus"
     from products p left join subscriptions s on s.id = $2 and s.product_id = p.id
     where p.id = $1 and exists (
       select from product_apis where product_id = p.id and api_id = $3)`,
    [productId, subscriptionId, managementApiId],
  );
