import type { MemberRole } from './team.ts';

/** A letter's link into a team, for one address. */
export type Invitation = {
  id: string;
  teamId: string;
  email: string;
  role: MemberRole;
  inviterName: string;
  sentAt: Date;
  expiresAt: Date;
  hasEnded: boolean;
};

/** Days that the link is good for. */
export const invitationDays = 7;
