import type pg from 'pg';
import type { AdministratorRole } from '../accounts/account.ts';
import { holdAccount } from '../accounts/own-account-store.ts';
import { isLastOwner, lockOwners } from '../accounts/owner-store.ts';
import {
  deleteAccountProfile,
  findAccountProfile,
  upsertAccountProfile,
} from '../accounts/profile-store.ts';
import { findAccount, saveRoles } from '../accounts/store.ts';
import type { Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import type { Environment } from '../base/environment.ts';
import { Conflict, Forbidden, InvalidInput, NotFound } from '../base/errors.ts';
import { transaction } from '../db/pool.ts';
import { listSubjectRoles } from './people-store.ts';

/**
 * Exactly these roles from the account's next request on.
 * @throws {NotFound} `no_account`
 * @throws {Conflict} `last_owner`: the programme keeps somebody who can give roles;
 *   `not_verified`: whoever has the address may not be whom one means.
 */
export const changeRoles = (
  pool: pg.Pool,
  doer: Doer,
  { accountId, roles }: { accountId: string; roles: readonly AdministratorRole[] },
): Promise<void> =>
  transaction(pool, async (tx) => {
    await holdAccount(tx, accountId); // in the order in which a deleted account is locked
    await lockOwners(tx);
    const account = await findAccount(tx, accountId);
    if (!account) throw noAccount();
    if ([...account.roles].sort().join() === [...roles].sort().join()) return;
    if (!account.emailVerifiedAt && roles.length > 0) {
      throw new Conflict('not_verified', 'They have not proven their email address yet.');
    }
    if (!roles.includes('owner') && (await isLastOwner(tx, accountId))) {
      throw new Conflict(
        'last_owner',
        'The programme needs an owner. Make somebody else one first.',
      );
    }
    await saveRoles(tx, accountId, roles);
    const subject = { kind: 'account', id: accountId } as const;
    const detail = { roles: roles.length > 0 ? roles : ['none'] };
    await recordAct(tx, { ...doer, action: 'account.roles_changed', subject, detail });
  });

/**
 * What an account is as a subject of one environment; null: nothing of any product. Claims stay.
 * @throws {NotFound} `no_account`
 * @throws {Forbidden} `own_account`: only an owner says who they are themselves.
 * @throws {InvalidInput} under the environment's name.
 */
export const changeProfile = (
  pool: pg.Pool,
  doer: Doer,
  given: {
    accountId: string;
    environment: Environment;
    profile: { role: string; patient: string | null } | null;
    reason: string;
  },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { accountId, environment, profile, reason } = given;
    if (!(await findAccount(tx, accountId))) throw noAccount();
    mustBeTheirs(doer, accountId);
    if (!reason) throw new InvalidInput({ [environment]: 'Say why: it goes into the trail.' });
    const place = { accountId, environment };
    const before = await findAccountProfile(tx, place);
    const known = [...(await listSubjectRoles(tx, environment)), before?.role];
    if (profile && !known.includes(profile.role)) {
      throw new InvalidInput({ [environment]: 'Choose one of the roles that products know.' });
    }
    if (profile) {
      await upsertAccountProfile(tx, place, { ...profile, claims: before?.claims ?? {} });
    } else {
      await deleteAccountProfile(tx, place);
    }
    await recordAct(tx, {
      ...doer,
      action: 'account.profile_changed',
      subject: { kind: 'account', id: accountId },
      environment,
      reason,
      detail: {
        in: environment,
        role: profile?.role ?? 'none',
        before: before?.role ?? 'none',
        patient: profile?.patient ?? null,
      },
    });
  });

/** Scopes follow from who somebody is, so nobody helps themselves to them. */
function mustBeTheirs({ actor }: Doer, accountId: string): void {
  if (actor.kind !== 'account' || actor.id !== accountId || actor.role === 'owner') return;
  throw new Forbidden('own_account', 'Ask another approver to change who you are to applications.');
}

export const noAccount = (): NotFound => new NotFound('no_account', 'There is no such account.');
