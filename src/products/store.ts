import { type Db, many, maybeOne } from '../db/pool.ts';
import type { OpenedApi, Product, ProductScope, RoleScopes, WholeProduct } from './product.ts';

const columns = `id, environment, name, description, audience, subjects,
  needs_approval as "needsApproval", grant_types as "grantTypes", signing_alg as "signingAlg",
  token_typ as "tokenTyp",
  case when rate_calls is not null
    then json_build_object('calls', rate_calls, 'seconds', rate_seconds) end as rate,
  case when quota_calls is not null
    then json_build_object('calls', quota_calls, 'seconds', quota_seconds) end as quota,
  quota_status as "quotaStatus", credentials, stale_seconds as "staleSeconds",
  console_relay as "consoleRelay", price_note as "priceNote",
  case when price_currency is not null
    then json_build_object('includedCalls', price_included_calls,
      'perThousand', trim_scale(price_per_thousand)::text, 'currency', price_currency) end as price,
  terms, state, visibility, retires_on::text as "retiresOn",
  deprecation_notice as "deprecationNotice"`;

export const findProduct = (db: Db, id: string): Promise<Product | undefined> =>
  maybeOne<Product>(db, `select ${columns} from products where id = $1`, [id]);

export const upsertProduct = async (db: Db, product: Product): Promise<void> => {
  await db.query(
    `insert into products (id, environment, name, description, audience, subjects, needs_approval,
       grant_types, signing_alg, token_typ, rate_calls, rate_seconds, quota_calls, quota_seconds,
       quota_status, credentials, stale_seconds, console_relay, price_note, price_included_calls,
       price_per_thousand, price_currency, terms, state, visibility, retires_on, deprecation_notice)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
       $20, $21, $22, $23, $24, $25, $26, $27)
     on conflict (id) do update set
       environment = excluded.environment, name = excluded.name,
       description = excluded.description, audience = excluded.audience,
       subjects = excluded.subjects, needs_approval = excluded.needs_approval,
       grant_types = excluded.grant_types, signing_alg = excluded.signing_alg,
       token_typ = excluded.token_typ, rate_calls = excluded.rate_calls,
       rate_seconds = excluded.rate_seconds, quota_calls = excluded.quota_calls,
       quota_seconds = excluded.quota_seconds, quota_status = excluded.quota_status,
       credentials = excluded.credentials, stale_seconds = excluded.stale_seconds,
       console_relay = excluded.console_relay, price_note = excluded.price_note,
       price_included_calls = excluded.price_included_calls,
       price_per_thousand = excluded.price_per_thousand, price_currency = excluded.price_currency,
       terms = excluded.terms, state = excluded.state, visibility = excluded.visibility,
       retires_on = excluded.retires_on, deprecation_notice = excluded.deprecation_notice`,
    [
      product.id,
      product.environment,
      product.name,
      product.description,
      product.audience,
      product.subjects,
      product.needsApproval,
      product.grantTypes,
      product.signingAlg,
      product.tokenTyp,
      product.rate?.calls ?? null,
      product.rate?.seconds ?? null,
      product.quota?.calls ?? null,
      product.quota?.seconds ?? null,
      product.quotaStatus,
      product.credentials,
      product.staleSeconds,
      product.consoleRelay,
      product.priceNote,
      product.price?.includedCalls ?? null,
      product.price?.perThousand ?? null,
      product.price?.currency ?? null,
      product.terms,
      product.state,
      product.visibility,
      product.retiresOn,
      product.deprecationNotice,
    ],
  );
};

/** Exactly these from now on, in this order, and for each role exactly these of them. */
export const saveScopes = async (
  db: Db,
  productId: string,
  scopes: readonly ProductScope[],
  roleScopes: RoleScopes,
): Promise<void> => {
  const names = scopes.map(({ scope }) => scope);
  await db.query('delete from product_scopes where product_id = $1 and scope <> all ($2)', [
    productId,
    names,
  ]);
  await db.query(
    `insert into product_scopes (product_id, scope, description, is_default, position)
     select $1, s.* from unnest($2::text[], $3::text[], $4::boolean[]) with ordinality as s
     on conflict (product_id, scope) do update set description = excluded.description,
       is_default = excluded.is_default, position = excluded.position`,
    [
      productId,
      names,
      scopes.map(({ description }) => description),
      scopes.map(({ isDefault }) => isDefault),
    ],
  );

  const pairs = Object.entries(roleScopes).flatMap(([role, given]) =>
    given.map((scope) => ({ role, scope })),
  );
  const roles = pairs.map(({ role }) => role);
  const scopesOfRoles = pairs.map(({ scope }) => scope);
  await db.query(
    `delete from product_role_scopes where product_id = $1
       and (role, scope) not in (select * from unnest($2::text[], $3::text[]))`,
    [productId, roles, scopesOfRoles],
  );
  await db.query(
    `insert into product_role_scopes (product_id, role, scope)
     select $1, s.* from unnest($2::text[], $3::text[]) as s on conflict do nothing`,
    [productId, roles, scopesOfRoles],
  );
};

/** Exactly these APIs, each at one of its base URLs, from now on. */
export const saveProductApis = async (
  db: Db,
  productId: string,
  apis: readonly OpenedApi[],
): Promise<void> => {
  const ids = apis.map(({ id }) => id);
  const baseUrls = apis.map(({ baseUrl }) => baseUrl);
  const versions = apis.map(({ version }) => version);
  await db.query(
    `delete from product_apis where product_id = $1
       and (api_id, base_url_name) not in (select * from unnest($2::text[], $3::text[]))`,
    [productId, ids, baseUrls],
  );
  await db.query(
    `insert into product_apis (product_id, api_id, base_url_name, version)
     select $1, s.* from unnest($2::text[], $3::text[], $4::text[]) as s
     on conflict (product_id, api_id, base_url_name) do update set version = excluded.version`,
    [productId, ids, baseUrls, versions],
  );
};

/** Exactly these teams are invited from now on. */
export const saveInvitations = async (
  db: Db,
  productId: string,
  teamIds: readonly string[],
): Promise<void> => {
  await db.query('delete from product_invitations where product_id = $1 and team_id <> all ($2)', [
    productId,
    teamIds,
  ]);
  await db.query(
    `insert into product_invitations (product_id, team_id) select $1, unnest($2::text[])
     on conflict do nothing`,
    [productId, teamIds],
  );
};

/** By id, with all that they consist of. `ids`: only these; null: every one. */
export const listWholeProducts = (db: Db, ids: readonly string[] | null): Promise<WholeProduct[]> =>
  many<WholeProduct>(
    db,
    `select ${columns},
       (select coalesce(json_agg(json_build_object('scope', scope, 'description', s.description,
           'isDefault', is_default) order by position), '[]')
         from product_scopes s where product_id = p.id) as scopes,
       (select coalesce(json_object_agg(role, scopes order by role), '{}') from (
         select role, json_agg(scope order by position) as scopes
         from product_role_scopes join product_scopes using (product_id, scope)
         where product_id = p.id group by role) of_roles) as "roleScopes",
       (select coalesce(json_agg(json_build_object('id', api_id, 'version', version,
           'baseUrl', base_url_name) order by api_id, base_url_name), '[]')
         from product_apis where product_id = p.id) as apis,
       array(select team_id from product_invitations where product_id = p.id order by team_id)
         as invited
     from products p where $1::text[] is null or id = any ($1) order by id`,
    [ids],
  );
