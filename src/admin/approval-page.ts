import type { AccountDoer } from '../accounts/doer.ts';
import { findAccount } from '../accounts/store.ts';
import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { counted, dayInWords, timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { isOwnRequest } from '../subscriptions/decision-service.ts';
import { listScopes } from '../subscriptions/decision-store.ts';
import {
  countWaiting,
  findRequest,
  listOthersOf,
  listRequests,
  type Shelf,
  type SubscriptionOverview,
} from '../subscriptions/overview-store.ts';
import { markOf, type State } from '../subscriptions/subscription.ts';
import { stateWords } from '../subscriptions/words.ts';

/** Requests on one page of the queue, and beside the request that one reads. */
const pageLength = 25;

/** What was typed into one of the forms, with what is wrong with it. */
export type Tried = {
  deed: Deed;
  reason: string;
  until: string;
  /** Those ticked. */
  scopes: string[];
  errors: Readonly<Record<string, string>>;
};
export const deeds = ['approve', 'reject', 'suspend', 'resume', 'end'] as const;
export type Deed = (typeof deeds)[number];

/** The page object of views/admin/approvals.ejs. */
export async function queuePage(
  db: Db,
  { shelf, after }: { shelf: Shelf; after: string | null },
): Promise<object> {
  const [rows, waiting] = await Promise.all([
    listRequests(db, { shelf, after, limit: pageLength + 1 }),
    countWaiting(db),
  ]);
  const requests = rows.slice(0, pageLength);
  return {
    shelf,
    waiting: waitingInWords(waiting),
    requests: requests.map(line),
    first: after === null,
    next: rows.length > pageLength ? (requests.at(-1)?.id ?? null) : null,
  };
}

/** `3 requests wait; the oldest for 3 days.` */
function waitingInWords({ count, oldest }: { count: number; oldest: Date | null }): string {
  if (!oldest) return 'Nothing waits for a decision.';
  const age = ageInWords(oldest);
  return count === 1
    ? `1 request waits, for ${age}.`
    : `${counted(count, 'request')} wait; the oldest for ${age}.`;
}

const line = (one: SubscriptionOverview) => ({
  id: one.id,
  product: one.productName,
  environment: one.environment,
  team: one.teamName,
  asker: askerOf(one),
  state: one.state,
  stateWords: stateWords[one.state],
  age: ageInWords(one.createdAt),
  asked: timeInWords(one.createdAt),
  decided: one.decidedAt && timeInWords(one.decidedAt),
  decidedBy: one.decidedByName,
});

const askerOf = ({ askedBy, decidedAs }: SubscriptionOverview): string =>
  askedBy ?? (decidedAs === 'programme' ? 'the programme file' : 'an account that is deleted');

/** `3 days`, `2 hours`, `less than an hour`. */
export function ageInWords(since: Date, now: Date = new Date()): string {
  const hours = Math.floor((now.getTime() - since.getTime()) / 3_600_000);
  if (hours < 1) return 'less than an hour';
  return hours < 24 ? counted(hours, 'hour') : counted(Math.floor(hours / 24), 'day');
}

/**
 * The page object of views/admin/approval.ejs; undefined where there is no such request.
 * `tried`: a form that comes back; `problem`: what became of it, in a sentence.
 */
export async function approvalPage(
  db: Db,
  { id, doer, mayDecide }: { id: string; doer: AccountDoer; mayDecide: boolean },
  told: { done: string | null; problem: string | null; tried: Tried | null },
): Promise<object | undefined> {
  const one = await findRequest(db, id);
  if (!one) return undefined;
  const [ownRequest, asker, others, scopes, acts, waiting] = await Promise.all([
    isOwnRequest(db, doer, one),
    findAccount(db, one.requestedBy ?? ''),
    listOthersOf(db, one),
    listScopes(db, one.productId),
    listActsAbout(db, { kind: 'subscription', id: one.id }),
    listRequests(db, { shelf: 'waiting', after: null, limit: pageLength }),
  ]);
  return {
    ...told,
    ...line(one),
    needsApproval: one.needsApproval,
    limitedBefore: one.limitedBefore,
    mayDecide,
    ownRequest,
    name: one.name,
    purpose: one.purpose,
    purposeRead: markOf(one),
    teamId: one.teamId,
    askerId: one.requestedBy,
    productId: one.productId,
    email: asker?.email ?? null,
    verified: Boolean(asker?.emailVerifiedAt),
    people: counted(one.teamSize, 'person', 'people'),
    others: others.map((other) => ({
      id: other.id,
      product: other.productName,
      words: `${stateWords[other.state].toLowerCase()}, ${dayInWords(other.since)}`,
    })),
    terms: one.termsVersion,
    reason: one.reason,
    last: lastMove(one),
    until: one.expiresAt && dayInWords(one.expiresAt),
    untilDay: one.expiresAt?.toISOString().slice(0, 10) ?? '',
    scopes: scopes.map((scope) => ({
      ...scope,
      allowed: one.scopes === null || one.scopes.includes(scope.scope),
    })),
    narrowed: one.scopes !== null,
    tomorrow: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10),
    history: historyOf(acts, doer.actor.id),
    waiting: waiting.map(line),
  };
}

const moved: Partial<Record<State, string>> = {
  active: 'Made active',
  suspended: 'Suspended',
  rejected: 'Rejected',
  cancelled: 'Cancelled',
  expired: 'Expired',
};

/** `Rejected by Helen Ashby, today, 10:02 UTC`: how it came to where it is. Null while it waits. */
function lastMove({ state, decidedByName, decidedAt }: SubscriptionOverview): string | null {
  const deed = moved[state];
  if (!deed || !decidedAt) return null;
  const when = timeInWords(decidedAt).replace(/^Today/, 'today');
  return `${deed}${decidedByName ? ` by ${decidedByName}` : ''}, ${when}`;
}

/** What to tell whoever decided too late. */
export async function whatHappened(db: Db, id: string, reader: string): Promise<string> {
  const one = await findRequest(db, id);
  const deed = one && lastMove(one);
  if (!one || !deed) return 'This has changed meanwhile. Nothing was saved; look at it again.';
  const who = one.decidedBy === reader ? 'You were there already' : 'Somebody was faster';
  const why = one.reason ? `: ${one.reason}` : '';
  return `${who}, and nothing was saved. ${deed}${why}`;
}
