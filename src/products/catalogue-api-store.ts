import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import { visible } from './catalogue-store.ts';
import type { Credentials, GrantType } from './product.ts';

// An API shows to whoever sees a product that opens it.

/** An API as whoever looks for one sees it. */
export type FoundApi = {
  id: string;
  name: string;
  version: string;
  description: string;
  /** Of the products that the viewer sees. */
  environments: Environment[];
};

const seen = `exists (
  select from product_apis o join products p on p.id = o.product_id
  where o.api_id = a.id and ${visible})`;

/** What JSON can write and PostgreSQL's own text cannot hold: NUL, and one half of a pair. */
const noText = String.raw`'(^|[^\\])(\\\\)*\\u(0000|d[89a-f])'`;

type Search = {
  /** An account; null: a visitor. */
  viewer: string | null;
  /** In lower case; each must be somewhere in what the API or a product of it is called or does. */
  words: readonly string[];
  environment: Environment | null;
  /** Only what a team of the viewer may call now. */
  callable: boolean;
  /** The last id of the page before. */
  after: string | null;
  limit: number;
};

/** By name. One more than `limit`, where there is one. Each document is read once, for all words. */
export const searchApis = (
  db: Db,
  { viewer, words, environment, callable, after, limit }: Search,
): Promise<FoundApi[]> =>
  many<FoundApi>(
    db,
    `with found as materialized (
       select a.id, a.name, a.version, a.description,
         array(select distinct p.environment from product_apis o
           join products p on p.id = o.product_id where o.api_id = a.id and ${visible}
           order by p.environment desc) as environments,
         case when cardinality($2::text[]) > 0 then lower(concat_ws(' ', a.id, a.name, a.description,
           (select string_agg(p.name, ' ') from product_apis o join products p
              on p.id = o.product_id where o.api_id = a.id and ${visible}),
           (select jsonb_path_query_array(v.document::jsonb, '$.paths.*.*.summary')::text
              from api_versions v where v.api_id = a.id and v.version = a.version
                and v.document::text !~* ${noText}))) end as said
       from apis a where ${seen})
     select f.id, f.name, f.version, f.description, f.environments from found f
     where ($3::text is null or $3 = any (f.environments))
       and (not $4 or exists (
         select from product_apis o join subscriptions s on s.product_id = o.product_id
         join team_members m on m.team_id = s.team_id
         where o.api_id = f.id and m.account_id = $1 and s.state = 'active'
           and (s.expires_at is null or s.expires_at > now())))
       and not exists (
         select from unnest($2::text[]) word where position(word in f.said) = 0)
       and ($5::text is null or (lower(f.name), f.id) >
         (select lower(l.name), l.id from apis l where l.id = $5))
     order by lower(f.name), f.id limit $6`,
    [viewer, words, environment, callable, after, limit + 1],
  );

/** One version of an API that the viewer may see. */
export type SeenApi = {
  id: string;
  name: string;
  version: string;
  /** Whether that is the one products open that name none. */
  current: boolean;
  /** All there are; the current one first, then the newest. */
  versions: string[];
  /** What the document's text is known again by. */
  digest: string;
};

/** `version`: null: the current one. Undefined for whoever may not see it too. */
export const findSeenApi = (
  db: Db,
  { viewer, id, version }: { viewer: string | null; id: string; version: string | null },
): Promise<SeenApi | undefined> =>
  maybeOne<SeenApi>(
    db,
    `select a.id, a.name, v.version, v.version = a.version as current,
       array(select w.version from api_versions w where w.api_id = a.id
         order by w.version <> a.version, w.created_at desc, w.version desc) as versions,
       md5(v.document::text) as digest
     from apis a join api_versions v on v.api_id = a.id and v.version = coalesce($3, a.version)
     where a.id = $2 and ${seen}`,
    [viewer, id, version],
  );

/** The text of a document, as it was written. */
export const findDocumentText = async (
  db: Db,
  { id, version }: { id: string; version: string },
): Promise<string | undefined> => {
  const row = await maybeOne<{ text: string }>(
    db,
    'select document::text as text from api_versions where api_id = $1 and version = $2',
    [id, version],
  );
  return row?.text;
};

/** A product that opens one version of an API, as the viewer sees it. */
export type Opening = {
  productId: string;
  productName: string;
  environment: Environment;
  baseUrl: string;
  grantTypes: GrantType[];
  /** What a call shows. */
  credentials: Credentials;
  /** The header that carries the key, where one is shown. */
  keyHeader: string;
  needsApproval: boolean;
  /** Whether it takes new subscriptions now. */
  open: boolean;
  scopes: string[];
};

/** Sandbox first, then those that are had at once, then by name. */
export const listOpenings = (
  db: Db,
  { viewer, id, version }: { viewer: string | null; id: string; version: string },
): Promise<Opening[]> =>
  many<Opening>(
    db,
    `select p.id as "productId", p.name as "productName", p.environment, b.url as "baseUrl",
       p.grant_types as "grantTypes", p.credentials, a.key_header as "keyHeader", p.needs_approval as "needsApproval",
       p.state = 'published' and not exists (
         select from suspensions x where (x.kind, x.id) in
           (('product', p.id), ('environment', p.environment))) as open,
       array(select s.scope from product_scopes s where s.product_id = p.id order by s.position)
         as scopes
     from product_apis o join products p on p.id = o.product_id
     join apis a on a.id = o.api_id
     join api_base_urls b on b.api_id = o.api_id and b.name = o.base_url_name
     where o.api_id = $2 and coalesce(o.version, a.version) = $3 and ${visible}
     order by p.environment = 'live', p.needs_approval, lower(p.name), p.id, b.url`,
    [viewer, id, version],
  );
