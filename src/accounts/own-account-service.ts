import type pg from 'pg';
import type { Action } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import type { Caller } from '../base/caller.ts';
import { NotFound, Unauthenticated } from '../base/errors.ts';
import type { Passwords } from '../base/passwords.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import type { Account } from './account.ts';
import { deleteEmailChange } from './email-change-store.ts';
import { deleteResetsOf, holdAccount, saveName } from './own-account-store.ts';
import type { AccountSession } from './session.ts';
import { deleteSession, deleteSessionsOf, findOpenSession } from './session-store.ts';
import { forgetTries } from './sign-in-device.ts';
import { deleteDevicesOf, noteDevice, replacePasswordHash } from './sign-in-store.ts';

/** Somebody who acts on their own account, in one of its sessions. */
export type Self = { account: Account; session: AccountSession; caller: Caller };

/**
 * Holds the account until the transaction ends. A session that was ended while its request waited,
 * as a new password ends them, changes nothing any more.
 * @throws {Unauthenticated} `sign_in`
 */
export async function holdOwnAccount(tx: Db, { account, session }: Self): Promise<void> {
  await holdAccount(tx, account.id);
  if (await findOpenSession(tx, session.id)) return;
  throw new Unauthenticated('sign_in', 'You were signed out meanwhile. Sign in to go on.');
}

/** An act of the account on itself. Belongs into the transaction of the act. */
export async function recordOwnAct(
  tx: Db,
  { account, caller }: Self,
  action: Action,
  detail: Readonly<Record<string, string | number>> = {},
): Promise<void> {
  const actor = { kind: 'account', id: account.id } as const;
  await recordAct(tx, { actor, action, subject: actor, caller, detail });
}

/** The browser in which somebody acts on their account, and what lets them go on in it. */
export type Here = {
  device: Buffer;
  /** Makes the session to go on with, under a new id: this one's cookie may have been copied too. */
  begin(tx: Db): Promise<unknown>;
};

/** The browser here is the only one that the account knows: a stranger's may have been among them. */
export async function knowNoOtherDevice(
  tx: Db,
  accountId: string,
  { device }: Pick<Here, 'device'>,
): Promise<void> {
  await deleteDevicesOf(tx, accountId);
  await noteDevice(tx, { accountId, device });
}

/** @param name as `personName` read it. */
export const changeName = (pool: pg.Pool, self: Self, name: string): Promise<void> =>
  transaction(pool, async (tx) => {
    await holdOwnAccount(tx, self);
    await saveName(tx, { accountId: self.account.id, name });
    await recordOwnAct(tx, self, 'account.name_changed');
  });

/** @throws {NotFound} for a session that has ended, or is somebody else's. */
export const endSession = (pool: pg.Pool, self: Self, id: string): Promise<void> =>
  transaction(pool, async (tx) => {
    const { account, caller } = self;
    if (!(await deleteSession(tx, { id, accountId: account.id }))) {
      throw new NotFound('no_session', 'This session has ended already.');
    }
    const actor = { kind: 'account', id: account.id } as const;
    const subject = { kind: 'session', id } as const;
    await recordAct(tx, { actor, action: 'session.ended', subject, caller });
  });

/** All but the one that asks. */
export const endOtherSessions = (pool: pg.Pool, self: Self): Promise<void> =>
  transaction(pool, async (tx) => {
    await holdOwnAccount(tx, self);
    await deleteSessionsOf(tx, self.account.id, { except: self.session.id });
    await recordOwnAct(tx, self, 'session.ended', { which: 'all others' });
  });

export type PasswordChangeParts = {
  pool: pg.Pool;
  passwords: Passwords;
  /** A hash costs work: of those that one account asks for, and one network address. */
  throttle: Throttle;
  /** Forgets the wrong passwords that were tried with this account's address. */
  letIn(account: { accountId: string; email: string }): Promise<void>;
  /** Of wrong codes for the account. */
  secondFactorThrottle: Throttle;
  /** Ends whatever applications may do for the account. */
  endAccess(tx: Db, accountId: string): Promise<void>;
};

/**
 * Ends all that the old password opened: sessions, applications' access, links that wait in a
 * mailbox. Whoever is here gave the second factor too, where there is one: codes that were tried by
 * others count no more.
 * @param password that the rules found good.
 * @throws {TooMany}, {Busy}
 */
export async function changePassword(
  parts: PasswordChangeParts,
  self: Self,
  password: string,
  here: Here,
): Promise<void> {
  const { id: accountId, email, name } = self.account;
  await parts.throttle.attempt({ name: accountId, address: self.caller.address });
  const passwordHash = await parts.passwords.hash(password);
  await transaction(parts.pool, async (tx) => {
    await holdOwnAccount(tx, self);
    await replacePasswordHash(tx, { accountId, passwordHash });
    await deleteSessionsOf(tx, accountId);
    await knowNoOtherDevice(tx, accountId, here);
    await deleteEmailChange(tx, accountId);
    await deleteResetsOf(tx, accountId);
    await parts.endAccess(tx, accountId);
    await enqueueLetter(tx, {
      to: email,
      letter: { template: 'password-changed', data: { name } },
    });
    await recordOwnAct(tx, self, 'password.changed');
    await here.begin(tx); // last, so that no cookie goes out for what failed
  });
  await parts.letIn({ accountId, email });
  await forgetTries(parts.pool, parts.secondFactorThrottle, { accountId, name: accountId });
}
