import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Credentials, Product, ProductScope } from './product.ts';

/** A product as whoever looks for one sees it. */
export type CatalogueProduct = Pick<
  Product,
  | 'id'
  | 'environment'
  | 'name'
  | 'description'
  | 'audience'
  | 'subjects'
  | 'needsApproval'
  | 'grantTypes'
  | 'rate'
  | 'quota'
  | 'quotaStatus'
  | 'credentials'
  | 'priceNote'
  | 'price'
  | 'terms'
  | 'visibility'
  | 'retiresOn'
  | 'deprecationNotice'
> & {
  state: 'published' | 'deprecated';
  /** Which text of the terms this is. */
  termsVersion: number;
  /** Whether it takes new subscriptions now. */
  open: boolean;
};

const columns = `p.id, p.environment, p.name, p.description, p.audience, p.subjects,
  p.needs_approval as "needsApproval", p.grant_types as "grantTypes",
  case when p.rate_calls is not null
    then json_build_object('calls', p.rate_calls, 'seconds', p.rate_seconds) end as rate,
  case when p.quota_calls is not null
    then json_build_object('calls', p.quota_calls, 'seconds', p.quota_seconds) end as quota,
  p.quota_status as "quotaStatus", p.credentials, p.price_note as "priceNote",
  case when p.price_currency is not null
    then json_build_object('includedCalls', p.price_included_calls,
      'perThousand', trim_scale(p.price_per_thousand)::text, 'currency', p.price_currency) end
    as price, p.terms, p.terms_version as "termsVersion", p.visibility, p.state,
  p.retires_on::text as "retiresOn", p.deprecation_notice as "deprecationNotice",
  p.state = 'published' and not exists (
    select from suspensions x where (x.kind, x.id) in
      (('product', p.id), ('environment', p.environment))) as open`;

/** `$1`: the account that looks, or null for a visitor; `p`: products. */
export const visible = `p.state in ('published', 'deprecated')
  and (p.retires_on is null or p.retires_on > current_date)
  and (p.visibility = 'everybody' or (p.visibility = 'signed_in' and $1::text is not null)
    or exists (
      select from product_invitations i join team_members m on m.team_id = i.team_id
      where i.product_id = p.id and m.account_id = $1))`;

type Search = {
  /** An account; null: a visitor. */
  viewer: string | null;
  /** In lower case; each must be somewhere in the name, the description or the name of an API. */
  words: readonly string[];
  environment: Environment | null;
  /** The last id of the page before. */
  after: string | null;
  limit: number;
};

/** Sandbox first, then by name. One more than `limit`, where there is one. */
export const searchCatalogue = (
  db: Db,
  { viewer, words, environment, after, limit }: Search,
): Promise<CatalogueProduct[]> =>
  many<CatalogueProduct>(
    db,
    `select ${columns} from products p
     where ${visible} and ($3::text is null or p.environment = $3)
       and not exists (
         select from unnest($2::text[]) word
         where position(word in lower(p.name || ' ' || p.description || ' ' || coalesce((
           select string_agg(a.name, ' ') from product_apis pa join apis a on a.id = pa.api_id
           where pa.product_id = p.id), ''))) = 0)
       and ($4::text is null or (p.environment = 'live', lower(p.name), p.id) >
         (select l.environment = 'live', lower(l.name), l.id from products l where l.id = $4))
     order by p.environment = 'live', lower(p.name), p.id limit $5`,
    [viewer, words, environment, after, limit + 1],
  );

/** Undefined for whoever may not see it too. */
export const findInCatalogue = (
  db: Db,
  { viewer, id }: { viewer: string | null; id: string },
): Promise<CatalogueProduct | undefined> =>
  maybeOne<CatalogueProduct>(
    db,
    `select ${columns} from products p where ${visible} and p.id = $2`,
    [viewer, id],
  );

/** In the order in which people read them. */
export const listScopesOf = (db: Db, productId: string): Promise<ProductScope[]> =>
  many<ProductScope>(
    db,
    `select scope, description, is_default as "isDefault" from product_scopes
     where product_id = $1 order by position`,
    [productId],
  );

export type CatalogueApi = {
  id: string;
  name: string;
  version: string;
  description: string;
  baseUrl: string;
  operations: number;
};

/** The APIs that a product opens, by name, each with the address at which it does. */
export const listApisOf = (db: Db, productId: string): Promise<CatalogueApi[]> =>
  many<CatalogueApi>(
    db,
    `select a.id, a.name, v.version, a.description, b.url as "baseUrl",
       (select count(*)::int from jsonb_path_query(v.document::jsonb,
         '$.paths.*.keyvalue() ? (@.key like_regex "^(get|put|post|delete|patch|head|options)$")')
       ) as operations
     from product_apis pa join apis a on a.id = pa.api_id
     join api_versions v on v.api_id = a.id and v.version = coalesce(pa.version, a.version)
     join api_base_urls b on b.api_id = pa.api_id and b.name = pa.base_url_name
     where pa.product_id = $1 order by a.name, a.id, b.url`,
    [productId],
  );

/** Of the teams that an account is in, those that may ask for a product: all, or the invited ones. */
export const listTeamsThatMayAsk = (
  db: Db,
  { accountId, productId }: { accountId: string; productId: string },
): Promise<{ id: string; name: string; people: number }[]> =>
  many(
    db,
    `select t.id, t.name,
       (select count(*)::int from team_members o where o.team_id = t.id) as people
     from teams t join team_members m on m.team_id = t.id join products p on p.id = $2
     where m.account_id = $1 and (p.visibility <> 'invited' or exists (
       select from product_invitations i where i.product_id = p.id and i.team_id = t.id))
     order by m.joined_at, t.id`,
    [accountId, productId],
  );

/** What a call for a product shows, and in which headers its APIs look for a key, by name. */
export const findCallNeeds = (
  db: Db,
  productId: string,
): Promise<{ credentials: Credentials; keyHeaders: string[] } | undefined> =>
  maybeOne(
    db,
    `select p.credentials, array(
       select distinct a.key_header from product_apis o join apis a on a.id = o.api_id
       where o.product_id = p.id order by a.key_header) as "keyHeaders"
     from products p where p.id = $1`,
    [productId],
  );
