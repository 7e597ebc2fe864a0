import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Product, Visibility } from '../products/product.ts';

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

/** A line of the desk's list. */
export type ProductLine = Pick<Product, 'id' | 'name' | 'environment' | 'state' | 'retiresOn'> & {
  needsApproval: boolean;
  visibility: Visibility;
  /** Subscriptions that are active or wait for approval. */
  active: number;
  waiting: number;
};

/**
 * By name. `like`: what name or id contain, in any case; empty: all. `after`: the last id of the
 * page before.
 */
export const listProductLines = (
  db: Db,
  { like, after, limit }: { like: string; after: string | null; limit: number },
): Promise<ProductLine[]> =>
  many<ProductLine>(
    db,
    `select p.id, p.name, p.environment, p.state, p.retires_on::text as "retiresOn",
       p.needs_approval as "needsApproval", p.visibility,
       (select count(*)::int from subscriptions where product_id = p.id and state = 'active')
         as active,
       (select count(*)::int from subscriptions where product_id = p.id and state = 'submitted')
         as waiting
     from products p
     where (position(lower($1) in lower(p.name)) > 0 or position(lower($1) in lower(p.id)) > 0)
       and ($2::text is null or (p.name, p.id) > (select name, id from products where id = $2))
     order by p.name, p.id limit $3`,
    [like, after, limit],
  );

/** Of one product. */
export const countSubscriptions = async (
  db: Db,
  productId: string,
): Promise<{ active: number; waiting: number; suspended: number }> =>
  (await maybeOne<{ active: number; waiting: number; suspended: number }>(
    db,
    `select count(*) filter (where state = 'active')::int as active,
       count(*) filter (where state = 'submitted')::int as waiting,
       count(*) filter (where state = 'suspended')::int as suspended
     from subscriptions where product_id = $1`,
    [productId],
  )) as { active: number; waiting: number; suspended: number }; // an aggregate has a row

/** By name. */
export const listTeamNames = (
  db: Db,
  ids: readonly string[],
): Promise<{ id: string; name: string }[]> =>
  many(db, 'select id, name from teams where id = any ($1) order by name, id', [ids]);

/** A line of the desk's list of APIs, by name. There are few: an API is a whole family of addresses. */
export const listApiLines = (
  db: Db,
): Promise<
  {
    id: string;
    name: string;
    version: string;
    versions: number;
    products: number;
    baseUrls: string[];
  }[]
> =>
  many(
    db,
    `select a.id, a.name, a.version,
       (select count(*)::int from api_versions where api_id = a.id) as versions,
       (select count(distinct product_id)::int from product_apis where api_id = a.id) as products,
       array(select name from api_base_urls where api_id = a.id order by name) as "baseUrls"
     from apis a order by a.name, a.id`,
  );
