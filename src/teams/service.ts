import type { Db } from '../db/pool.ts';
import { upsertMember, upsertTeam } from './store.ts';
import type { Team } from './team.ts';

/** The team that an account is born with. Call it in the transaction that makes the account. */
export async function foundTeam(tx: Db, owner: { accountId: string; name: string }): Promise<Team> {
  const team = await upsertTeam(tx, { name: owner.name });
  await upsertMember(tx, { teamId: team.id, accountId: owner.accountId, role: 'owner' });
  return team;
}
