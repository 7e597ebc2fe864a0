import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Member, MemberRole, Team } from './team.ts';

const columns = `t.id, t.name, t.created_at as "createdAt"`;

const memberColumns = `a.id as "accountId", a.name, a.email, m.role, m.joined_at as "joinedAt"`;

export const findTeam = (db: Db, id: string): Promise<Team | undefined> =>
  maybeOne<Team>(db, `select ${columns} from teams t where t.id = $1`, [id]);

/** Until the transaction ends nobody else changes who is in the team, or deletes it. */
export const lockTeam = (db: Db, id: string): Promise<Team | undefined> =>
  maybeOne<Team>(db, `select ${columns} from teams t where t.id = $1 for update`, [id]);

/** Until the transaction ends nobody deletes the team, or changes who is in it. */
export const keepTeam = async (db: Db, id: string): Promise<void> => {
  await db.query('select from teams where id = $1 for key share', [id]);
};

/**
 * Of these teams one that is suspended, or of which a client or a subscription is; nobody gets out
 * of that by making everything anew.
 */
export const findSuspended = (
  db: Db,
  teamIds: readonly string[],
): Promise<Pick<Team, 'id' | 'name'> | undefined> =>
  maybeOne(
    db,
    `select t.id, t.name from teams t where t.id = any ($1) and (
       exists (select from suspensions where kind = 'team' and id = t.id)
       or exists (
         select from clients c join suspensions x on x.kind = 'client' and x.id = c.id
         where c.team_id = t.id)
       or exists (
         select from subscriptions s where s.team_id = t.id and s.state = 'suspended'
           and (s.expires_at is null or s.expires_at > now())))
     order by t.id limit 1`,
    [teamIds],
  );

/** Longest membership first, so that the team an account was born with leads. */
export const listTeamsOf = (db: Db, accountId: string): Promise<Team[]> =>
  many<Team>(
    db,
    `select ${columns} from teams t join team_members m on m.team_id = t.id
     where m.account_id = $1 order by m.joined_at, t.id`,
    [accountId],
  );

/** As `listTeamsOf`, with the account's place in each. */
export const listMemberships = (
  db: Db,
  accountId: string,
): Promise<(Team & { role: MemberRole; members: number })[]> =>
  many(
    db,
    `select ${columns}, m.role,
       (select count(*)::int from team_members o where o.team_id = t.id) as members
     from teams t join team_members m on m.team_id = t.id
     where m.account_id = $1 order by m.joined_at, t.id`,
    [accountId],
  );

/** Undefined for a team that is not the account's, as for one that is not there. */
export const findOwnTeam = (
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<(Team & { role: MemberRole }) | undefined> =>
  maybeOne(
    db,
    `select ${columns}, m.role from teams t join team_members m on m.team_id = t.id
     where t.id = $1 and m.account_id = $2`,
    [place.teamId, place.accountId],
  );

/** Owners first, then by how long they are in. */
export const listMembers = (db: Db, teamId: string): Promise<Member[]> =>
  many<Member>(
    db,
    `select ${memberColumns} from team_members m join accounts a on a.id = m.account_id
     where m.team_id = $1 order by m.role <> 'owner', m.joined_at, a.id`,
    [teamId],
  );

export const findMember = (
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<Member | undefined> =>
  maybeOne<Member>(
    db,
    `select ${memberColumns} from team_members m join accounts a on a.id = m.account_id
     where m.team_id = $1 and m.account_id = $2`,
    [place.teamId, place.accountId],
  );

/** As `findMember`; until the transaction ends the account and its place stay as they are. */
export const holdMember = (
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<Member | undefined> =>
  maybeOne<Member>(
    db,
    `select ${memberColumns} from accounts a join team_members m on a.id = m.account_id
     where m.team_id = $1 and m.account_id = $2 for share of a, m`,
    [place.teamId, place.accountId],
  );

/** What goes with a team: what still counts of its subscriptions, its keys that open something. */
export type Possessions = {
  subscriptions: number;
  keys: number;
  /** That somebody of the team made; not the console's. */
  applications: number;
  testUsers: number;
};

export const countPossessions = async (db: Db, teamId: string): Promise<Possessions> =>
  (await maybeOne<Possessions>(
    db,
    `select
       (select count(*)::int from subscriptions s
        where s.team_id = $1 and s.state in ('submitted', 'active', 'suspended')) as subscriptions,
       (select count(*)::int from subscription_keys k join subscriptions s on s.id = k.subscription_id
        where s.team_id = $1 and s.state in ('active', 'suspended')
          and (k.expires_at is null or k.expires_at > now())) as keys,
       (select count(*)::int from clients c
        where c.team_id = $1 and c.kind = 'application') as applications,
       (select count(*)::int from test_users u where u.team_id = $1) as "testUsers"`,
    [teamId],
  )) as Possessions; // counts are one row

/** Without an id it is new. */
export const upsertTeam = async (db: Db, row: { id?: string; name: string }): Promise<Team> =>
  (await maybeOne<Team>(
    db,
    `insert into teams as t (id, name)
     values (coalesce($1, 'team_' || replace(gen_random_uuid()::text, '-', '')), $2)
     on conflict (id) do update set name = excluded.name
     returning ${columns}`,
    [row.id ?? null, row.name],
  )) as Team; // an upsert that updates returns its row

export const upsertMember = async (
  db: Db,
  member: { teamId: string; accountId: string; role: MemberRole },
): Promise<void> => {
  await db.query(
    `insert into team_members (team_id, account_id, role) values ($1, $2, $3)
     on conflict (team_id, account_id) do update set role = excluded.role`,
    [member.teamId, member.accountId, member.role],
  );
};

export const deleteMember = async (
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<void> => {
  await db.query('delete from team_members where team_id = $1 and account_id = $2', [
    place.teamId,
    place.accountId,
  ]);
};

/** With all that is its: subscriptions, keys, applications, own test users. It must be locked. */
export const deleteTeam = async (db: Db, id: string): Promise<void> => {
  await db.query('delete from teams where id = $1', [id]);
};
