import type { Environment } from '../base/environment.ts';
import { Conflict } from '../base/errors.ts';

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
/** By what right it became active: nobody had to decide, an administrator did, or the programme file. */
export type DecidedAs = 'open' | 'administrator' | 'programme';
export type Move = 'approve' | 'reject' | 'suspend' | 'resume' | 'cancel' | 'expire';

/** Every lawful move. A pair that is not here is refused. */
const moves: Record<Move, { from: readonly State[]; to: State }> = {
  approve: { from: ['submitted'], to: 'active' },
  reject: { from: ['submitted'], to: 'rejected' },
  suspend: { from: ['active'], to: 'suspended' },
  resume: { from: ['suspended'], to: 'active' },
  cancel: { from: ['submitted', 'active', 'suspended'], to: 'cancelled' },
  expire: { from: ['active', 'suspended'], to: 'expired' },
};

/** @throws {Conflict} `unlawful_move` when a subscription in `from` cannot make this move. */
export function stateAfter(move: Move, from: State): State {
  if (!moves[move].from.includes(from)) {
    throw new Conflict('unlawful_move', `A subscription that is ${from} cannot ${move}.`);
  }
  return moves[move].to;
}
