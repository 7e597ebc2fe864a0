import type { Caller } from '../base/caller.ts';
import type { Environment } from '../base/environment.ts';

/** One thing that somebody did, or tried to do: who, what, to what, from where, and why. */
export type Act = {
  /** A stranger is whoever has not shown who they are. */
  actor: Actor;
  action: Action;
  /** What it was done to. */
  subject?: { kind: SubjectKind; id: string } | undefined;
  environment?: Environment | undefined;
  /** A `Caller` will do. Left out: it came from no request. */
  caller?: { address: string; requestId: string } | undefined;
  /** In a person's or the protocol's words; never what was typed into a field for secrets. */
  reason?: string | undefined;
  /** Plain facts. Whatever looks like a secret by name or shape is blanked before it is kept. */
  detail?:
    | Readonly<Record<string, string | number | boolean | null | readonly string[]>>
    | undefined;
};

export type Actor =
  | { kind: 'account'; id: string /** The administrator role that allowed it. */; role?: string }
  | { kind: 'test_user'; id: string }
  | {
      kind: 'client';
      id: string;
      /** Whose things it acts on, where it acts for a team. */
      teamId?: string;
      /** The administrator role that it acts in, where the programme gave it one. */
      role?: string;
    }
  | { kind: 'system' | 'stranger' };

/** Who acts and from where: what a use case is told of the one who asks for it. */
export type Doer = {
  actor: Actor;
  /** Left out: it came from no request. */
  caller?: Caller | undefined;
};

export type SubjectKind =
  | 'account'
  | 'test_user'
  | 'client'
  | 'team'
  | 'subscription'
  | 'subscription_key'
  | 'product'
  | 'api'
  | 'gateway'
  | 'environment'
  | 'grant'
  | 'session';

/** Everything that the trail knows, by the thing it is about. */
export const actions = [
  'sign_in.succeeded',
  'sign_in.failed',
  'sign_out',
  'session.ended',
  'account.registered',
  'account.deleted',
  'account.name_changed',
  'email.verified',
  'email.change_requested',
  'email.changed',
  'password.changed',
  'password.reset_requested',
  'password.reset',
  'second_factor.asked',
  'second_factor.added',
  'second_factor.removed',
  'second_factor.failed',
  'recovery_codes.made',
  'recovery_code.used',
  'consent.given',
  'consent.withdrawn',
  'code.reused',
  'refresh_token.reused',
  'token.revoked',
  'subscription.asked',
  'subscription.purpose_changed',
  'subscription.approved',
  'subscription.rejected',
  'subscription.suspended',
  'subscription.resumed',
  'subscription.cancelled',
  'subscription.expired',
  'subscription.end_changed',
  'subscription.warned',
  'subscription_key.revealed',
  'subscription_key.regenerated',
  'subscription_key.stopped',
  'test_user.made',
  'test_user.changed',
  'test_user.behaviour_set',
  'test_user.reset',
  'test_user.deleted',
  'team.made',
  'team.renamed',
  'team.deleted',
  'team.member_invited',
  'team.invitation_withdrawn',
  'team.member_joined',
  'team.member_left',
  'team.member_removed',
  'team.role_changed',
  'team.handed_over',
  'client.suspended',
  'client.suspension_lifted',
  'team.suspended',
  'team.suspension_lifted',
  'product.suspended',
  'product.suspension_lifted',
  'environment.suspended',
  'environment.suspension_lifted',
  'account.roles_changed',
  'account.profile_changed',
  'trail.downloaded',
  'use.downloaded',
  'product.made',
  'product.changed',
  'product.deprecated',
  'api.made',
  'api.changed',
  'gateway.made',
  'gateway.changed',
  'gateway.removed',
  'gateway.credential_made',
  'gateway.credential_ended',
  'programme.applied',
  'client.made',
  'client.changed',
  'client.deleted',
  'client.secret_made',
  'client.secret_ended',
] as const;
export type Action = (typeof actions)[number];

/** An act as the trail keeps it. */
export type RecordedAct = {
  /** Grows with time; a page of the trail ends at one. */
  id: string;
  at: Date;
  actorKind: Actor['kind'];
  actorId: string | null;
  role: string | null;
  action: string;
  subjectKind: string | null;
  subjectId: string | null;
  environment: Environment | null;
  address: string | null;
  requestId: string | null;
  reason: string | null;
  detail: Record<string, unknown>;
};

/** An act with the names of who did it and what it was done to, as they are called now; null: gone. */
export type NamedAct = RecordedAct & {
  actorName: string | null;
  subjectName: string | null;
  /** Of the account that `detail.account` is: whom an act on a team was about. */
  accountName: string | null;
};

export type Subject = { kind: SubjectKind; id: string };
