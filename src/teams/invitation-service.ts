import type pg from 'pg';
import type { Action } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { InvalidInput, NotFound } from '../base/errors.ts';
import { masked } from '../base/masked.ts';
import { digest, newSecret } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { Throttle } from '../db/throttle.ts';
import { quotable } from '../mail/letter.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { type Invitation, invitationDays } from './invitation.ts';
import {
  deleteInvitation,
  findInvitation,
  findInvitationByLink,
  holdAddress,
  saveInvitation,
  takeInvitation,
} from './invitation-store.ts';
import {
  findMember,
  findTeam,
  holdMember,
  keepTeam,
  listMembers,
  lockTeam,
  upsertMember,
} from './store.ts';
import { type Member, type MemberRole, mustOwn, noTeam, type TeamDoer } from './team.ts';

export type InvitationParts = {
  pool: pg.Pool;
  /** The public origin: every link is built from it and from nothing that a request says. */
  baseUrl: string;
  /** `recipient`: letters that one address gets; `sender`: those of one person and of one team. */
  throttles: { recipient: Throttle; sender: Throttle };
};

/**
 * Sends the link; an earlier one to the address ends. Nothing here asks whether there is an account.
 * @param email as `emailAddress` read it.
 * @throws {InvalidInput} for the address of a member.
 * @throws {NotFound} @throws {Forbidden} `owners_only` @throws {TooMany}
 */
export async function invite(
  parts: InvitationParts,
  doer: TeamDoer,
  given: { teamId: string; email: string; role: MemberRole },
): Promise<void> {
  const { teamId, email, role } = given;
  const self = await findMember(parts.pool, { teamId, accountId: doer.actor.id });
  if (!self) throw noTeam();
  mustOwn(self.role); // before anything is counted
  const members = await listMembers(parts.pool, teamId);
  if (members.some((one) => one.email.toLowerCase() === email.toLowerCase())) {
    throw new InvalidInput({ email: 'Somebody with this address is in the team already.' });
  }
  const address = doer.caller?.address ?? '';
  await parts.throttles.sender.attempt({ name: [teamId, doer.actor.id], address });
  await parts.throttles.recipient.attempt({ name: email, address });

  await transaction(parts.pool, async (tx) => {
    const held = await holdOwner(tx, doer, teamId);
    const token = newSecret();
    const row = { teamId, email, role, invitedBy: held.accountId, days: invitationDays };
    await saveInvitation(tx, { ...row, linkDigest: digest(token) });
    const team = (await findTeam(tx, teamId))?.name ?? teamId;
    await enqueueLetter(tx, {
      to: email,
      letter: {
        template: 'team-invitation',
        data: {
          by: quotable(held.name, 'Somebody'),
          team: quotable(team, teamId),
          role: role === 'owner' ? 'an owner' : 'a member',
          link: `${parts.baseUrl}/invitations/${token}`,
          days: invitationDays,
        },
      },
    });
    await record(tx, doer, teamId, 'team.member_invited', { email: masked(email), role });
  });
}

/** The same again, with a new link. @throws as `invite`, and {NotFound} for one that is gone. */
export async function resendInvitation(
  parts: InvitationParts,
  doer: TeamDoer,
  place: { teamId: string; id: string },
): Promise<void> {
  const invitation = await findInvitation(parts.pool, place);
  if (!invitation) throw gone();
  await invite(parts, doer, invitation);
}

/** @throws {NotFound} @throws {Forbidden} `owners_only` */
export const withdrawInvitation = (
  { pool }: Pick<InvitationParts, 'pool'>,
  doer: TeamDoer,
  place: { teamId: string; id: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    await holdOwner(tx, doer, place.teamId);
    const invitation = await deleteInvitation(tx, place);
    if (!invitation) throw gone();
    const detail = { email: masked(invitation.email) };
    await record(tx, doer, place.teamId, 'team.invitation_withdrawn', detail);
  });

/** Undefined for a link that was used, withdrawn, has ended or never was: they look alike. */
export const invitationOfLink = (
  db: Db,
  token: string,
): Promise<(Invitation & { teamName: string }) | undefined> =>
  findInvitationByLink(db, digest(token));

/**
 * Takes the link, once. Whoever is an owner already stays one.
 * @returns the team; undefined for a link that holds no more, or is another address's.
 */
export const acceptInvitation = (
  { pool }: Pick<InvitationParts, 'pool'>,
  doer: TeamDoer,
  token: string,
): Promise<string | undefined> =>
  transaction(pool, async (tx) => {
    const invitation = await invitationOfLink(tx, token);
    if (!invitation) return undefined;
    const { teamId } = invitation;
    const accountId = doer.actor.id;
    await holdAddress(tx, accountId);
    await lockTeam(tx, teamId);
    const taken = await takeInvitation(tx, digest(token), accountId);
    if (!taken) return undefined;
    const already = await findMember(tx, { teamId, accountId });
    const role = already?.role === 'owner' ? 'owner' : taken.role;
    await upsertMember(tx, { teamId, accountId, role });
    await record(tx, doer, teamId, 'team.member_joined', { role });
    return teamId;
  });

/** Account, team, membership: in this order, as whoever ends one of them holds them. */
async function holdOwner(tx: Db, doer: TeamDoer, teamId: string): Promise<Member> {
  await holdAddress(tx, doer.actor.id);
  await keepTeam(tx, teamId);
  const self = await holdMember(tx, { teamId, accountId: doer.actor.id });
  if (!self) throw noTeam();
  mustOwn(self.role);
  return self;
}

const gone = (): NotFound =>
  new NotFound('no_invitation', 'This invitation is used or withdrawn already.');

const record = (
  tx: Db,
  doer: TeamDoer,
  teamId: string,
  action: Action,
  detail: Record<string, string>,
): Promise<void> =>
  recordAct(tx, { ...doer, action, subject: { kind: 'team', id: teamId }, detail });
