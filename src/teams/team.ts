import type { Doer } from '../audit/act.ts';
import { Forbidden, NotFound } from '../base/errors.ts';

/** Owns subscriptions, clients and own test users; every account is born with a team of one. */
export type Team = {
  id: string;
  name: string;
  createdAt: Date;
};

/** Members do everything with what the team has; owners also say who is in it, and end it. */
export const memberRoles = ['owner', 'member'] as const;
export type MemberRole = (typeof memberRoles)[number];

/** One account's place in a team. */
export type Member = {
  accountId: string;
  name: string;
  email: string;
  role: MemberRole;
  joinedAt: Date;
};

/** An account that acts in a team. */
export type TeamDoer = Doer & { actor: { kind: 'account'; id: string; role?: string } };

/** A team that the doer is not in looks like none. */
export const noTeam = (): NotFound =>
  new NotFound('no_team', 'There is no such team, or you are not in it.');

/** @throws {Forbidden} `owners_only` */
export function mustOwn(role: MemberRole): void {
  if (role === 'owner') return;
  throw new Forbidden('owners_only', 'Only an owner of the team can do this.');
}
