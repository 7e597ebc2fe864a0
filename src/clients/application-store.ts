import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { GrantType } from '../products/product.ts';
import type { Client } from './client.ts';

/** Who it belongs to: an account (any team it is a member of) or a team; null: the programme itself. */
export type Owner = string | null;

/** A client with what a page calls the things around it. */
export type Application = Client & {
  /** Null: first-party. */
  teamName: string | null;
  createdAt: Date;
  createdByName: string | null;
};

export const applicationColumns = `c.id, c.environment, c.team_id as "teamId", c.kind, c.name,
  c.auth_method as "authMethod", c.grant_types as "grantTypes", c.redirect_uris as "redirectUris",
  c.post_logout_redirect_uris as "postLogoutRedirectUris", c.allowed_origins as "allowedOrigins",
  c.jwks, c.jwks_uri as "jwksUri", c.allows_oidc as "allowsOidc",
  c.default_product_id as "defaultProductId", t.name as "teamName", c.created_at as "createdAt",
  (select name from accounts where id = c.created_by) as "createdByName"`;

/** `$1`: the owner. What comes with a subscription is neither a team's nor the programme's to touch. */
const owned = `case when $1::text is null then c.kind = 'first_party'
  else c.kind = 'application' and (c.team_id = $1 or exists (
    select from team_members m where m.team_id = c.team_id and m.account_id = $1)) end`;

export const findOwnApplication = (
  db: Db,
  { owner, id }: { owner: Owner; id: string },
): Promise<Application | undefined> =>
  maybeOne<Application>(
    db,
    `select ${applicationColumns} from clients c left join teams t on t.id = c.team_id
     where c.id = $2 and ${owned}`,
    [owner, id],
  );

/**
 * How many applications the team has, which stays true until the transaction ends; undefined: the
 * team is gone.
 */
export const lockCountOfTeam = async (db: Db, teamId: string): Promise<number | undefined> => {
  const team = await maybeOne(db, 'select id from teams where id = $1 for no key update', [teamId]);
  if (!team) return undefined;
  const counted = await maybeOne<{ count: number }>(
    db,
    `select count(*)::int as count from clients where team_id = $1 and kind = 'application'`,
    [teamId],
  );
  return counted?.count ?? 0;
};

/** A client that the kill switch stopped and that is tied to one of these subscriptions. */
export const findStoppedOf = (
  db: Db,
  subscriptionIds: readonly string[],
): Promise<{ id: string; name: string } | undefined> =>
  maybeOne(
    db,
    `select c.id, c.name from clients c join suspensions x on x.kind = 'client' and x.id = c.id
     where exists (select from client_subscriptions cs
       where cs.client_id = c.id and cs.subscription_id = any ($1::text[]))
     order by x.suspended_at limit 1`,
    [subscriptionIds],
  );

/** Until the transaction ends nobody else changes it or its secrets. */
export const lockOwnApplication = (
  db: Db,
  { owner, id }: { owner: Owner; id: string },
): Promise<Application | undefined> =>
  maybeOne<Application>(
    db,
    `select ${applicationColumns} from clients c left join teams t on t.id = c.team_id
     where c.id = $2 and ${owned} for update of c`,
    [owner, id],
  );

/** One line of a list. */
export type ListedApplication = Pick<
  Application,
  'id' | 'environment' | 'teamId' | 'teamName' | 'kind' | 'name' | 'authMethod' | 'grantTypes'
> & {
  /** How many are live. */
  secrets: number;
  /** When the one that lives longest ends; null: never, or there is none. */
  secretEnds: Date | null;
  products: string[];
  /** By the kill switch. */
  stopped: boolean;
};

const listed = `c.id, c.environment, c.team_id as "teamId", t.name as "teamName", c.kind, c.name,
  c.auth_method as "authMethod", c.grant_types as "grantTypes",
  (select count(*)::int from client_secrets s
   where s.client_id = c.id and (s.expires_at is null or s.expires_at > now())) as secrets,
  (select nullif(max(coalesce(s.expires_at, 'infinity')), 'infinity') from client_secrets s
   where s.client_id = c.id and (s.expires_at is null or s.expires_at > now())) as "secretEnds",
  array(select p.name from products p where p.id in (
      select product_id from client_products where client_id = c.id
      union select s.product_id from client_subscriptions cs
      join subscriptions s on s.id = cs.subscription_id where cs.client_id = c.id)
    order by p.name) as products,
  exists (select from suspensions where kind = 'client' and id = c.id) as stopped`;

/** Where a page of a list begins: behind this client, or before it. Junk begins at the top. */
export type Cursor = { after?: string | undefined; before?: string | undefined };

const place = `(c.created_at, c.id)`;
const placeOf = (parameter: string) =>
  `(select created_at, id from clients where id = ${parameter})`;

/** Newest first; one more than `limit` where there are more in that direction. */
export const listOwnApplications = async (
  db: Db,
  owner: string,
  { after, before, limit }: Cursor & { limit: number },
): Promise<ListedApplication[]> => {
  const backwards = before !== undefined && after === undefined;
  const rows = await many<ListedApplication>(
    db,
    `select ${listed} from clients c join teams t on t.id = c.team_id
     where ${owned}
       and ($2::text is null or ${place} < ${placeOf('$2')})
       and ($3::text is null or ${place} > ${placeOf('$3')})
     order by case when $5 then c.created_at end, case when $5 then c.id end,
       c.created_at desc, c.id desc
     limit $4 + 1`,
    [owner, after ?? null, backwards ? before : null, limit, backwards],
  );
  return backwards ? rows.reverse() : rows;
};

/** Everybody's, newest first: for the programme's own people. `text`: in the name, the id or the team's name. */
export const searchClients = (
  db: Db,
  given: {
    text: string;
    environment: string | null;
    kind: string | null;
    after: string | null;
    limit: number;
  },
): Promise<ListedApplication[]> =>
  many<ListedApplication>(
    db,
    `select ${listed} from clients c left join teams t on t.id = c.team_id
     where ($1 = '' or position(lower($1) in lower(c.name)) > 0
         or position(lower($1) in lower(c.id)) > 0
         or position(lower($1) in lower(coalesce(t.name, ''))) > 0)
       and ($2::text is null or c.environment = $2) and ($3::text is null or c.kind = $3)
       and ($4::text is null or ${place} < ${placeOf('$4')})
     order by c.created_at desc, c.id desc limit $5 + 1`,
    [given.text, given.environment, given.kind, given.after, given.limit],
  );

/** What an application may be made for. */
export type OfferedSubscription = {
  id: string;
  name: string;
  environment: Environment;
  state: string;
  teamId: string;
  teamName: string;
  productId: string;
  productName: string;
  grantTypes: GrantType[];
};

/** Those that are not over, by team and environment. */
export const listOfferedSubscriptions = (db: Db, owner: string): Promise<OfferedSubscription[]> =>
  many<OfferedSubscription>(
    db,
    `select s.id, s.name, s.environment, s.state, s.team_id as "teamId", t.name as "teamName",
       s.product_id as "productId", p.name as "productName", p.grant_types as "grantTypes"
     from subscriptions s join teams t on t.id = s.team_id join products p on p.id = s.product_id
     where (s.team_id = $1 or exists (
         select from team_members m where m.team_id = s.team_id and m.account_id = $1))
       and s.state in ('submitted', 'active', 'suspended')
       and (s.expires_at is null or s.expires_at > now())
     order by lower(t.name), t.id, s.environment desc, lower(s.name), s.id`,
    [owner],
  );

/** What it is tied to, whatever its state. */
export const listTiedSubscriptions = (
  db: Db,
  clientId: string,
): Promise<(OfferedSubscription & { scopes: { scope: string; description: string }[] })[]> =>
  many(
    db,
    `select s.id, s.name, s.environment, s.state, s.team_id as "teamId", '' as "teamName",
       s.product_id as "productId", p.name as "productName", p.grant_types as "grantTypes",
       (select coalesce(json_agg(json_build_object('scope', ps.scope, 'description', ps.description)
           order by ps.position), '[]')
        from product_scopes ps where ps.product_id = p.id
          and (s.scopes is null or ps.scope = any (s.scopes))) as scopes
     from client_subscriptions cs join subscriptions s on s.id = cs.subscription_id
     join products p on p.id = s.product_id
     where cs.client_id = $1 order by s.created_at, s.id`,
    [clientId],
  );

export const saveMaker = async (
  db: Db,
  clientId: string,
  accountId: string | null,
): Promise<void> => {
  await db.query('update clients set created_by = $2 where id = $1', [clientId, accountId]);
};

/** With its secrets and ties. */
export const deleteClient = async (db: Db, id: string): Promise<void> => {
  await db.query('delete from clients where id = $1', [id]);
};

/** Who hears of a change. */
export const listTeamToTell = (
  db: Db,
  teamId: string,
): Promise<{ name: string; email: string }[]> =>
  many(
    db,
    `select a.name, a.email from team_members m join accounts a on a.id = m.account_id
     where m.team_id = $1 and a.email_verified_at is not null order by a.id`,
    [teamId],
  );
