import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Place } from './page.ts';
import type { Row } from './store.ts';

/** A product as this API tells it. */
const item = `json_build_object(
  'id', p.id, 'environment', p.environment, 'name', p.name, 'description', p.description,
  'audience', p.audience, 'subjects', p.subjects, 'needs_approval', p.needs_approval,
  'grant_types', p.grant_types, 'credentials', p.credentials,
  'rate', case when p.rate_calls is not null
    then json_build_object('calls', p.rate_calls, 'seconds', p.rate_seconds) end,
  'quota', case when p.quota_calls is not null
    then json_build_object('calls', p.quota_calls, 'seconds', p.quota_seconds) end,
  'price_note', p.price_note, 'terms', p.terms,
  'terms_version', case when p.terms <> '' then p.terms_version end,
  'state', p.state, 'visibility', p.visibility, 'retires_on', p.retires_on,
  'deprecation_notice', p.deprecation_notice,
  'open', p.state = 'published' and not exists (
    select from suspensions x where (x.kind, x.id) in
      (('product', p.id), ('environment', p.environment))),
  'scopes', (select coalesce(json_agg(json_build_object('scope', s.scope,
      'description', s.description, 'is_default', s.is_default) order by s.position), '[]')
    from product_scopes s where s.product_id = p.id),
  'apis', (select coalesce(json_agg(json_build_object('id', a.id, 'name', a.name,
      'version', coalesce(pa.version, a.version), 'base_url', b.url) order by a.id, b.url), '[]')
    from product_apis pa join apis a on a.id = pa.api_id
    join api_base_urls b on b.api_id = pa.api_id and b.name = pa.base_url_name
    where pa.product_id = p.id))`;

/** `$1`: a team; `$2`: its environment. */
const visible = `p.environment = $2 and p.state in ('published', 'deprecated')
  and (p.retires_on is null or p.retires_on > current_date)
  and (p.visibility <> 'invited' or exists (
    select from product_invitations i where i.product_id = p.id and i.team_id = $1))`;

type Paged = { after: Place | null; limit: number };

/** By id; one more than `limit` where there are more. */
export const listProducts = (
  db: Db,
  { teamId, environment, after, limit }: Paged & { teamId: string; environment: Environment },
): Promise<Row[]> =>
  many<Row>(
    db,
    `select '' as at, p.id, ${item} as item from products p
     where ${visible} and ($3::text is null or p.id > $3) order by p.id limit $4 + 1`,
    [teamId, environment, after?.[1] ?? null, limit],
  );

/** Undefined for one that the team may not see, or of the other environment. */
export const findProductFor = (
  db: Db,
  { teamId, environment, id }: { teamId: string; environment: Environment; id: string },
): Promise<{ item: object } | undefined> =>
  maybeOne(db, `select ${item} as item from products p where ${visible} and p.id = $3`, [
    teamId,
    environment,
    id,
  ]);

/** Every one, drafts too: for the programme's own. */
export const listAllProducts = (db: Db, { after, limit }: Paged): Promise<Row[]> =>
  many<Row>(
    db,
    `select '' as at, p.id, ${item} as item from products p
     where ($1::text is null or p.id > $1) order by p.id limit $2 + 1`,
    [after?.[1] ?? null, limit],
  );
