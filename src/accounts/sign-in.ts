import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import type { Caller } from '../base/caller.ts';
import { TooMany } from '../base/errors.ts';
import { needsRehash, type Passwords } from '../base/passwords.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import type { Account } from './account.ts';
import { checkPassword } from './service.ts';
import { labelOf } from './session.ts';
import { holdPasswordHash, noteDevice, replacePasswordHash } from './sign-in-store.ts';
import { findCredentials } from './store.ts';

export type SignInParts = {
  pool: pg.Pool;
  passwords: Passwords;
  throttle: Throttle;
  /** The public origin, for the link in a letter. */
  baseUrl: string;
};

export type Attempt = { email: string; password: string; caller: Caller; device: Buffer };

/**
 * Signs a person in by address and password. `begin` makes the session, in the same transaction.
 * Undefined where nothing fits, at the same cost for an address that is unknown or not verified.
 * @throws {TooMany}, {Busy}
 */
export async function signIn(
  parts: SignInParts,
  attempt: Attempt,
  begin: (tx: Db, account: Account) => Promise<unknown>,
): Promise<Account | undefined> {
  const { pool, passwords, throttle } = parts;
  const { email, password, caller } = attempt;
  const who = { name: email, address: caller.address };
  const known = email.includes('\0') ? undefined : await findCredentials(pool, email);

  const failed = async (reason: string): Promise<undefined> =>
    recordAct(pool, {
      actor: { kind: 'stranger' },
      action: 'sign_in.failed',
      subject: known && { kind: 'account', id: known.id },
      caller,
      reason,
    }).then(() => undefined);

  await throttle.attempt(who).catch(async (error) => {
    if (error instanceof TooMany) await failed('too many attempts');
    throw error;
  });
  const account = await checkPassword(pool, passwords, email, password);
  const used = account && known?.passwordHash;
  if (!used) return failed('wrong address or password');

  const renewed = needsRehash(used) ? await passwords.hash(password) : undefined;
  const done = await transaction(pool, async (tx) => {
    if (!(await holdPasswordHash(tx, { accountId: account.id, passwordHash: used }))) return false;
    if (renewed) await replacePasswordHash(tx, { accountId: account.id, passwordHash: renewed });
    await meetDevice(tx, parts, account, attempt);
    await recordAct(tx, {
      actor: { kind: 'account', id: account.id },
      action: 'sign_in.succeeded',
      caller,
      detail: { device: labelOf(caller.userAgent) },
    });
    await begin(tx, account); // last, so that no cookie goes out for what failed
    return true;
  });
  if (!done) return failed('the password changed meanwhile');
  await throttle.succeeded(who);
  return account;
}

/** A letter about a sign-in from where the account was never seen, but for its very first one. */
async function meetDevice(
  tx: Db,
  { baseUrl }: SignInParts,
  { id: accountId, email, name }: Account,
  { device, caller }: Attempt,
): Promise<void> {
  if ((await noteDevice(tx, { accountId, device })) !== 'new') return;
  await enqueueLetter(tx, {
    to: email,
    letter: {
      template: 'new-device',
      data: {
        name,
        when: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
        where: caller.address,
        browser: labelOf(caller.userAgent),
        sessionsLink: `${baseUrl}/profile`,
      },
    },
  });
}
