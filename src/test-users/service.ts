import { type Keyring, sameText } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { findTestUser, findTestUserByUsername, upsertTestUser } from './store.ts';
import type { TestUser } from './test-user.ts';

const context = (id: string): string => `test_users.sealed_password ${id}`;

/** For those who may use this test user: it is published data. */
export const openTestUserPassword = (
  keyring: Keyring,
  testUser: Pick<TestUser, 'id' | 'sealedPassword'>,
): string => keyring.open(testUser.sealedPassword, context(testUser.id));

/**
 * The test user that these credentials open through a client of this team (null: of no team).
 * An unknown name costs what a known one does; so does one whose sign-in fails on purpose.
 */
export async function checkTestUserPassword(
  db: Db,
  keyring: Keyring,
  given: { username: string; password: string; teamId: string | null },
): Promise<TestUser | undefined> {
  // PostgreSQL refuses NUL in text, and no name has one.
  const testUser = given.username.includes('\0')
    ? undefined
    : await findTestUserByUsername(db, given.username, given.teamId);
  const { id, sealedPassword } = testUser ?? nobody(keyring);
  const right = sameText(
    openTestUserPassword(keyring, { id, sealedPassword }).normalize('NFC'),
    given.password.normalize('NFC'),
  );
  return right && testUser?.behaviour !== 'sign_in_fails' ? testUser : undefined;
}

const nobody = (keyring: Keyring): Pick<TestUser, 'id' | 'sealedPassword'> => ({
  id: '',
  sealedPassword: keyring.seal('a password of usual length', context('')),
});

/** Makes it, or brings it to this state, by its id. A password that has not changed is not sealed anew. */
export async function saveTestUser(
  tx: Db,
  keyring: Keyring,
  row: Omit<TestUser, 'sealedPassword' | 'behaviour'> & {
    password: string;
    position: number;
    createdBy?: string | null;
  },
): Promise<void> {
  const { password, ...rest } = row;
  const before = await findTestUser(tx, row.id);
  const same = before && openTestUserPassword(keyring, before) === password;
  const sealedPassword = same ? before.sealedPassword : keyring.seal(password, context(row.id));
  await upsertTestUser(tx, { ...rest, sealedPassword });
}
