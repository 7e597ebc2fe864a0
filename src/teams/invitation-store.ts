import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Invitation } from './invitation.ts';
import type { MemberRole } from './team.ts';

const columns = `i.id, i.team_id as "teamId", i.email, i.role, i.sent_at as "sentAt",
  i.expires_at as "expiresAt", i.expires_at <= now() as "hasEnded",
  (select name from accounts where id = i.invited_by) as "inviterName"`;

/** In the place of any to that address before it, whose link ends. */
export const saveInvitation = async (
  db: Db,
  row: {
    teamId: string;
    email: string;
    role: MemberRole;
    invitedBy: string;
    linkDigest: Buffer;
    days: number;
  },
): Promise<void> => {
  await db.query(
    `insert into team_invitations (team_id, email, role, invited_by, link_digest, expires_at)
     values ($1, $2, $3, $4, $5, now() + make_interval(days => $6))
     on conflict (team_id, lower(email)) do update set
       id = excluded.id, email = excluded.email, role = excluded.role,
       invited_by = excluded.invited_by, link_digest = excluded.link_digest, sent_at = now(),
       expires_at = excluded.expires_at`,
    [row.teamId, row.email, row.role, row.invitedBy, row.linkDigest, row.days],
  );
};

/** Newest first; also those whose link has ended. */
export const listInvitations = (db: Db, teamId: string): Promise<Invitation[]> =>
  many<Invitation>(
    db,
    `select ${columns} from team_invitations i where i.team_id = $1 order by i.sent_at desc, i.id`,
    [teamId],
  );

export const findInvitation = (
  db: Db,
  place: { teamId: string; id: string },
): Promise<Invitation | undefined> =>
  maybeOne<Invitation>(
    db,
    `select ${columns} from team_invitations i where i.team_id = $1 and i.id = $2`,
    [place.teamId, place.id],
  );

/** Only while the link is good. */
export const findInvitationByLink = (
  db: Db,
  linkDigest: Buffer,
): Promise<(Invitation & { teamName: string }) | undefined> =>
  maybeOne(
    db,
    `select ${columns}, t.name as "teamName" from team_invitations i join teams t on t.id = i.team_id
     where i.link_digest = $1 and i.expires_at > now()`,
    [linkDigest],
  );

/** Until the transaction ends the account keeps its address. Comes before the lock on the team. */
export const holdAddress = async (db: Db, accountId: string): Promise<void> => {
  await db.query('select from accounts where id = $1 for share', [accountId]);
};

/**
 * Of any number of callers at once exactly one is told yes, and only with the address that the
 * letter went to.
 */
export const takeInvitation = (
  db: Db,
  linkDigest: Buffer,
  accountId: string,
): Promise<{ teamId: string; role: MemberRole } | undefined> =>
  maybeOne(
    db,
    `delete from team_invitations i
     where i.link_digest = $1 and i.expires_at > now() and exists (
       select from accounts a
       where a.id = $2 and lower(a.email) = lower(i.email) and a.email_verified_at is not null)
     returning i.team_id as "teamId", i.role`,
    [linkDigest, accountId],
  );

/** Answers the address; undefined where there was none. */
export const deleteInvitation = (
  db: Db,
  place: { teamId: string; id: string },
): Promise<{ email: string } | undefined> =>
  maybeOne(db, 'delete from team_invitations where team_id = $1 and id = $2 returning email', [
    place.teamId,
    place.id,
  ]);

/** What somebody sent whose word counts no more. */
export const deleteInvitationsBy = async (
  db: Db,
  place: { teamId: string; accountId: string },
): Promise<void> => {
  await db.query('delete from team_invitations where team_id = $1 and invited_by = $2', [
    place.teamId,
    place.accountId,
  ]);
};

/** Ended ones are shown for a while, so that they can be sent anew. */
export const deleteInvitationsOlderThan = async (db: Db, days: number): Promise<void> => {
  await db.query(
    'delete from team_invitations where expires_at < now() - make_interval(days => $1)',
    [days],
  );
};
