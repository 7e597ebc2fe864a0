import type pg from 'pg';
import type { Action } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { Conflict, NotFound } from '../base/errors.ts';
import { type Db, transaction } from '../db/pool.ts';
import { quotable } from '../mail/letter.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { deleteInvitationsBy } from './invitation-store.ts';
import { holdTeam } from './service.ts';
import { deleteMember, findMember, listMembers, upsertMember } from './store.ts';
import { type Member, type MemberRole, mustOwn, type Team, type TeamDoer } from './team.ts';

/** The public origin, for the links of letters. */
type Parts = { pool: pg.Pool; baseUrl: string };
type Place = { teamId: string; accountId: string };

/**
 * Makes a member an owner or an owner a member. What somebody has invited who owns no more ends.
 * @throws {Conflict} `last_owner` @throws {NotFound} @throws {Forbidden} `owners_only`
 */
export const changeRole = (
  { pool, baseUrl }: Parts,
  doer: TeamDoer,
  { role, ...place }: Place & { role: MemberRole },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { team, self, member } = await holdOther(tx, doer, place);
    if (member.role === role) return;
    if (role === 'member') await mustNotBeLastOwner(tx, team, member);
    await upsertMember(tx, { ...place, role });
    if (role === 'member') await deleteInvitationsBy(tx, place);
    if (role === 'owner') await tellNewOwner(tx, { baseUrl, team, self, member });
    await record(tx, doer, team, 'team.role_changed', { account: member.accountId, role });
  });

/**
 * Ends one membership and nothing of the team's; what that person invited ends with it.
 * @throws {Conflict} `last_owner` @throws {NotFound} @throws {Forbidden} `owners_only`
 */
export const removeMember = (
  { pool }: Pick<Parts, 'pool'>,
  doer: TeamDoer,
  place: Place,
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { team, self, member } = await holdOther(tx, doer, place);
    await mustNotBeLastOwner(tx, team, member);
    await deleteMember(tx, place);
    await deleteInvitationsBy(tx, place);
    const { name, email, accountId } = member;
    const data = { name, by: quotable(self.name, 'An owner'), team: quotable(team.name, team.id) };
    await enqueueLetter(tx, { to: email, letter: { template: 'team-removed', data } });
    await record(tx, doer, team, 'team.member_removed', { account: accountId });
  });

/** What they invited ends with it. @throws {Conflict} `last_owner` @throws {NotFound} */
export const leaveTeam = (pool: pg.Pool, doer: TeamDoer, teamId: string): Promise<void> =>
  transaction(pool, async (tx) => {
    const { team, self } = await holdTeam(tx, doer, teamId);
    await mustNotBeLastOwner(tx, team, self);
    const place = { teamId, accountId: self.accountId };
    await deleteMember(tx, place);
    await deleteInvitationsBy(tx, place);
    await record(tx, doer, team, 'team.member_left');
  });

/**
 * Makes another member the owner in the doer's place, in one step, so that a last owner can. What the
 * doer has invited ends.
 * @throws {NotFound} @throws {Forbidden} `owners_only`
 */
export const handOver = (
  { pool, baseUrl }: Parts,
  doer: TeamDoer,
  { teamId, to }: { teamId: string; to: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const { team, self, member } = await holdOther(tx, doer, { teamId, accountId: to });
    if (member.accountId === self.accountId) {
      throw new Conflict('own_team', 'You own this team already: choose somebody else.');
    }
    await upsertMember(tx, { teamId, accountId: to, role: 'owner' });
    await upsertMember(tx, { teamId, accountId: self.accountId, role: 'member' });
    await deleteInvitationsBy(tx, { teamId, accountId: self.accountId });
    await tellNewOwner(tx, { baseUrl, team, self, member });
    await record(tx, doer, team, 'team.handed_over', { account: to });
  });

/** An owner, and the member they mean, with the team locked. */
async function holdOther(
  tx: Db,
  doer: TeamDoer,
  place: Place,
): Promise<{ team: Team; self: Member; member: Member }> {
  const { team, self } = await holdTeam(tx, doer, place.teamId);
  mustOwn(self.role);
  const member = await findMember(tx, place);
  if (!member) throw new NotFound('no_member', 'This person is not in the team any more.');
  return { team, self, member };
}

/** The lock on the team is what lets one of two who go at once see that the other has gone. */
async function mustNotBeLastOwner(tx: Db, { id, name }: Team, member: Member): Promise<void> {
  const owners = (await listMembers(tx, id)).filter(({ role }) => role === 'owner');
  if (owners.some(({ accountId }) => accountId !== member.accountId)) return;
  if (member.role !== 'owner') return;
  throw new Conflict(
    'last_owner',
    `${name} would be left without an owner. Make somebody else an owner first.`,
  );
}

async function tellNewOwner(
  tx: Db,
  { baseUrl, team, self, member }: { baseUrl: string; team: Team; self: Member; member: Member },
): Promise<void> {
  const data = {
    name: member.name,
    by: quotable(self.name, 'Another owner'),
    team: quotable(team.name, team.id),
    link: `${baseUrl}/teams/${team.id}`,
  };
  await enqueueLetter(tx, { to: member.email, letter: { template: 'team-owner', data } });
}

const record = (
  tx: Db,
  doer: TeamDoer,
  { id }: Team,
  action: Action,
  detail: Record<string, string> = {},
): Promise<void> => recordAct(tx, { ...doer, action, subject: { kind: 'team', id }, detail });
