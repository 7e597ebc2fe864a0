import type pg from 'pg';
import type { Doer } from '../audit/act.ts';
import { findActorName } from '../audit/store.ts';
import { Conflict, InvalidInput, NotFound, TooMany } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { type Db, transaction } from '../db/pool.ts';
import { lockOffer, type Offer } from './asking-store.ts';
import { expire } from './ending-service.ts';
import { takeOverdue } from './ending-store.ts';
import { makeKeys } from './key-service.ts';
import { inOneLine, tellApprovers, tellTeam } from './letters.ts';
import { accountIdOf, makeMove, noSubscription, ownerOf, recordMove } from './moving.ts';
import { holdTeamOf, insertSubscription, lockOwnSubscription, savePurpose } from './store.ts';
import { purposeLength, type Subscription, textWithin } from './subscription.ts';

/** What a team does with its subscriptions; what approvers do stands in decision-service.ts. */
export type SubscriptionParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  /** Of the clients' room, in the transaction that makes a subscription active. */
  makeConsoleClients(
    tx: Db,
    keyring: Keyring,
    subscription: Subscription,
    baseUrl: string,
  ): Promise<void>;
};

/** Of one team, for what has to be approved: each is a letter to every approver. */
const requestsAnHour = 10;
/** Of one team, for what is open: its end is a letter to members. */
const subscriptionsAnHour = 30;

/**
 * Asks for a product. An open one is active at once, with its keys; a guarded one waits, and every
 * approver gets a letter. Whatever became of earlier requests, each is decided anew; so is one for an
 * open product where the team's last was suspended, or had an end, when it was over.
 * @param request.termsAccepted the version of the terms that were shown and accepted; null: none.
 * @throws {NotFound} for a team that is not theirs, and a product that it may not see.
 * @throws {InvalidInput} under `purpose`, `terms`.
 * @throws {Conflict} `not_offered`; `already_subscribed` while one of this product is not over.
 * @throws {TooMany} where a team keeps asking.
 */
export const ask = (
  parts: SubscriptionParts,
  doer: Doer,
  request: {
    teamId: string;
    productId: string;
    purpose: string;
    termsAccepted: number | null;
    /** What the team calls it; else as the product is called. */
    name?: string;
  },
): Promise<Subscription> =>
  transaction(parts.pool, async (tx) => {
    const offer = await lockOffer(tx, { owner: ownerOf(doer), ...request });
    if (!offer) throw new NotFound('no_product', 'There is no such product.');
    mustBeOpen(offer);
    const purpose = readRequest(offer, request);
    const overdue = await takeOverdue(tx, request);
    if (overdue) await expire(tx, parts, overdue.id);
    const subscription = await insertSubscription(tx, {
      teamId: request.teamId,
      productId: offer.productId,
      name: request.name?.trim() || offer.productName,
      state: offer.needsApproval ? 'submitted' : 'active',
      purpose,
      requestedBy: accountIdOf(doer),
      termsVersion: offer.termsVersion,
    });
    if (subscription.state === 'active') await open(tx, parts, subscription);
    const told = offer.needsApproval ? await tell(tx, parts, doer, { subscription, offer }) : 0;
    await recordMove(tx, doer, subscription, {
      action: 'subscription.asked',
      detail: { state: subscription.state, product: offer.productId, approversTold: told },
    });
    return subscription;
  });

function mustBeOpen({ open, productName, needsApproval, ...lately }: Offer): void {
  if (!open) {
    throw new Conflict('not_offered', `${productName} takes no new subscriptions just now.`);
  }
  if (needsApproval && lately.askedLately >= requestsAnHour) {
    throw new TooMany(
      'too_many_requests',
      `Your team has asked ${lately.askedLately} times within an hour. Wait for what you asked, then ask again.`,
      3600,
    );
  }
  if (!needsApproval && lately.openedLately >= subscriptionsAnHour) {
    throw new TooMany(
      'too_many_requests',
      `Your team has subscribed ${lately.openedLately} times within an hour. Try again in an hour.`,
      3600,
    );
  }
}

/** @returns the purpose, without spaces around it. */
function readRequest(
  { termsVersion }: Offer,
  request: { purpose: string; termsAccepted: number | null },
): string {
  const wrong: Record<string, string> = {};
  const purpose = textWithin(purposeLength, request.purpose);
  if ('wrong' in purpose) wrong.purpose = purpose.wrong;
  if (termsVersion !== null && request.termsAccepted === null) {
    wrong.terms = 'Read the terms and tick the box to accept them.';
  } else if (termsVersion !== null && request.termsAccepted !== termsVersion) {
    wrong.terms = 'The terms have changed since you opened this page. Read them again.';
  }
  if ('wrong' in purpose || wrong.terms) throw new InvalidInput(wrong);
  return purpose.text;
}

/** What an active subscription has beside its state. Call it in the transaction that makes it so. */
export async function open(
  tx: Db,
  { keyring, baseUrl, makeConsoleClients }: Omit<SubscriptionParts, 'pool'>,
  subscription: Subscription,
): Promise<void> {
  await makeKeys(tx, keyring, subscription);
  await makeConsoleClients(tx, keyring, subscription, baseUrl);
}

async function tell(
  tx: Db,
  parts: SubscriptionParts,
  doer: Doer,
  { subscription, offer }: { subscription: Subscription; offer: Offer },
): Promise<number> {
  const asker = await findActorName(tx, doer.actor);
  return tellApprovers(tx, parts, subscription, {
    asker: asker ?? offer.teamName,
    team: offer.teamName,
    product: offer.productName,
  });
}

/**
 * Other words for what it is for, as long as nobody has decided by the old ones.
 * @throws {NotFound}
 * @throws {Conflict} `decided`
 * @throws {InvalidInput} under `purpose`.
 */
export const changePurpose = (
  { pool }: Pick<SubscriptionParts, 'pool'>,
  doer: Doer,
  { id, purpose: typed }: { id: string; purpose: string },
): Promise<void> =>
  transaction(pool, async (tx) => {
    const subscription = await lockOwnSubscription(tx, { owner: ownerOf(doer), id });
    if (!subscription) throw noSubscription();
    if (subscription.state !== 'submitted') {
      throw new Conflict(
        'decided',
        'This was decided by the purpose that you gave. Cancel it and ask again to change that.',
      );
    }
    const purpose = textWithin(purposeLength, typed);
    if ('wrong' in purpose) throw new InvalidInput({ purpose: purpose.wrong });
    if (purpose.text === subscription.purpose) return;
    await savePurpose(tx, { id, purpose: purpose.text });
    await recordMove(tx, doer, subscription, {
      action: 'subscription.purpose_changed',
      detail: { before: subscription.purpose },
    });
  });

/**
 * Ends it, or takes the request back while it waits. From now on it opens nothing.
 * @throws {NotFound}
 * @throws {Conflict} `unlawful_move` where it is over already.
 */
export const cancel = (
  parts: Pick<SubscriptionParts, 'pool' | 'baseUrl'>,
  doer: Doer,
  id: string,
): Promise<Subscription> =>
  transaction(parts.pool, async (tx) => {
    await holdTeamOf(tx, id);
    const subscription = await lockOwnSubscription(tx, { owner: ownerOf(doer), id });
    if (!subscription) throw noSubscription();
    const moved = await makeMove(tx, doer, { subscription, move: 'cancel' });
    const accountId = accountIdOf(doer);
    const by = inOneLine((await findActorName(tx, doer.actor)) ?? 'an application');
    await tellTeam(tx, parts, moved, {
      except: accountId,
      letterOf: (about) => ({ template: 'subscription-cancelled', data: { ...about, by } }),
    });
    return moved;
  });
