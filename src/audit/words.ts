import { listed, timeInWords } from '../base/in-words.ts';
import type { Action, NamedAct } from './act.ts';

/**
 * What happened to the thing whose history one reads, without who did it. `{field}` is a field of
 * the act's detail, and `{account}` the name of the account that it names. An act that is not here says its own name: `subscription.key_revealed` is
 * "Subscription key revealed".
 */
const words: Partial<Record<Action, string>> = {
  'sign_in.succeeded': 'Signed in',
  'sign_in.failed': 'Sign-in failed',
  sign_out: 'Signed out',
  'account.registered': 'Account made',
  'account.name_changed': 'Name changed',
  'email.verified': 'Email address proven',
  'email.change_requested': 'Another email address asked for',
  'email.changed': 'Email address changed',
  'password.reset_requested': 'A new password asked for',
  'password.reset': 'New password chosen by a link from a letter',
  'second_factor.asked': 'Second factor asked for',
  'consent.given': 'Access allowed',
  'consent.withdrawn': 'Access withdrawn',
  'code.reused': 'A code was used twice',
  'refresh_token.reused': 'A refresh token was used twice',
  'subscription_key.revealed': 'The {slot} key revealed',
  'subscription_key.regenerated': 'New {slot} key made (the old one stops {stops})',
  'subscription_key.stopped': 'Old {slot} key stopped',
  'test_user.made': 'Made',
  'test_user.changed': 'Changed ({fields})',
  'test_user.behaviour_set': 'Behaviour set to “{behaviour}”',
  'test_user.reset': 'Reset: tokens, sessions and consents ended',
  'test_user.deleted': 'Deleted',
  'team.made': 'Team made',
  'team.renamed': 'Renamed to {name}',
  'team.member_invited': '{email} invited as {role}',
  'team.invitation_withdrawn': 'Invitation of {email} withdrawn',
  'team.member_joined': 'Joined as {role}',
  'team.member_left': 'Left',
  'team.member_removed': '{account} removed',
  'team.role_changed': '{account} made {role}',
  'team.handed_over': 'Handed over to {account}',
  'client.suspended': 'Suspended at once',
  'client.suspension_lifted': 'Suspension lifted',
  'team.suspended': 'Suspended at once',
  'team.suspension_lifted': 'Suspension lifted',
  'product.suspended': 'Suspended at once',
  'product.suspension_lifted': 'Suspension lifted',
  'environment.suspended': 'Suspended at once',
  'environment.suspension_lifted': 'Suspension lifted',
  'account.roles_changed': 'Roles as an administrator changed to: {roles}',
  'account.profile_changed': 'Profile in {in} changed',
  'product.changed': 'Changed: {changes}',
  'product.deprecated': 'Its end announced',
  'api.changed': 'Changed: {changes}',
  'gateway.made': 'Added',
  'gateway.changed': 'Changed: {changes}',
  'gateway.removed': 'Removed',
  'gateway.credential_made': 'New credential, ending {ending}',
  'gateway.credential_ended': 'Credential ending {ending} ended',
  'subscription.asked': 'Asked',
  'subscription.purpose_changed': 'Purpose changed, before: {before}',
  'subscription.approved': 'Approved',
  'subscription.rejected': 'Rejected',
  'subscription.suspended': 'Suspended',
  'subscription.resumed': 'Resumed',
  'subscription.cancelled': 'Cancelled',
  'subscription.expired': 'Expired',
  'subscription.end_changed': 'End changed',
  'subscription.warned': 'The team was told that it expires',
  'client.made': 'Made',
  'client.changed': 'Changed: {changes}',
  'client.deleted': 'Deleted',
  'client.secret_made': 'New secret, ending {ending}',
  'client.secret_ended': 'Secret ending {ending} ended {when}',
};

/** One line of a history, ready for a page. */
export type HistoryLine = {
  id: string;
  /** Such as "Approved by Helen Ashby: the pilot's two wards". */
  sentence: string;
  /** As people say it, in UTC. */
  when: string;
  /** For the `datetime` of a `<time>`. */
  at: string;
};

/**
 * @param reader the account that reads: its own acts are "by you".
 * @param acts newest first, as `listActsAbout` gives them.
 */
export const historyOf = (acts: readonly NamedAct[], reader?: string): HistoryLine[] =>
  acts.map((act) => ({
    id: act.id,
    sentence: sentenceOf(act, reader),
    when: timeInWords(act.at),
    at: act.at.toISOString(),
  }));

/** What was done, by whom, and why where a reason was given. */
export function sentenceOf(act: NamedAct, reader?: string): string {
  const by = byWhom(act, reader);
  return `${deedOf(act)}${by && ` by ${by}`}${act.reason ? `: ${act.reason}` : ''}`;
}

/** What was done, without who did it and why. */
export function deedOf(act: Pick<NamedAct, 'action' | 'detail' | 'accountName'>): string {
  const template = (words as Record<string, string>)[act.action];
  const detail: Record<string, unknown> = { ...act.detail, account: act.accountName ?? 'Somebody' };
  const fields = [...(template ?? '').matchAll(/\{(\w+)\}/g)].map(([, field]) => String(field));
  if (!template || fields.some((field) => detail[field] == null)) return capital(plain(act.action));
  return template.replace(/\{(\w+)\}/g, (_, field) => told(detail[field]));
}

/** Empty for what nobody in particular did. */
function byWhom({ actorKind, actorId, actorName }: NamedAct, reader?: string): string {
  if (actorId !== null && actorId === reader) return 'you';
  if (actorName) return actorName;
  if (actorKind === 'account') return 'an account that is deleted';
  return actorKind === 'client' || actorKind === 'test_user' ? (actorId ?? '') : '';
}

const plain = (action: string): string => action.replace(/[._]/g, ' ').replace(/^api\b/, 'API');
const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
const told = (value: unknown): string =>
  Array.isArray(value) ? listed(value.map(String)) : String(value);
