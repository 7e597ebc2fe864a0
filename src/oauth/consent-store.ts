import type { AdapterPayload } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';

/** One grant of an account, with what it names in words. */
export type GrantRow = {
  environment: Environment;
  clientId: string;
  clientName: string;
  /** Null: the programme's own application. */
  teamName: string | null;
  payload: AdapterPayload;
  since: Date;
  /** Null: without an end. */
  until: Date | null;
  /** Those that its subject was asked about; `scopes`: what each says to a person. */
  products: { name: string; audience: string; scopes: Record<string, string> }[];
};

/** Live ones, by the application's name, oldest first. */
export const listGrantsOf = (db: Db, accountId: string): Promise<GrantRow[]> =>
  many<GrantRow>(
    db,
    `select g.environment, c.id as "clientId", c.name as "clientName", t.name as "teamName",
       g.payload, to_timestamp((g.payload ->> 'iat')::double precision) as since,
       g.expires_at as until,
       (select coalesce(json_agg(json_build_object('name', p.name, 'audience', p.audience,
          'scopes', (select coalesce(json_object_agg(s.scope, s.description order by s.position), '{}')
            from product_scopes s where s.product_id = p.id)) order by p.name), '[]')
        from products p where p.environment = g.environment
          and g.payload -> 'audiences' ? p.audience) as products
     from oidc_records g
     join clients c on c.id = g.payload ->> 'clientId' and c.environment = g.environment
     left join teams t on t.id = c.team_id
     where g.kind = 'Grant' and g.payload ->> 'accountId' = $1
       and (g.expires_at is null or g.expires_at > now())
     order by lower(c.name), c.id, since, g.key`,
    [accountId],
  );

/**
 * Every grant of this account to this client, and all that hangs on them. A token that is being
 * issued meanwhile is dead, for its grant is gone. Answers how many grants there were.
 */
export const deleteGrantsTo = async (
  db: Db,
  { accountId, environment, clientId }: ConsentPlace,
): Promise<number> => {
  const row = await maybeOne<{ count: number }>(
    db,
    `with gone as (
       delete from oidc_records
       where kind = 'Grant' and environment = $2
         and payload ->> 'accountId' = $1 and payload ->> 'clientId' = $3
       returning key
     ), rest as (
       delete from oidc_records r using gone where r.environment = $2 and r.grant_key = gone.key
     )
     select count(*)::int as count from gone`,
    [accountId, environment, clientId],
  );
  return row?.count ?? 0;
};

export type ConsentPlace = { accountId: string; environment: Environment; clientId: string };

/**
 * Everything of these subjects in both environments: grants, codes, refresh tokens, their sessions
 * with the issuers, and whatever is under way with them signed in.
 */
export const deleteRecordsOfSubjects = async (db: Db, subs: readonly string[]): Promise<void> => {
  await db.query(`delete from oidc_records where payload ->> 'accountId' = any ($1)`, [subs]);
  await db.query(
    `delete from oidc_records
     where environment in ('sandbox', 'live') and kind = 'Interaction'
       and (payload -> 'session' ->> 'accountId' = any ($1)
         or payload -> 'result' -> 'login' ->> 'accountId' = any ($1))`,
    [subs],
  );
};
