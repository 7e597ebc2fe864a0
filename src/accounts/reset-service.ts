import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import type { Caller } from '../base/caller.ts';
import type { Passwords } from '../base/passwords.ts';
import { digest, type Keyring, newSecret } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { openReturn, sealReturn } from './kept-return.ts';
import { holdAccount } from './own-account-store.ts';
import {
  findReset,
  type PasswordReset,
  saveForgottenPassword,
  saveReset,
  takeReset,
} from './reset-store.ts';
import { countedAs } from './sign-in-device.ts';
import { deleteDevicesOf } from './sign-in-store.ts';

/** Minutes that a link to a new password is good for. */
export const resetMinutes = 30;

export type ResetParts = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  /** The public origin: every link is built from it and from nothing that a request says. */
  baseUrl: string;
  throttle: Throttle;
  /** Forgets the wrong passwords that were tried with this account's address. */
  letIn(account: { accountId: string; email: string }): Promise<void>;
  /** In the transaction of the change: ends every session and grant that the old password opened. */
  onPasswordChanged(tx: Db, accountId: string): Promise<void>;
};

/**
 * Sends a letter in any case: an owner who forgot which address they registered learns it, one
 * statement and one letter are the work for everybody, and nobody else can tell.
 * @throws {TooMany}
 */
export async function askForReset(
  parts: ResetParts,
  { email, returnTo }: { email: string; returnTo: string },
  { caller, device }: { caller: Caller; device: Buffer | null },
): Promise<void> {
  const { pool, keyring, baseUrl, throttle } = parts;
  const name = await countedAs(pool, email, { email, device });
  await throttle.attempt({ name, address: caller.address });
  const token = newSecret();
  const linkDigest = digest(token);
  const kept = sealReturn(keyring, linkDigest.toString('base64url'), returnTo);
  const row = { email, returnTo: kept, linkDigest, minutes: resetMinutes };
  await transaction(pool, async (tx) => {
    const owner = await saveReset(tx, row);
    const letter = owner
      ? ({
          template: 'reset-password',
          data: { name: owner.name, link: `${baseUrl}/reset/${token}`, minutes: resetMinutes },
        } as const)
      : ({
          template: 'reset-without-account',
          data: { registerLink: `${baseUrl}/register` },
        } as const);
    await enqueueLetter(tx, { to: owner?.email ?? email, letter });
    await recordAct(tx, {
      actor: { kind: 'stranger' },
      action: 'password.reset_requested',
      subject: owner && { kind: 'account', id: owner.accountId },
      caller,
    });
  });
}

/** Undefined for a link that was used, has ended or never was: the three look alike. */
export async function resetOfLink(
  { pool, keyring }: Pick<ResetParts, 'pool' | 'keyring'>,
  token: string,
): Promise<PasswordReset | undefined> {
  const linkDigest = digest(token);
  const row = await findReset(pool, linkDigest);
  const key = linkDigest.toString('base64url');
  return row && { ...row, returnTo: openReturn(keyring, key, row.returnTo) };
}

/** Whether the link still held when the password was to be written. @throws {Busy} */
export async function setForgottenPassword(
  parts: ResetParts,
  reset: PasswordReset,
  given: { token: string; password: string },
  caller: Caller,
): Promise<boolean> {
  const { accountId, email, name } = reset;
  const passwordHash = await parts.passwords.hash(given.password);
  const set = await transaction(parts.pool, async (tx) => {
    await holdAccount(tx, accountId); // first, as every change of an account: or two would wait for each other
    if (!(await takeReset(tx, digest(given.token)))) return false;
    if (!(await saveForgottenPassword(tx, { accountId, email, passwordHash }))) return false;
    await deleteDevicesOf(tx, accountId);
    await parts.onPasswordChanged(tx, accountId);
    await enqueueLetter(tx, {
      to: email,
      letter: { template: 'password-changed', data: { name } },
    });
    const actor = { kind: 'account', id: accountId } as const;
    await recordAct(tx, { actor, action: 'password.reset', subject: actor, caller });
    return true;
  });
  if (set) await parts.letIn({ accountId, email }); // or a stranger who guesses would keep out whoever can prove who they are
  return set;
}
