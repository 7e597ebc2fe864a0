import { type Db, many, maybeOne } from '../db/pool.ts';
import type { MemberRole, Team } from './team.ts';

const columns = `t.id, t.name, t.created_at as "createdAt"`;

export const findTeam = (db: Db, id: string): Promise<Team | undefined> =>
  maybeOne<Team>(db, `select ${columns} from teams t where t.id = $1`, [id]);

/** Longest membership first, so that the team an account was born with leads. */
export const listTeamsOf = (db: Db, accountId: string): Promise<Team[]> =>
  many<Team>(
    db,
    `select ${columns} from teams t join team_members m on m.team_id = t.id
     where m.account_id = $1 order by m.joined_at, t.id`,
    [accountId],
  );

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
