import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Behaviour } from './behaviour.ts';
import { selectTestUsers } from './store.ts';
import type { TestUser } from './test-user.ts';

/** `owner`: an account, for any team that it is a member of; or a team. */
type Which = { owner: string; id: string };

const isOwn = `(t.team_id = $1 or exists (
  select from team_members m where m.team_id = t.team_id and m.account_id = $1))`;

/** By team, then by name. */
export const listOwnTestUsers = (db: Db, owner: string): Promise<TestUser[]> =>
  many<TestUser>(db, `${selectTestUsers} where ${isOwn} order by t.team_id, t.name, t.id`, [owner]);

export const findOwnTestUser = (db: Db, { owner, id }: Which): Promise<TestUser | undefined> =>
  maybeOne<TestUser>(db, `${selectTestUsers} where ${isOwn} and t.id = $2`, [owner, id]);

/** One to make a copy of: a shared one, or the owner's own. */
export const findTestUserToCopy = (db: Db, { owner, id }: Which): Promise<TestUser | undefined> =>
  maybeOne<TestUser>(db, `${selectTestUsers} where (t.team_id is null or ${isOwn}) and t.id = $2`, [
    owner,
    id,
  ]);

/** Held until the transaction ends. */
export const lockOwnTestUser = (db: Db, { owner, id }: Which): Promise<TestUser | undefined> =>
  maybeOne<TestUser>(db, `${selectTestUsers} where ${isOwn} and t.id = $2 for update of t`, [
    owner,
    id,
  ]);

/**
 * How many test users the team has, which stays true until the transaction ends; undefined: it is
 * none of the owner's.
 */
export const lockCountOfTeam = async (
  db: Db,
  { owner, teamId }: { owner: string; teamId: string },
): Promise<number | undefined> => {
  const team = await maybeOne<{ id: string }>(
    db,
    `select id from teams where id = $2 and (id = $1 or exists (
       select from team_members where team_id = $2 and account_id = $1)) for no key update`,
    [owner, teamId],
  );
  if (!team) return undefined;
  const row = await maybeOne<{ count: number }>(
    db,
    'select count(*)::int as count from test_users where team_id = $1',
    [teamId],
  );
  return row?.count ?? 0;
};

export const saveBehaviour = async (
  db: Db,
  { id, behaviour }: { id: string; behaviour: Behaviour | null },
): Promise<void> => {
  await db.query('update test_users set behaviour = $2 where id = $1', [id, behaviour]);
};

/** With its profile. */
export const deleteTestUser = async (db: Db, id: string): Promise<void> => {
  await db.query('delete from test_users where id = $1', [id]);
};

/** Those that mean something here, by name: of shared test users, and of products that anyone may know of. */
export const listKnownRoles = async (db: Db): Promise<string[]> => {
  const rows = await many<{ role: string }>(
    db,
    `select role from profiles p join test_users t on t.id = p.test_user_id where t.team_id is null
     union
     select r.role from product_role_scopes r join products p on p.id = r.product_id
     where p.environment = 'sandbox' and p.state in ('published', 'deprecated')
       and p.visibility <> 'invited'
     order by role`,
  );
  return rows.map(({ role }) => role);
};
