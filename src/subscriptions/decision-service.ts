import { findAccount } from '../accounts/store.ts';
import type { Doer } from '../audit/act.ts';
import { Conflict, InvalidInput } from '../base/errors.ts';
import { listed } from '../base/in-words.ts';
import { type Db, transaction } from '../db/pool.ts';
import type { AboutSubscription, Letter } from '../mail/letter.ts';
import { findClientMaker, hasConflictOfInterest, listScopes, saveEnd } from './decision-store.ts';
import { dateInLetter, inOneLine, tellTeam } from './letters.ts';
import { accountIdOf, makeMove, noSubscription, recordMove } from './moving.ts';
import { open, type SubscriptionParts } from './service.ts';
import { holdTeamOf, lockSubscription, ownRequest } from './store.ts';
import {
  type Move,
  markOf,
  mustBeTheirs,
  reasonLength,
  type Subscription,
  stateAfter,
  textWithin,
} from './subscription.ts';

/** Who decides and why, of which subscription. */
type Decision = { id: string; reason: string };
type Parts = Pick<SubscriptionParts, 'pool' | 'baseUrl'>;

/**
 * Lets a request become active, until `expiresAt` (null: without end) and for those of the product's
 * scopes (null: all, also those that it gets later).
 * @param decision.purposeRead the mark of the purpose that the approver read: another one is refused.
 * @throws {NotFound}, {Forbidden} `not_theirs`, `own_request`
 * @throws {Conflict} `unlawful_move`, `not_decided`, `purpose_changed`
 * @throws {InvalidInput} under `reason`, `until`, `scopes`.
 */
export const approve = (
  parts: SubscriptionParts,
  doer: Doer,
  decision: Decision & { expiresAt?: Date | null; scopes?: string[] | null; purposeRead?: string },
): Promise<Subscription> =>
  transaction(parts.pool, async (tx) => {
    const subscription = await lockToDecide(tx, doer, 'approve', decision.id);
    if (decision.purposeRead !== undefined && decision.purposeRead !== markOf(subscription)) {
      throw new Conflict('purpose_changed', 'The team changed the purpose while you read it.');
    }
    await mustNotBeOwn(tx, doer, subscription);
    const { reason, expiresAt, scopes } = await readApproval(tx, subscription, decision);
    const decidedAs = doer.actor.kind === 'client' ? 'client' : 'administrator';
    const granted = { decidedAs, expiresAt, scopes } as const;
    const moved = await makeMove(tx, doer, { subscription, move: 'approve', reason, granted });
    await open(tx, parts, moved);
    await tell(tx, parts, doer, moved, (about) => ({
      template: 'subscription-approved',
      data: { ...about, until: dateInLetter(moved.expiresAt), may: scopes ? listed(scopes) : '' },
    }));
    return moved;
  });

/** @throws as approve does. */
export const reject = (parts: Parts, doer: Doer, decision: Decision): Promise<Subscription> =>
  decide(parts, doer, 'reject', decision, (about) => ({
    template: 'subscription-rejected',
    data: about,
  }));

/** From now on it opens nothing, until it is resumed. @throws as approve does. */
export const suspend = (parts: Parts, doer: Doer, decision: Decision): Promise<Subscription> =>
  decide(parts, doer, 'suspend', decision, (about) => ({
    template: 'subscription-suspended',
    data: about,
  }));

/** @throws as approve does. */
export const resume = (parts: Parts, doer: Doer, decision: Decision): Promise<Subscription> =>
  decide(parts, doer, 'resume', decision, (about) => ({
    template: 'subscription-resumed',
    data: about,
  }));

const decide = (
  parts: Parts,
  doer: Doer,
  move: 'reject' | 'suspend' | 'resume',
  decision: Decision,
  letterOf: (about: Told) => Letter,
): Promise<Subscription> =>
  transaction(parts.pool, async (tx) => {
    const subscription = await lockToDecide(tx, doer, move, decision.id);
    if (move === 'resume') await mustNotBeOwn(tx, doer, subscription);
    const reason = readReason(decision.reason);
    const moved = await makeMove(tx, doer, { subscription, move, reason });
    await tell(tx, parts, doer, moved, letterOf);
    return moved;
  });

/**
 * Another end for one that is active or suspended; null: none. Its team is warned again before it.
 * @throws as approve does; {Conflict} `unlawful_move` for one that waits or is over.
 */
export const changeEnd = (
  parts: Parts,
  doer: Doer,
  decision: Decision & { expiresAt: Date | null },
): Promise<void> =>
  transaction(parts.pool, async (tx) => {
    mustBeTheirs('approve', doer);
    await holdTeamOf(tx, decision.id);
    const subscription = await lockSubscription(tx, decision.id);
    if (!subscription) throw noSubscription();
    if (subscription.state !== 'active' && subscription.state !== 'suspended') {
      throw new Conflict(
        'unlawful_move',
        `A subscription that is ${subscription.state} has no end.`,
      );
    }
    await mustNotBeOwn(tx, doer, subscription);
    const wrong: Record<string, string> = {};
    if (isPast(decision.expiresAt)) wrong.until = notAhead;
    const reason = textWithin(reasonLength, decision.reason);
    if ('wrong' in reason) wrong.reason = reason.wrong;
    if ('wrong' in reason || wrong.until) throw new InvalidInput(wrong);
    const { id, expiresAt } = decision;
    await saveEnd(tx, { id, expiresAt });
    await recordMove(tx, doer, subscription, {
      action: 'subscription.end_changed',
      reason: reason.text,
      detail: { until: expiresAt?.toISOString() ?? 'no end' },
    });
    const moved = { ...subscription, expiresAt, reason: reason.text };
    await tell(tx, parts, doer, moved, (about) => ({
      template: 'subscription-end-changed',
      data: { ...about, until: dateInLetter(moved.expiresAt), may: '' },
    }));
  });

/** What can no longer be done is said before anything that was typed wrong. */
async function lockToDecide(tx: Db, doer: Doer, move: Move, id: string): Promise<Subscription> {
  mustBeTheirs(move, doer);
  await holdTeamOf(tx, id);
  const subscription = await lockSubscription(tx, id);
  if (!subscription) throw noSubscription();
  stateAfter(move, subscription.state);
  return subscription;
}

/**
 * Four eyes: nobody opens a product to a team of their own, nor where they asked themselves, unless
 * the programme has no one else who could decide.
 */
export async function isOwnRequest(
  db: Db,
  doer: Doer,
  { teamId, requestedBy }: Pick<Subscription, 'teamId' | 'requestedBy'>,
): Promise<boolean> {
  const accountId = accountIdOf(doer) ?? (await findMakerOf(db, doer));
  if (!accountId) return false;
  return hasConflictOfInterest(db, { teamId, requestedBy, accountId });
}

/** A client decides for whoever registered it. */
const findMakerOf = (db: Db, { actor }: Doer): Promise<string | null> =>
  actor.kind === 'client' ? findClientMaker(db, actor.id) : Promise.resolve(null);

/** @throws {Forbidden} `own_request` */
async function mustNotBeOwn(tx: Db, doer: Doer, subscription: Subscription): Promise<void> {
  if (!(await isOwnRequest(tx, doer, subscription))) return;
  throw ownRequest();
}

/** @throws {InvalidInput} */
async function readApproval(
  tx: Db,
  { productId }: Subscription,
  decision: Decision & { expiresAt?: Date | null; scopes?: string[] | null },
): Promise<{ reason: string; expiresAt: Date | null; scopes: string[] | null }> {
  const { expiresAt = null, scopes: wanted = null } = decision;
  const offered = (await listScopes(tx, productId)).map(({ scope }) => scope);
  const wrong: Record<string, string> = {};
  if (wanted?.length === 0) wrong.scopes = 'Leave at least one, or reject the request.';
  if (wanted?.some((scope) => !offered.includes(scope))) {
    wrong.scopes = 'The product has changed since you opened this page. Choose again.';
  }
  if (isPast(expiresAt)) wrong.until = notAhead;
  const reason = textWithin(reasonLength, decision.reason);
  if ('wrong' in reason) wrong.reason = reason.wrong;
  if ('wrong' in reason || Object.keys(wrong).length > 0) throw new InvalidInput(wrong);
  const all = wanted === null || offered.every((scope) => wanted.includes(scope));
  const scopes = all ? null : offered.filter((scope) => wanted.includes(scope));
  return { reason: reason.text, expiresAt, scopes };
}

function readReason(typed: string): string {
  const reason = textWithin(reasonLength, typed);
  if ('wrong' in reason) throw new InvalidInput({ reason: reason.wrong });
  return reason.text;
}

const isPast = (time: Date | null): boolean => time !== null && !(time.getTime() > Date.now());
const notAhead = 'Choose a day that is still to come.';

type Told = AboutSubscription & { by: string; reason: string };

async function tell(
  tx: Db,
  parts: Parts,
  doer: Doer,
  subscription: Subscription,
  letterOf: (about: Told) => Letter,
): Promise<void> {
  const decider = await findAccount(tx, accountIdOf(doer) ?? '');
  const by = inOneLine(decider?.name ?? 'the programme');
  const reason = inOneLine(subscription.reason);
  await tellTeam(tx, parts, subscription, {
    letterOf: (about) => letterOf({ ...about, by, reason }),
  });
}
