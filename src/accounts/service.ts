import type { Passwords } from '../base/passwords.ts';
import type { Db } from '../db/pool.ts';
import type { Account } from './account.ts';
import { findAccount, findCredentials } from './store.ts';

/**
 * The verified account that this address and password open. An unknown address, an account
 * without a password and one that never verified its address cost one hash like any other, and
 * all answer undefined.
 * @throws {Busy} when too many are signing in.
 */
export async function checkPassword(
  db: Db,
  passwords: Passwords,
  email: string,
  password: string,
): Promise<Account | undefined> {
  // PostgreSQL refuses NUL in text, and no address has one.
  const known = email.includes('\0') ? undefined : await findCredentials(db, email);
  const right = known?.passwordHash
    ? await passwords.verify(known.passwordHash, password)
    : await passwords.dummyVerify(password);
  if (!known || !right) return undefined;

  const account = await findAccount(db, known.id);
  // As of the hash that was compared: it may have been changed since, and then this sign-in is void.
  return account?.emailVerifiedAt
    ? { ...account, passwordChangedAt: known.passwordChangedAt }
    : undefined;
}
