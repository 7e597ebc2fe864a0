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
import { countedAs } from './sign-in-device.ts';
import { holdPasswordHash, noteDevice, replacePasswordHash } from './sign-in-store.ts';
import { findAccount, findCredentials } from './store.ts';

export type SignInParts = {
  pool: pg.Pool;
  passwords: Passwords;
  throttle: Throttle;
  /** The public origin, for the link in a letter. */
  baseUrl: string;
};

export type Attempt = { email: string; password: string; caller: Caller; device: Buffer };

/** What a right password leads to, in its transaction. */
export type Ways = {
  /** Makes the session. */
  begin(tx: Db, account: Account): Promise<unknown>;
  /** Keeps what waits for the second factor. */
  wait(tx: Db, account: Account): Promise<unknown>;
};

/**
 * Signs a person in by address and password, or leaves that waiting for a second factor. Undefined
 * where nothing fits, at the same cost for an address that is unknown or not verified.
 * @throws {TooMany}, {Busy}
 */
export async function signIn(
  parts: SignInParts,
  attempt: Attempt,
  ways: Ways,
): Promise<'signed in' | 'second factor' | undefined> {
  const { pool, passwords, throttle } = parts;
  const { email, password, caller, device } = attempt;
  const unknowable = email.includes('\0'); // PostgreSQL refuses it in text, and no address has one
  const known = unknowable ? undefined : await findCredentials(pool, email);
  const name = unknowable ? email : await countedAs(pool, email, { email, device });
  const who = { name, address: caller.address };

  const failed = async (reason: string): Promise<undefined> =>
    recordAct(pool, {
      actor: { kind: 'stranger' },
      action: 'sign_in.failed',
      subject: known && { kind: 'account', id: known.id },
      caller,
      reason,
    }).then(() => undefined);

  await throttle.attempt(who).catch(async (error) => {
    if (error instanceof TooMany && error.first) await failed('too many attempts');
    throw error;
  });
  const account = await checkPassword(pool, passwords, email, password);
  const used = account && known?.passwordHash;
  if (!used) return failed('wrong address or password');

  const renewed = needsRehash(used) ? await passwords.hash(password) : undefined;
  const done = await transaction(pool, async (tx) => {
    if (!(await holdPasswordHash(tx, { accountId: account.id, passwordHash: used }))) return;
    if (renewed) await replacePasswordHash(tx, { accountId: account.id, passwordHash: renewed });
    const now = await findAccount(tx, account.id); // held: a second factor may be new
    if (!now?.hasSecondFactor) return enter(tx, parts, account, attempt, ways.begin);
    const subject = { kind: 'account', id: account.id } as const;
    await recordAct(tx, {
      actor: { kind: 'stranger' }, // until the second half is shown
      action: 'second_factor.asked',
      subject,
      caller,
    });
    await ways.wait(tx, now);
    return 'second factor';
  });
  if (!done) return failed('the password changed meanwhile');
  await throttle.succeeded(who);
  return done;
}

/** The last step of every sign-in on our own pages. */
export async function enter(
  tx: Db,
  parts: Pick<SignInParts, 'baseUrl'>,
  account: Account,
  from: Pick<Attempt, 'caller' | 'device'>,
  begin: Ways['begin'],
): Promise<'signed in'> {
  await meetDevice(tx, parts, account, from);
  await recordAct(tx, {
    actor: { kind: 'account', id: account.id },
    action: 'sign_in.succeeded',
    caller: from.caller,
    detail: {
      device: labelOf(from.caller.userAgent),
      ...(account.hasSecondFactor && { by: 'password and second factor' }),
    },
  });
  await begin(tx, account); // last, so that no cookie goes out for what failed
  return 'signed in';
}

/** A letter about a sign-in from where the account was never seen, but for its very first one. */
async function meetDevice(
  tx: Db,
  { baseUrl }: Pick<SignInParts, 'baseUrl'>,
  { id: accountId, email, name }: Account,
  { device, caller }: Pick<Attempt, 'caller' | 'device'>,
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
