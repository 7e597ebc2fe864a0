import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';

/** Those that are not over. */
export const listOpenSubscriptionsOf = (
  db: Db,
  productId: string,
): Promise<{ id: string; environment: Environment }[]> =>
  many(
    db,
    `select id, environment from subscriptions
     where product_id = $1 and state in ('submitted', 'active', 'suspended') order by created_at, id`,
    [productId],
  );
