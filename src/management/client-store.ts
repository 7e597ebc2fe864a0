import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Place } from './page.ts';
import { place, type Row, told } from './store.ts';

/** Never the value of a secret: nobody has it but whoever was told when it was made. */
const item = `json_build_object(
  'id', c.id, 'team_id', c.team_id, 'environment', c.environment, 'name', c.name,
  'auth_method', c.auth_method, 'grant_types', c.grant_types, 'redirect_uris', c.redirect_uris,
  'post_logout_redirect_uris', c.post_logout_redirect_uris,
  'allowed_origins', c.allowed_origins, 'jwks', c.jwks, 'jwks_uri', c.jwks_uri,
  'subscriptions', array(select subscription_id from client_subscriptions
    where client_id = c.id order by subscription_id),
  'secrets', (select coalesce(json_agg(json_build_object('id', s.id, 'last_four', s.last_four,
      'created_at', ${told('s.created_at')}, 'expires_at', ${told('s.expires_at')},
      'last_used_at', ${told('s.last_used_at')}) order by s.created_at, s.id), '[]')
    from client_secrets s
    where s.client_id = c.id and (s.expires_at is null or s.expires_at > now())),
  'suspended', exists (select from suspensions where kind = 'client' and id = c.id),
  'created_at', ${told('c.created_at')})`;

/** `$1`: a team; `$2`: its environment. What comes with a subscription is not the team's to touch. */
const own = `c.team_id = $1 and c.environment = $2 and c.kind = 'application'`;

/** Oldest first; one more than `limit` where there are more. */
export const listClients = (
  db: Db,
  given: { teamId: string; environment: Environment; after: Place | null; limit: number },
): Promise<Row[]> =>
  many<Row>(
    db,
    `select ${place('c.created_at')} as at, c.id, ${item} as item from clients c
     where ${own} and ($3::timestamptz is null or (c.created_at, c.id) > ($3::timestamptz, $4))
     order by c.created_at, c.id limit $5 + 1`,
    [
      given.teamId,
      given.environment,
      given.after?.[0] || null,
      given.after?.[1] ?? null,
      given.limit,
    ],
  );

/** Undefined for another team's, and for one of the other environment. */
export const findClientOf = (
  db: Db,
  { teamId, environment, id }: { teamId: string; environment: Environment; id: string },
): Promise<{ item: object } | undefined> =>
  maybeOne(db, `select ${item} as item from clients c where ${own} and c.id = $3`, [
    teamId,
    environment,
    id,
  ]);

/** Of these subscriptions one that is not the team's in that environment. */
export const findForeignSubscription = async (
  db: Db,
  given: { teamId: string; environment: Environment; ids: readonly string[] },
): Promise<string | undefined> =>
  (
    await maybeOne<{ id: string }>(
      db,
      `select wanted.id from unnest($3::text[]) as wanted (id)
       where not exists (select from subscriptions s
         where s.id = wanted.id and s.team_id = $1 and s.environment = $2)
       limit 1`,
      [given.teamId, given.environment, given.ids],
    )
  )?.id;
