import { type Db, many } from '../db/pool.ts';

/** One team of somebody who leaves, with what it has. */
export type TeamOfLeaver = {
  id: string;
  name: string;
  otherMembers: number;
  otherOwners: number;
  /** Those that count: active, waiting or suspended. */
  subscriptions: number;
  /** That still open something. */
  keys: number;
  /** That somebody of the team made; not the console's. */
  applications: number;
  testUsers: number;
};

/** Until the transaction ends: of two owners who leave at once the second sees that the first is gone. */
export const lockTeamsOf = async (db: Db, accountId: string): Promise<void> => {
  await db.query(
    `select t.id from teams t join team_members m on m.team_id = t.id
     where m.account_id = $1 order by t.id for update of t`,
    [accountId],
  );
};

/** Longest membership first. */
export const listTeamsOfLeaver = (db: Db, accountId: string): Promise<TeamOfLeaver[]> =>
  many<TeamOfLeaver>(
    db,
    `select t.id, t.name,
       (select count(*)::int from team_members o
        where o.team_id = t.id and o.account_id <> $1) as "otherMembers",
       (select count(*)::int from team_members o
        where o.team_id = t.id and o.account_id <> $1 and o.role = 'owner') as "otherOwners",
       (select count(*)::int from subscriptions s
        where s.team_id = t.id and s.state in ('submitted', 'active', 'suspended')) as subscriptions,
       (select count(*)::int from subscription_keys k join subscriptions s on s.id = k.subscription_id
        where s.team_id = t.id and s.state in ('active', 'suspended')
          and (k.expires_at is null or k.expires_at > now())) as keys,
       (select count(*)::int from clients c
        where c.team_id = t.id and c.kind = 'application') as applications,
       (select count(*)::int from test_users u where u.team_id = t.id) as "testUsers"
     from teams t join team_members m on m.team_id = t.id
     where m.account_id = $1 order by m.joined_at, t.id`,
    [accountId],
  );

/** With all that is theirs: subscriptions, keys, applications, own test users. They must be locked. */
export const deleteTeams = async (db: Db, ids: readonly string[]): Promise<void> => {
  await db.query('delete from teams where id = any ($1)', [ids]);
};
