import type { Environment } from '../base/environment.ts';
import { type Db, maybeOne } from '../db/pool.ts';
import { type Client, type ClientRecord, looksLikeClientId } from './client.ts';

const columns = `id, environment, team_id as "teamId", kind, name, auth_method as "authMethod",
  grant_types as "grantTypes", redirect_uris as "redirectUris",
  post_logout_redirect_uris as "postLogoutRedirectUris", allowed_origins as "allowedOrigins", jwks,
  jwks_uri as "jwksUri", allows_oidc as "allowsOidc", default_product_id as "defaultProductId"`;

/**
 * Made, or brought to this state, by its id. Undefined when the id is taken by a client of another
 * environment, team or kind: those never change.
 */
export const upsertClient = (db: Db, client: Client): Promise<Client | undefined> =>
  maybeOne<Client>(
    db,
    `insert into clients as c (id, environment, team_id, kind, name, auth_method, grant_types,
       redirect_uris, post_logout_redirect_uris, allowed_origins, jwks, allows_oidc,
       default_product_id, jwks_uri)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     on conflict (id) do update set name = excluded.name, auth_method = excluded.auth_method,
       grant_types = excluded.grant_types, redirect_uris = excluded.redirect_uris,
       post_logout_redirect_uris = excluded.post_logout_redirect_uris,
       allowed_origins = excluded.allowed_origins, jwks = excluded.jwks,
       jwks_uri = excluded.jwks_uri, allows_oidc = excluded.allows_oidc, default_product_id = excluded.default_product_id
     where c.environment = excluded.environment and c.kind = excluded.kind
       and c.team_id is not distinct from excluded.team_id
     returning ${columns}`,
    [
      client.id,
      client.environment,
      client.teamId,
      client.kind,
      client.name,
      client.authMethod,
      client.grantTypes,
      client.redirectUris,
      client.postLogoutRedirectUris,
      client.allowedOrigins,
      client.jwks,
      client.allowsOidc,
      client.defaultProductId,
      client.jwksUri ?? null,
    ],
  );

/**
 * Exactly these subscriptions from now on. The database refuses one of another team or environment.
 */
export const saveClientSubscriptions = async (
  db: Db,
  client: Pick<Client, 'id' | 'environment' | 'teamId'>,
  subscriptionIds: readonly string[],
): Promise<void> => {
  await db.query(
    'delete from client_subscriptions where client_id = $1 and subscription_id <> all ($2)',
    [client.id, subscriptionIds],
  );
  await db.query(
    `insert into client_subscriptions (client_id, subscription_id, environment, team_id)
     select $1, unnest($2::text[]), $3, $4 on conflict do nothing`,
    [client.id, subscriptionIds, client.environment, client.teamId],
  );
};

/** Exactly these products from now on. The database refuses one of the other environment. */
export const saveClientProducts = async (
  db: Db,
  client: Pick<Client, 'id' | 'environment'>,
  productIds: readonly string[],
): Promise<void> => {
  await db.query('delete from client_products where client_id = $1 and product_id <> all ($2)', [
    client.id,
    productIds,
  ]);
  await db.query(
    `insert into client_products (client_id, product_id, environment)
     select $1, unnest($2::text[]), $3 on conflict do nothing`,
    [client.id, productIds, client.environment],
  );
};

const offered = `p.state <> 'retired' and (p.retires_on is null or p.retires_on > current_date)
    and not exists (select from suspensions where kind = 'product' and id = p.id)`;

/** A client's products with the right that opens each: an active subscription, or its being named. */
const reached = `
  select p.*, s.id as subscription_id, s.scopes as narrowed, s.created_at as since
  from client_subscriptions cs
  join subscriptions s on s.id = cs.subscription_id
  join products p on p.id = s.product_id
  where cs.client_id = c.id and c.kind <> 'first_party' and ${offered}
    and s.state = 'active' and (s.expires_at is null or s.expires_at > now())
  union all
  select p.*, null, null, null
  from client_products cp
  join products p on p.id = cp.product_id
  where cp.client_id = c.id and c.kind = 'first_party' and ${offered}`;

/** By the kill switch: itself, its team or its whole environment. */
const stopped = `exists (
  select from suspensions x where (x.kind, x.id) in
    (('client', c.id), ('team', c.team_id), ('environment', c.environment)))`;

const product = `json_build_object(
  'id', r.id, 'name', r.name, 'audience', r.audience, 'subjects', r.subjects,
  'grantTypes', r.grant_types, 'signingAlg', r.signing_alg, 'tokenTyp', r.token_typ,
  'subscriptionId', r.subscription_id,
  'scopes', (
    select coalesce(json_agg(json_build_object('scope', scope, 'description', description,
      'isDefault', is_default) order by position), '[]')
    from product_scopes
    where product_id = r.id and (r.narrowed is null or scope = any (r.narrowed))),
  'roleScopes', (
    select coalesce(json_object_agg(role, scopes), '{}') from (
      select rs.role, json_agg(rs.scope order by ps.position) as scopes
      from product_role_scopes rs join product_scopes ps using (product_id, scope)
      where product_id = r.id and (r.narrowed is null or rs.scope = any (r.narrowed))
      group by rs.role) of_roles))`;

type Row = Omit<ClientRecord, 'secrets' | 'usable'> & {
  stopped: boolean;
  secrets: { digest: string; expiresAt: string | null }[];
};

/**
 * All that the protocol needs, in one statement: it is asked at every request. What the client may
 * do is computed here from what holds at this moment, and stored nowhere.
 */
export async function findClient(
  db: Db,
  environment: Environment,
  id: string,
): Promise<ClientRecord | undefined> {
  if (!looksLikeClientId(id)) return undefined;
  const row = await maybeOne<Row>(
    db,
    `select c.id, c.environment, c.team_id as "teamId", t.name as "teamName", c.kind, c.name,
       c.auth_method as "authMethod", c.grant_types as "grantTypes",
       c.redirect_uris as "redirectUris",
       c.post_logout_redirect_uris as "postLogoutRedirectUris",
       c.allowed_origins as "allowedOrigins", c.jwks, c.jwks_uri as "jwksUri",
       c.allows_oidc as "allowsOidc",
       c.default_product_id as "defaultProductId",
       (select coalesce(json_agg(json_build_object(
           'digest', translate(rtrim(encode(digest, 'base64'), '='), '+/', '-_'),
           'expiresAt', expires_at) order by created_at, client_secrets.id), '[]')
         from client_secrets
         where client_id = c.id and (expires_at is null or expires_at > now())) as secrets,
       (select coalesce(json_agg(${product}
           order by r.id is distinct from c.default_product_id, r.since, r.id), '[]')
         from (${reached}) r) as products,
       ${stopped} as stopped
     from clients c left join teams t on t.id = c.team_id
     where c.environment = $1 and c.id = $2`,
    [environment, id],
  );
  if (!row) return undefined;
  const { stopped: isStopped, secrets, ...rest } = row;
  const products = isStopped ? [] : rest.products;
  return {
    ...rest,
    products,
    secrets: secrets.map(({ digest, expiresAt }) => ({
      digest,
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
    })),
    usable: !isStopped && (row.kind === 'first_party' || products.length > 0),
  };
}
