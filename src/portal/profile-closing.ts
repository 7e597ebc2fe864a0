import type pg from 'pg';
import { closeAccount } from '../accounts/closing.ts';
import { holdOwnAccount, type Self } from '../accounts/own-account-service.ts';
import { isLastOwner, lockOwners } from '../accounts/owner-store.ts';
import { Conflict, InvalidInput } from '../base/errors.ts';
import { type Db, transaction } from '../db/pool.ts';
import { endAccess } from '../oauth/consents.ts';
import { findSuspended } from '../teams/store.ts';
import {
  deleteTeams,
  listTeamsOfLeaver,
  lockTeamsOf,
  type TeamOfLeaver,
} from './profile-closing-store.ts';

/** What becomes of a team when one of its members deletes their account. */
export type Fate = 'goes' | 'stays' | 'needs an owner';

export function fateOf({ otherMembers, otherOwners }: TeamOfLeaver): Fate {
  if (otherMembers === 0) return 'goes';
  return otherOwners === 0 ? 'needs an owner' : 'stays';
}

/**
 * Ends an account and all that is its alone, at once. `leave` takes this browser's session away.
 * @param typed the account's address, to show that this is meant.
 * @throws {InvalidInput} for another address.
 * @throws {Conflict} `last_owner` while a team with other members would be left without an owner,
 * `last_administrator` while the programme would be, `suspended` while a team that would go is, or
 * something of it.
 */
export const deleteOwnAccount = (
  pool: pg.Pool,
  self: Self,
  typed: string,
  leave: (tx: Db) => Promise<void>,
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { id, email } = self.account;
    if (typed.trim().toLowerCase() !== email.toLowerCase()) {
      throw new InvalidInput({ email: `Type ${email} to show that you mean this account.` });
    }
    await holdOwnAccount(tx, self);
    await lockOwners(tx);
    if (await isLastOwner(tx, id)) {
      throw new Conflict('last_administrator', 'The programme would be left without an owner.');
    }
    await lockTeamsOf(tx, id);
    const teams = await listTeamsOfLeaver(tx, id);
    const orphaned = teams.filter((team) => fateOf(team) === 'needs an owner');
    if (orphaned.length > 0) {
      throw new Conflict('last_owner', `${orphaned[0]?.name} would be left without an owner.`);
    }
    await mustNotBeSuspended(tx, teams);
    await endAccess(tx, id);
    await closeAccount(tx, self);
    await deleteTeams(
      tx,
      teams.filter((team) => fateOf(team) === 'goes').map((team) => team.id),
    );
    await leave(tx); // last, so that no cookie goes for what failed
  });

async function mustNotBeSuspended(tx: Db, teams: readonly TeamOfLeaver[]): Promise<void> {
  const going = teams.filter((team) => fateOf(team) === 'goes');
  const suspended = await findSuspended(
    tx,
    going.map(({ id }) => id),
  );
  if (!suspended) return;
  throw new Conflict(
    'suspended',
    `${suspended.name}, or something of it, is suspended: until that is lifted it stays.`,
  );
}
