import { type Db, many, maybeOne } from '../db/pool.ts';
import type { TestUser } from './test-user.ts';

/** Of `test_users t` with its profile. */
export const selectTestUsers = `select t.id, t.team_id as "teamId", t.username, t.name, t.title, t.about,
  t.sealed_password as "sealedPassword", t.behaviour,
  p.role, p.claims, p.patient
  from test_users t join profiles p on p.test_user_id = t.id`;

export const findTestUser = (db: Db, id: string): Promise<TestUser | undefined> =>
  maybeOne<TestUser>(db, `${selectTestUsers} where t.id = $1`, [id]);

/**
 * Those whom a member of the team is shown by name: the shared ones in their order, then the team's
 * own. `null` is whoever is not signed in: the shared ones only.
 */
export const listTestUsersFor = (db: Db, teamId: string | null): Promise<TestUser[]> =>
  many<TestUser>(
    db,
    `${selectTestUsers} where t.team_id is null or t.team_id = $1
     order by t.team_id is not null, t.position, t.name, t.id`,
    [teamId],
  );

/** The team's own before a shared one of the same name; another team's never. */
export const findTestUserByUsername = (
  db: Db,
  username: string,
  teamId: string | null,
): Promise<TestUser | undefined> =>
  maybeOne<TestUser>(
    db,
    `${selectTestUsers} where t.username = $1 and (t.team_id is null or t.team_id = $2)
     order by t.team_id is null limit 1`,
    [username, teamId],
  );

/** Made, or brought to this state, by its id, with its profile. */
export const upsertTestUser = async (
  db: Db,
  row: Omit<TestUser, 'behaviour'> & { position: number; createdBy?: string | null },
): Promise<void> => {
  await db.query(
    `insert into test_users as t (id, team_id, username, name, title, about, sealed_password,
       position, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (id) do update set team_id = excluded.team_id, username = excluded.username,
       name = excluded.name, title = excluded.title, about = excluded.about,
       sealed_password = excluded.sealed_password, position = excluded.position,
       behaviour = case when excluded.team_id is not null then t.behaviour end`,
    [
      row.id,
      row.teamId,
      row.username,
      row.name,
      row.title,
      row.about,
      row.sealedPassword,
      row.position,
      row.createdBy ?? null,
    ],
  );
  await db.query(
    `insert into profiles (environment, test_user_id, role, claims, patient)
     values ('sandbox', $1, $2, $3, $4)
     on conflict (test_user_id) do update set
       role = excluded.role, claims = excluded.claims, patient = excluded.patient`,
    [row.id, row.role, row.claims, row.patient],
  );
};
