import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { counted } from '../base/in-words.ts';
import { type Keyring, newSecret } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { listTeamsOf } from '../teams/store.ts';
import { behaviours, behaviourWords } from '../test-users/behaviour.ts';
import { sharedClaims } from '../test-users/claims.ts';
import { mostPerTeam } from '../test-users/own-service.ts';
import { findTestUserToCopy, listKnownRoles, listOwnTestUsers } from '../test-users/own-store.ts';
import { openTestUserPassword } from '../test-users/service.ts';
import { listTestUsersFor } from '../test-users/store.ts';
import type { TestUser } from '../test-users/test-user.ts';
import { fieldsOf, type TestUserFields } from '../test-users/test-user-form.ts';

/** What has just been done, said on the page that one comes back to. */
const done: Readonly<Record<string, string>> = {
  made: 'Your test user is ready. Choose it in the pop-up, or give its username and password.',
  changed: 'Saved. It holds from the next request on.',
  behaviour: 'The behaviour is set. It holds from the next request on.',
  reset: 'Reset: its tokens, sessions and consents have ended. Its sub and password stay.',
  'reset-all': 'Reset: all tokens, sessions and consents of your team’s test users have ended.',
  deleted: 'Deleted, with its tokens, sessions and consents.',
};

export const saidDone = (word: unknown): string | null =>
  (typeof word === 'string' && Object.hasOwn(done, word) && done[word]) || null;

type Parts = { db: Db; keyring: Keyring };

/** The page object of views/portal/test-users.ejs. `accountId`: null for a visitor. */
export async function testUsersPage(
  { db, keyring }: Parts,
  accountId: string | null,
): Promise<object> {
  const shared = await listTestUsersFor(db, null);
  const [teams, own] = accountId
    ? await Promise.all([listTeamsOf(db, accountId), listOwnTestUsers(db, accountId)])
    : [[], []];
  const line = (one: TestUser) => ({
    id: one.id,
    name: one.name,
    title: one.title,
    about: one.about,
    role: one.role,
    username: one.username,
    password: accountId ? openTestUserPassword(keyring, one) : null,
    behaviour: one.behaviour && behaviourWords[one.behaviour].name,
  });
  return {
    signedIn: accountId !== null,
    teams: teams.map(({ id, name }) => {
      const ofTeam = own.filter(({ teamId }) => teamId === id);
      return {
        id,
        name,
        howMany: counted(ofTeam.length, 'test user'),
        testUsers: ofTeam.map(line),
      };
    }),
    shared: shared.map(line),
  };
}

/** What the fields of the form say beside them. */
const formWords = async (db: Db) => ({ roles: await listKnownRoles(db), sharedClaims });

type Wrong = { fields: Readonly<Record<string, string>>; problem: string | null };
const nothingWrong: Wrong = { fields: {}, problem: null };

/** The page object of views/portal/test-user-new.ejs. */
export async function newTestUserPage(
  db: Db,
  accountId: string,
  typed: TestUserFields,
  wrong: Wrong = nothingWrong,
): Promise<object> {
  const teams = await listTeamsOf(db, accountId);
  return {
    teams: teams.map(({ id, name }) => ({ id, name })),
    most: mostPerTeam,
    values: typed,
    wrong,
    ...(await formWords(db)),
  };
}

/** What the form begins with: empty, or a copy; a password that nobody has to think of. */
export async function firstFields(
  { db }: Pick<Parts, 'db'>,
  { accountId, copyOf }: { accountId: string; copyOf: unknown },
): Promise<TestUserFields> {
  const password = newSecret().slice(0, 16);
  const original =
    typeof copyOf === 'string'
      ? await findTestUserToCopy(db, { owner: accountId, id: copyOf })
      : undefined;
  if (original) {
    const copy = fieldsOf({ ...original, password });
    return { ...copy, username: `${copy.username}.copy`.slice(0, 100) };
  }
  const empty = { name: '', title: '', about: '', username: '', role: '', patient: '', claims: '' };
  return { csrf: '', team: '', ...empty, password };
}

/** The page object of views/portal/test-user.ejs. */
export async function testUserPage(
  { db, keyring }: Parts,
  testUser: TestUser,
  reader: string,
  again: { typed?: TestUserFields; wrong?: Wrong } = {},
): Promise<object> {
  const teams = await listTeamsOf(db, reader);
  const acts = await listActsAbout(db, { kind: 'test_user', id: testUser.id }, { limit: 10 });
  return {
    id: testUser.id,
    name: testUser.name,
    team: teams.find(({ id }) => id === testUser.teamId)?.name ?? '',
    teams: [],
    behaviour: testUser.behaviour,
    behaviourName: testUser.behaviour && behaviourWords[testUser.behaviour].name,
    behaviours: behaviours.map((behaviour) => ({ value: behaviour, ...behaviourWords[behaviour] })),
    values:
      again.typed ?? fieldsOf({ ...testUser, password: openTestUserPassword(keyring, testUser) }),
    wrong: again.wrong ?? nothingWrong,
    history: historyOf(acts, reader),
    ...(await formWords(db)),
  };
}
