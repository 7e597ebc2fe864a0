import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import type { Action, Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { type Keyring, newId } from '../base/secrets.ts';
import { breaks, type Db, transaction } from '../db/pool.ts';
import { type Behaviour, behaviourWords } from './behaviour.ts';
import {
  deleteTestUser,
  listOwnTestUsers,
  lockCountOfTeam,
  lockOwnTestUser,
  saveBehaviour,
} from './own-store.ts';
import { openTestUserPassword, saveTestUser } from './service.ts';
import type { TestUser } from './test-user.ts';

/** So that no script fills the table; a team that needs more can delete some. */
export const mostPerTeam = 50;

/** What a team says about its own test user. */
export type TestUserValues = Pick<
  TestUser,
  'username' | 'name' | 'title' | 'about' | 'role' | 'claims' | 'patient'
> & { password: string };

export type OwnTestUserParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** Ends all tokens, grants, sessions and consents about these subjects. */
  endAccess(tx: Db, ...subs: string[]): Promise<void>;
};

/** `owner`: an account, for any team that it is a member of; or a team. Another team's is not found. */
type Which = { owner: string; id: string };

/**
 * A new one of the team's own; answers its id, which is its `sub`.
 * @throws {NotFound} `team_not_found`
 * @throws {Conflict} `too_many_test_users`
 * @throws {InvalidInput} for a username that the team has already.
 */
export const makeTestUser = (
  { pool, keyring }: OwnTestUserParts,
  doer: Doer,
  given: { owner: string; teamId: string; values: TestUserValues },
): Promise<string> =>
  transaction(pool, async (tx) => {
    const { teamId, values } = given;
    if ((await countOfTeam(tx, given)) >= mostPerTeam) {
      const sentence = `A team can have ${mostPerTeam} test users. Delete one that you no longer use.`;
      throw new Conflict('too_many_test_users', sentence);
    }
    const id = `tu_${newId()}`;
    const createdBy = doer.actor.kind === 'account' ? doer.actor.id : null;
    await save(tx, keyring, { ...values, id, teamId, position: 0, createdBy });
    await recordTestUserAct(tx, doer, 'test_user.made', { id, teamId });
    return id;
  });

/**
 * Its tokens stay, and say from their next refresh on what it is now.
 * @throws {NotFound} `test_user_not_found`
 * @throws {InvalidInput} for a username that the team has already.
 */
export const changeTestUser = (
  { pool, keyring }: OwnTestUserParts,
  doer: Doer,
  { values, ...which }: Which & { values: TestUserValues },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const before = await holdOwn(tx, which);
    const { id, teamId } = before;
    const fields = changedFields(
      { ...before, password: openTestUserPassword(keyring, before) },
      values,
    );
    if (fields.length === 0) return;
    await save(tx, keyring, { ...values, id, teamId, position: 0 });
    await recordTestUserAct(tx, doer, 'test_user.changed', { id, teamId, fields });
  });

/** From its next request on. @throws {NotFound} `test_user_not_found` */
export const setBehaviour = (
  { pool }: OwnTestUserParts,
  doer: Doer,
  { behaviour, ...which }: Which & { behaviour: Behaviour | null },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { id, teamId, behaviour: before } = await holdOwn(tx, which);
    if (behaviour === before) return;
    await saveBehaviour(tx, { id, behaviour });
    await recordTestUserAct(tx, doer, 'test_user.behaviour_set', {
      id,
      teamId,
      behaviour: behaviour ? behaviourWords[behaviour].name : 'none',
    });
  });

/** Its `sub` stays; all else that applications hold of it ends. @throws {NotFound} `test_user_not_found` */
export const resetTestUser = (
  { pool, endAccess }: OwnTestUserParts,
  doer: Doer,
  which: Which,
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { id, teamId } = await holdOwn(tx, which);
    await endAccess(tx, id);
    await recordTestUserAct(tx, doer, 'test_user.reset', { id, teamId });
  });

/** All of the team's; answers how many. @throws {NotFound} `team_not_found` */
export const resetTestUsersOf = (
  { pool, endAccess }: OwnTestUserParts,
  doer: Doer,
  given: { owner: string; teamId: string },
): Promise<number> =>
  transaction(pool, async (tx) => {
    const { teamId } = given;
    await countOfTeam(tx, given); // none is made meanwhile
    const ids = (await listOwnTestUsers(tx, teamId)).map(({ id }) => id);
    await endAccess(tx, ...ids);
    for (const id of ids) await recordTestUserAct(tx, doer, 'test_user.reset', { id, teamId });
    return ids.length;
  });

/** With all that applications hold of it. @throws {NotFound} `test_user_not_found` */
export const removeTestUser = (
  { pool, endAccess }: OwnTestUserParts,
  doer: Doer,
  which: Which,
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { id, teamId, name } = await holdOwn(tx, which);
    await endAccess(tx, id);
    await deleteTestUser(tx, id);
    await recordTestUserAct(tx, doer, 'test_user.deleted', { id, teamId, name });
  });

export const noSuchTestUser = (): Error =>
  new NotFound('test_user_not_found', 'There is no such test user of a team of yours.');

async function holdOwn(tx: Db, which: Which): Promise<TestUser> {
  const found = await lockOwnTestUser(tx, which);
  if (!found) throw noSuchTestUser();
  return found;
}

async function countOfTeam(tx: Db, given: { owner: string; teamId: string }): Promise<number> {
  const count = await lockCountOfTeam(tx, given);
  if (count === undefined) throw new NotFound('team_not_found', 'This is not a team of yours.');
  return count;
}

async function save(...saving: Parameters<typeof saveTestUser>): Promise<void> {
  try {
    await saveTestUser(...saving);
  } catch (error) {
    if (!breaks(error, 'test_users_username_key')) throw error;
    throw new InvalidInput({
      username: 'Your team has a test user with this username already. Choose another.',
    });
  }
}

/** By name only: a password is no business of the trail. */
const changedFields = (before: TestUserValues, after: TestUserValues): string[] =>
  Object.entries(after)
    .filter(([name, value]) => !isDeepStrictEqual(value, before[name as keyof TestUserValues]))
    .map(([name]) => name);

const recordTestUserAct = (
  tx: Db,
  doer: Doer,
  action: Action,
  {
    id,
    teamId,
    ...detail
  }: { id: string; teamId: string | null } & Record<string, string | string[] | null>,
): Promise<void> =>
  recordAct(tx, {
    ...doer,
    action,
    subject: { kind: 'test_user', id },
    environment: 'sandbox',
    detail: { ...detail, team: teamId },
  });
