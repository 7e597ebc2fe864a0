import type pg from 'pg';
import { InvalidInput } from '../base/errors.ts';
import { digest, type Keyring, newId, newSecret } from '../base/secrets.ts';
import { transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { type EmailChange, emailChangeHours, masked } from './email-change.ts';
import {
  deleteEmailChange,
  findEmailChange,
  saveEmail,
  saveEmailChange,
  takeEmailChange,
  takeEmailCodeTry,
} from './email-change-store.ts';
import { holdOwnAccount, recordOwnAct, type Self } from './own-account-service.ts';
import { deleteResetsOf } from './own-account-store.ts';
import { codeDigest, codeTries, newCode } from './registration.ts';
import {
  deleteUnverifiedAccount,
  endProofsOf,
  findVerifiedAccount,
  lockAddress,
} from './registration-store.ts';

export type EmailChangeParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin: every link is built from it and from nothing that a request says. */
  baseUrl: string;
  /** `account`: of the letters that one sends; `letter`: of those that one address gets. */
  throttles: { account: Throttle; letter: Throttle; code: Throttle };
};

/** Apart from a registration's, which is bound to its own id. */
const boundTo = (id: string): string => `email-change:${id}`;

/**
 * Sends link and code to the new address; the account keeps the old one until they come back. An
 * address of another account is treated alike in every step; only its owner's letter says so.
 * @param email as `emailAddress` read it.
 * @throws {InvalidInput} for the address that the account has. @throws {TooMany}
 */
export async function askForEmail(
  parts: EmailChangeParts,
  self: Self,
  email: string,
): Promise<void> {
  const { pool, keyring, baseUrl, throttles } = parts;
  const { account, caller } = self;
  if (email.toLowerCase() === account.email.toLowerCase()) {
    throw new InvalidInput({ email: 'This is your address already.' });
  }
  await throttles.account.attempt({ name: account.id, address: caller.address });
  await throttles.letter.attempt({ name: email, address: caller.address });
  const token = newSecret();
  const code = newCode();
  const row = { accountId: account.id, id: newId(), email };
  const proofs = {
    linkDigest: digest(token),
    codeDigest: codeDigest(keyring, boundTo(row.id), code),
  };

  await transaction(pool, async (tx) => {
    await holdOwnAccount(tx, self);
    const owner = await findVerifiedAccount(tx, email);
    const opensNothing = { linkDigest: null, codeDigest: null };
    const more = { tries: codeTries, hours: emailChangeHours };
    await saveEmailChange(tx, { ...row, ...(owner ? opensNothing : proofs), ...more });
    const link = `${baseUrl}/profile/email/${token}`;
    const links = { signInLink: `${baseUrl}/sign-in`, resetLink: `${baseUrl}/forgot` };
    await enqueueLetter(tx, {
      to: owner?.email ?? email,
      letter: owner
        ? { template: 'already-registered', data: { name: owner.name, ...links } }
        : { template: 'confirm-new-email', data: { name: account.name, link, code } },
    });
    await recordOwnAct(tx, self, 'email.change_requested', { to: masked(email) });
  });
}

export const cancelEmailChange = (pool: pg.Pool, self: Self): Promise<void> =>
  deleteEmailChange(pool, self.account.id);

/** Undefined for a link that was used, has ended, never was or is another account's: they look alike. */
export const emailChangeOfLink = (
  pool: pg.Pool,
  { account }: Self,
  token: string,
): Promise<EmailChange | undefined> => findEmailChange(pool, account.id, digest(token));

/** @throws {TooMany} when this account, or accounts that want this address, had too many wrong ones. */
export async function confirmByCode(
  parts: EmailChangeParts,
  self: Self,
  change: EmailChange,
  code: string,
): Promise<'done' | 'wrong' | 'no tries left'> {
  const { account, caller } = self;
  const who = { name: [account.id, change.email], address: caller.address };
  await parts.throttles.code.attempt(who);
  if (!(await takeEmailCodeTry(parts.pool, change))) return 'no tries left';
  const proof = { codeDigest: codeDigest(parts.keyring, boundTo(change.id), code) };
  if (!(await confirm(parts, self, change, proof))) return 'wrong';
  await parts.throttles.code.succeeded(who, account.id);
  return 'done';
}

/** Answers whether the link still held. */
export const confirmByLink = (
  parts: EmailChangeParts,
  self: Self,
  change: EmailChange,
  token: string,
): Promise<boolean> => confirm(parts, self, change, { linkDigest: digest(token) });

/** Takes the proof, once; whoever was registering with the address has lost. */
const confirm = (
  { pool }: Pick<EmailChangeParts, 'pool'>,
  self: Self,
  change: EmailChange,
  proof: Parameters<typeof takeEmailChange>[2],
): Promise<boolean> =>
  transaction(pool, async (tx) => {
    const { accountId, email } = change;
    const { account } = self;
    await lockAddress(tx, email);
    await holdOwnAccount(tx, self);
    if (!(await takeEmailChange(tx, change, proof))) return false;
    await deleteUnverifiedAccount(tx, email);
    if (!(await saveEmail(tx, { accountId, email }))) return false; // somebody registered with it meanwhile
    await endProofsOf(tx, email);
    await deleteResetsOf(tx, accountId);
    const data = { name: account.name, newEmailMasked: masked(email) };
    await enqueueLetter(tx, { to: account.email, letter: { template: 'email-changed', data } });
    await recordOwnAct(tx, self, 'email.changed');
    return true;
  });
