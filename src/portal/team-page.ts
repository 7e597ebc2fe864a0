import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { counted, dayInWords, listed, timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { suspensionsOf } from '../suspensions/store.ts';
import { listInvitations } from '../teams/invitation-store.ts';
import {
  countPossessions,
  findMember,
  findOwnTeam,
  listMembers,
  listMemberships,
  type Possessions,
} from '../teams/store.ts';
import { type Member, type MemberRole, noTeam, type Team } from '../teams/team.ts';

/** What has just been done, said on the page that one comes back to. */
const done: Readonly<Record<string, string>> = {
  made: 'The team is made. Invite the people who work with you.',
  renamed: 'The team has its new name.',
  invited: 'The invitation is on its way. Its link works for 7 days.',
  resent: 'The invitation is sent again; the earlier link no longer works.',
  withdrawn: 'The invitation is withdrawn. Its link no longer works.',
  role: 'The role is changed.',
  removed: 'They are removed, and we tell them by mail.',
  'handed-over': 'The team is handed over. You are a member of it now.',
  joined: 'You are in the team now.',
  left: 'You have left the team.',
  deleted: 'The team is deleted, with all that was its.',
};

/** The notice for `?done=…`; null for a word that says nothing. */
export const noticeOf = (word: unknown): string | null =>
  (typeof word === 'string' && Object.hasOwn(done, word) && done[word]) || null;

/** The page object of views/portal/teams.ejs. */
export async function teamsPage(db: Db, accountId: string, justDone: unknown): Promise<object> {
  const teams = await listMemberships(db, accountId);
  return {
    done: noticeOf(justDone),
    teams: teams.map(({ id, name, role, members }) => ({
      id,
      name,
      role: roleWords[role],
      members: counted(members, 'person', 'people'),
    })),
  };
}

export const roleWords: Readonly<Record<MemberRole, string>> = { owner: 'Owner', member: 'Member' };

/** The page object of views/portal/team.ejs. @throws {NotFound} */
export async function teamPage(
  db: Db,
  { teamId, accountId }: { teamId: string; accountId: string },
  { justDone, before }: { justDone: unknown; before: string | null },
): Promise<object> {
  const team = await ownTeam(db, { teamId, accountId });
  const about = { kind: 'team', id: teamId } as const;
  const owns = team.role === 'owner';
  const [members, invitations, possessions, acts, [suspension]] = await Promise.all([
    listMembers(db, teamId),
    listInvitations(db, teamId),
    countPossessions(db, teamId),
    listActsAbout(db, about, { before, limit: historyLines + 1 }),
    suspensionsOf(db, [about]),
  ]);
  const shown = acts.slice(0, historyLines);
  return {
    done: noticeOf(justDone),
    id: team.id,
    name: team.name,
    owns,
    since: dayInWords(team.createdAt),
    has: listed(possessionsInWords(possessions)),
    suspended: suspension ? suspension.reason : null,
    members: members.map((member) => ({
      id: member.accountId,
      name: member.name,
      email: member.email,
      role: roleWords[member.role],
      since: dayInWords(member.joinedAt),
      own: member.accountId === accountId,
    })),
    invitations: invitations.map((invitation) => ({
      id: invitation.id,
      email: invitation.email,
      role: roleWords[invitation.role],
      by: invitation.inviterName,
      sent: timeInWords(invitation.sentAt),
      until: invitation.hasEnded ? null : timeInWords(invitation.expiresAt),
    })),
    history: historyOf(shown, accountId),
    older: acts.length > historyLines ? (shown.at(-1)?.id ?? null) : null,
  };
}

/** Lines of a history on one page. */
const historyLines = 20;

/** @throws {NotFound} */
export async function ownTeam(
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<Team & { role: MemberRole }> {
  const team = await findOwnTeam(db, place);
  if (!team) throw noTeam();
  return team;
}

/** @throws {NotFound} */
export async function memberOf(
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<Member> {
  const member = await findMember(db, place);
  if (!member) throw noTeam();
  return member;
}

/** Such as `2 subscriptions` and `1 key`; nothing where there is none. */
export const possessionsInWords = ({
  subscriptions,
  keys,
  applications,
  testUsers,
}: Possessions): string[] =>
  (
    [
      [subscriptions, 'subscription'],
      [keys, 'key'],
      [applications, 'application'],
      [testUsers, 'test user'],
    ] as const
  )
    .filter(([count]) => count > 0)
    .map(([count, what]) => counted(count, what));
