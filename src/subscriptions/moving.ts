import type { Action, Doer } from '../audit/act.ts';
import { recordAct } from '../audit/store.ts';
import { NotFound } from '../base/errors.ts';
import type { Db } from '../db/pool.ts';
import { saveMove } from './store.ts';
import { type Move, mustBeTheirs, type Subscription, stateAfter } from './subscription.ts';

const actions: Readonly<Record<Move, Action>> = {
  approve: 'subscription.approved',
  reject: 'subscription.rejected',
  suspend: 'subscription.suspended',
  resume: 'subscription.resumed',
  cancel: 'subscription.cancelled',
  expire: 'subscription.expired',
};

type Granted = Parameters<typeof saveMove>[1]['granted'];

/**
 * Moves a subscription whose row the transaction has locked, and writes that into the trail.
 * @throws {Forbidden} `not_theirs`
 * @throws {Conflict} `unlawful_move`, `not_decided`
 */
export async function makeMove(
  tx: Db,
  doer: Doer,
  given: { subscription: Subscription; move: Move; reason?: string; granted?: Granted },
): Promise<Subscription> {
  const { subscription, move, reason = '', granted } = given;
  mustBeTheirs(move, doer);
  const state = stateAfter(move, subscription.state);
  const moved = await saveMove(tx, {
    id: subscription.id,
    state,
    reason,
    decidedBy: accountIdOf(doer),
    decidedByClient: doer.actor.kind === 'client' ? doer.actor.id : null,
    granted,
  });
  await recordMove(tx, doer, moved, {
    action: actions[move],
    reason,
    detail: {
      from: subscription.state,
      ...(granted?.expiresAt && { until: granted.expiresAt.toISOString() }),
      ...(granted?.scopes && { scopes: granted.scopes }),
    },
  });
  return moved;
}

/** Something that somebody did to a subscription. Belongs into the transaction of the act. */
export const recordMove = (
  tx: Db,
  doer: Doer,
  { id, environment }: Pick<Subscription, 'id' | 'environment'>,
  act: { action: Action; reason?: string; detail?: Record<string, string | number | string[]> },
): Promise<void> =>
  recordAct(tx, {
    ...doer,
    ...act,
    reason: act.reason || undefined,
    subject: { kind: 'subscription', id },
    environment,
  });

export const accountIdOf = ({ actor }: Doer): string | null =>
  actor.kind === 'account' ? actor.id : null;

/** Whose things they may see: empty, and so nobody's, for whoever is no one. */
export const ownerOf = ({ actor }: Doer): string => {
  if (actor.kind === 'client') return actor.teamId ?? '';
  return 'id' in actor ? actor.id : '';
};

export const noSubscription = (): NotFound =>
  new NotFound('no_subscription', 'There is no such subscription.');
