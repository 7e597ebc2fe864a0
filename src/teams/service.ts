import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import { Conflict, InvalidInput } from '../base/errors.ts';
import { type Db, transaction } from '../db/pool.ts';
import { quotable } from '../mail/letter.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import {
  deleteTeam,
  findMember,
  findSuspended,
  listMembers,
  lockTeam,
  upsertMember,
  upsertTeam,
} from './store.ts';
import { type Member, mustOwn, noTeam, type Team, type TeamDoer } from './team.ts';

/** The team that an account is born with. Call it in the transaction that makes the account. */
export async function foundTeam(tx: Db, owner: { accountId: string; name: string }): Promise<Team> {
  const team = await upsertTeam(tx, { name: owner.name });
  await upsertMember(tx, { teamId: team.id, accountId: owner.accountId, role: 'owner' });
  return team;
}

/** One more team, of one. */
export const makeTeam = (pool: pg.Pool, doer: TeamDoer, name: string): Promise<Team> =>
  transaction(pool, async (tx) => {
    const team = await foundTeam(tx, { accountId: doer.actor.id, name });
    const subject = { kind: 'team', id: team.id } as const;
    await recordAct(tx, { ...doer, action: 'team.made', subject, detail: { name } });
    return team;
  });

/**
 * The team, locked, and the doer's place in it. Belongs at the beginning of whatever changes who is
 * in a team, or whether there is one.
 * @throws {NotFound} `no_team`
 */
export async function holdTeam(
  tx: Db,
  doer: TeamDoer,
  teamId: string,
): Promise<{ team: Team; self: Member }> {
  const team = await lockTeam(tx, teamId);
  const self = team && (await findMember(tx, { teamId, accountId: doer.actor.id }));
  if (!self) throw noTeam();
  return { team, self };
}

/** @throws {NotFound} @throws {Forbidden} `owners_only` */
export const renameTeam = (
  pool: pg.Pool,
  doer: TeamDoer,
  { teamId, name }: { teamId: string; name: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { team, self } = await holdTeam(tx, doer, teamId);
    mustOwn(self.role);
    if (team.name === name) return;
    await upsertTeam(tx, { id: teamId, name });
    const subject = { kind: 'team', id: teamId } as const;
    await recordAct(tx, { ...doer, action: 'team.renamed', subject, detail: { name } });
  });

/**
 * Ends the team with all that is its, and tells the others.
 * @param typed its name, to show that this is meant.
 * @throws {InvalidInput} for another name.
 * @throws {Conflict} `suspended` while it is, or something of it.
 * @throws {NotFound} @throws {Forbidden} `owners_only`
 */
export const endTeam = (
  pool: pg.Pool,
  doer: TeamDoer,
  { teamId, typed }: { teamId: string; typed: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { team, self } = await holdTeam(tx, doer, teamId);
    mustOwn(self.role);
    if (typed.trim() !== team.name) {
      throw new InvalidInput({ name: `Type ${team.name} to show that you mean this team.` });
    }
    if (await findSuspended(tx, [teamId])) {
      throw new Conflict(
        'suspended',
        'This team, or something of it, is suspended: until that is lifted it stays.',
      );
    }
    const members = await listMembers(tx, teamId);
    for (const { name, email, accountId } of members) {
      if (accountId === self.accountId) continue;
      const data = { name, by: quotable(self.name, 'An owner'), team: quotable(team.name, teamId) };
      await enqueueLetter(tx, { to: email, letter: { template: 'team-deleted', data } });
    }
    const subject = { kind: 'team', id: teamId } as const;
    await recordAct(tx, { ...doer, action: 'team.deleted', subject, detail: { name: team.name } });
    await deleteTeam(tx, teamId);
  });
