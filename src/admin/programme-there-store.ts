import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';
import type { FirstPartyClient } from './programme-clients.ts';

/** A client as a programme tells of it, and whose it is. */
export type ClientThere = FirstPartyClient & {
  environment: Environment;
  subscriptions: string[];
  firstParty: boolean;
};

/** By id. `ids`: only these; null: every first-party one. */
export const listClientsThere = (db: Db, ids: readonly string[] | null): Promise<ClientThere[]> =>
  many<ClientThere>(
    db,
    `select id, name, environment, kind = 'first_party' as "firstParty",
       default_product_id as "defaultProduct", auth_method as "authMethod",
       grant_types as "grantTypes", redirect_uris as "redirectUris",
       post_logout_redirect_uris as "postLogoutRedirectUris",
       allowed_origins as "allowedOrigins", jwks, jwks_uri as "jwksUri",
       allows_oidc as "allowsOidc",
       array(select product_id from client_products where client_id = c.id order by 1) as products,
       array(select subscription_id from client_subscriptions where client_id = c.id order by 1)
         as subscriptions
     from clients c
     where case when $1::text[] is null then kind = 'first_party' else id = any ($1) end
     order by id`,
    [ids],
  );

/** Shared ones first and in the order of the pop-up; of each its place in it. `ids`: null: all shared ones. */
export const listTestUserIds = (
  db: Db,
  ids: readonly string[] | null,
): Promise<{ id: string; teamId: string | null; position: number }[]> =>
  many(
    db,
    `select id, team_id as "teamId", position from test_users
     where case when $1::text[] is null then team_id is null else id = any ($1) end
     order by team_id is not null, position, name, id`,
    [ids],
  );

/** By id. */
export const listTeamsThere = (
  db: Db,
  ids: readonly string[],
): Promise<
  { id: string; name: string; members: { email: string; role: 'owner' | 'member' }[] }[]
> =>
  many(
    db,
    `select id, name,
       (select coalesce(json_agg(json_build_object('email', email, 'role', role)), '[]')
         from team_members m join accounts a on a.id = m.account_id where m.team_id = t.id)
         as members
     from teams t where id = any ($1) order by id`,
    [ids],
  );

/** Of these ids, those that no team has. */
export const listUnknownTeams = async (db: Db, ids: readonly string[]): Promise<string[]> => {
  const rows = await many<{ id: string }>(
    db,
    'select id from unnest($1::text[]) as wanted (id) where id not in (select id from teams)',
    [ids],
  );
  return rows.map(({ id }) => id);
};

/** Those of a test user that has one of these names among the shared ones. */
export const listSharedUsernames = (
  db: Db,
  usernames: readonly string[],
): Promise<{ id: string; username: string }[]> =>
  many(db, 'select id, username from test_users where team_id is null and username = any ($1)', [
    usernames,
  ]);

/** Products that have this audience in this environment: one, or none. */
export const listAudiences = (
  db: Db,
  audiences: readonly string[],
): Promise<{ id: string; environment: Environment; audience: string }[]> =>
  many(db, 'select id, environment, audience from products where audience = any ($1)', [audiences]);
