import type { Doer } from '../audit/act.ts';
import type { Environment } from '../base/environment.ts';
import { Conflict, Forbidden } from '../base/errors.ts';
import { digest } from '../base/secrets.ts';

/** One team's right to call one product. */
export type Subscription = {
  id: string;
  teamId: string;
  productId: string;
  /** The product's. */
  environment: Environment;
  name: string;
  state: State;
  /** What the team said it is for. */
  purpose: string;
  /** Given with the last decision. */
  reason: string;
  requestedBy: string | null;
  decidedBy: string | null;
  createdAt: Date;
  decidedAt: Date | null;
  expiresAt: Date | null;
  /** What the approver left of the product's scopes. Null: all of them. */
  scopes: string[] | null;
  decidedAs: DecidedAs | null;
  /** Of the terms that were accepted; null: there were none to accept. */
  termsVersion: number | null;
  /** The first time; null: it never was active. */
  activatedAt: Date | null;
};

export const states = [
  'submitted',
  'active',
  'suspended',
  'rejected',
  'cancelled',
  'expired',
] as const;
export type State = (typeof states)[number];
/**
 * By what right it became active: nobody had to decide, an administrator did, a client of the
 * programme for them, or the programme file.
 */
export type DecidedAs = 'open' | 'administrator' | 'client' | 'programme';
export type Move = 'approve' | 'reject' | 'suspend' | 'resume' | 'cancel' | 'expire';

/**
 * Who moves it: somebody of its team or a client that acts for it, an administrator who may decide or
 * a client of the programme that may, the server itself when a time has come, or the operator's
 * programme file.
 */
export const movers = ['member', 'approver', 'system', 'programme'] as const;
export type Mover = (typeof movers)[number];

/** Every lawful move, and by whom. What is not here is refused, by the database too (subscription_moves). */
export const moves: Readonly<
  Record<Move, { from: readonly State[]; to: State; by: readonly Mover[] }>
> = {
  approve: { from: ['submitted'], to: 'active', by: ['approver', 'programme'] },
  reject: { from: ['submitted'], to: 'rejected', by: ['approver', 'programme'] },
  suspend: { from: ['active'], to: 'suspended', by: ['approver', 'programme'] },
  resume: { from: ['suspended'], to: 'active', by: ['approver'] },
  cancel: {
    from: ['submitted', 'active', 'suspended'],
    to: 'cancelled',
    by: ['member', 'programme'],
  },
  expire: { from: ['active', 'suspended'], to: 'expired', by: ['system', 'programme'] },
};

/** @throws {Conflict} `unlawful_move` when a subscription in `from` cannot make this move. */
export function stateAfter(move: Move, from: State): State {
  if (!moves[move].from.includes(from)) {
    throw new Conflict('unlawful_move', `A subscription that is ${from} cannot ${move}.`);
  }
  return moves[move].to;
}

/** Undefined for whoever has no say in any subscription. */
export function moverOf({ actor }: Doer): Mover | undefined {
  if (actor.kind === 'system') return 'system';
  if (actor.kind === 'client' && !actor.role) return actor.teamId ? 'member' : undefined;
  if (actor.kind !== 'account' && actor.kind !== 'client') return undefined;
  return actor.role === 'approver' || actor.role === 'owner' ? 'approver' : 'member';
}

/** @throws {Forbidden} `not_theirs` when this move is for others to make. */
export function mustBeTheirs(move: Move, doer: Doer): void {
  const mover = moverOf(doer);
  if (mover && moves[move].by.includes(mover)) return;
  throw new Forbidden('not_theirs', `To ${move} a subscription is for others.`);
}

/** How long a purpose and a reason may be, in characters. */
export const purposeLength = { min: 10, max: 2000 } as const;
export const reasonLength = { min: 1, max: 2000 } as const;
/** Before it expires the team is told this many days ahead, or half-way where it is granted for less. */
export const warningDays = 14;

/** Tells one purpose from another, so that nobody approves what they have not read. */
export const markOf = ({ purpose }: Pick<Subscription, 'purpose'>): string =>
  digest(purpose).toString('base64url');

/** Controls, and what turns the text around it or shows nothing; but for what joins letters and emoji. */
const unseen = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}]/gu;
export const withoutUnseen = (text: string): string => text.replace(unseen, '');

/**
 * Without spaces around it nor characters that nobody sees, and line ends as one character.
 * `wrong`: a sentence for the form.
 */
export function textWithin(
  { min, max }: { min: number; max: number },
  typed: string,
): { text: string } | { wrong: string } {
  const text = withoutUnseen(typed.replace(/\r\n?|[\u2028\u2029]/g, '\n')).trim();
  const length = [...text].length;
  if (length === 0) return { wrong: 'Fill this in.' };
  if (length < min) return { wrong: `Too short: use at least ${min} characters.` };
  if (length > max)
    return { wrong: `Too long: use at most ${max.toLocaleString('en-GB')} characters.` };
  return { text };
}
