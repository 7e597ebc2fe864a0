import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';

/** One thing that was found. */
export type Hit = {
  id: string;
  name: string;
  /** What tells it from others of the name. */
  beside: string;
  environment: Environment | null;
};

/** What is looked for: exactly an id, or the beginning of a name, or a part of one. */
export type Wanted = { id: string; like: string };

// `like` for a beginning is served by the prefix indexes; for a part, the whole table is read.

export const findPeople = (db: Db, { id, like }: Wanted, limit: number): Promise<Hit[]> =>
  many<Hit>(
    db,
    `select id, name, email as beside, null as environment from accounts
     where id = $1 or lower(name) like $2 or lower(email) like $2
     order by lower(name), id limit $3`,
    [id, like, limit],
  );

export const findTeams = (db: Db, { id, like }: Wanted, limit: number): Promise<Hit[]> =>
  many<Hit>(
    db,
    `select t.id, t.name, null as environment,
       (select string_agg(a.name, ', ' order by a.name) from team_members m
        join accounts a on a.id = m.account_id where m.team_id = t.id and m.role = 'owner') as beside
     from teams t where t.id = $1 or lower(t.name) like $2 order by lower(t.name), t.id limit $3`,
    [id, like, limit],
  );

export const findSubscriptions = (db: Db, { id, like }: Wanted, limit: number): Promise<Hit[]> =>
  many<Hit>(
    db,
    `select s.id, s.name, s.environment, t.name || ', ' || s.state as beside
     from subscriptions s join teams t on t.id = s.team_id join products p on p.id = s.product_id
     where s.id = $1 or lower(s.name) like $2 or lower(p.name) like $2
     order by lower(s.name), s.id limit $3`,
    [id, like, limit],
  );

/** Not those that the server made for its console. */
export const findClients = (db: Db, { id, like }: Wanted, limit: number): Promise<Hit[]> =>
  many<Hit>(
    db,
    `select c.id, c.name, c.environment, coalesce(t.name, 'first-party') as beside
     from clients c left join teams t on t.id = c.team_id
     where c.kind in ('application', 'first_party')
       and (c.id = $1 or lower(c.name) like $2 or lower(c.id) like $2)
     order by lower(c.name), c.id limit $3`,
    [id, like, limit],
  );
