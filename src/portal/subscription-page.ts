import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { dayInWords } from '../base/in-words.ts';
import { onDay, secretInWords, tokensInWords } from '../clients/words.ts';
import type { Db } from '../db/pool.ts';
import { usualCalls } from '../products/api.ts';
import {
  findCallNeeds,
  findInCatalogue,
  listApisOf,
  listScopesOf,
} from '../products/catalogue-store.ts';
import type { ProductScope } from '../products/product.ts';
import { priceInWords } from '../products/words.ts';
import { listKeyIds } from '../subscriptions/key-store.ts';
import {
  findFirstActivation,
  findOwnSubscription,
  type SubscriptionOverview,
} from '../subscriptions/overview-store.ts';
import type { State } from '../subscriptions/subscription.ts';
import { stateWords } from '../subscriptions/words.ts';
import { suspensionsOf } from '../suspensions/store.ts';
import { listOpenings } from './console-store.ts';
import { keysOfPage, type Revealed } from './subscription-keys.ts';
import { findSurroundings, listClientsOf, type SubscribedClient } from './subscription-store.ts';
import { doneWords, limitsInWords, scopesInWords } from './subscription-words.ts';
import { useCard } from './use-card.ts';

const done: Readonly<Record<string, string>> = {
  subscribed: 'You have it. Your keys are here, and they work already.',
  asked: 'Your request is sent. We write to you when it is decided.',
  purpose: 'Your request says so now.',
  regenerated: 'The new key is made. Reveal it, and give it to whatever sends the old one.',
  stopped: 'The old key has stopped.',
  cancelled: 'The subscription is cancelled. Its keys and tokens no longer work.',
  withdrawn: 'Your request is withdrawn.',
};

const historyLength = 20;

/** What came in with the request, or was done by it. */
export type Visit = {
  done?: unknown;
  /** Of the history: the last id of the page above. */
  before?: string | null;
  revealed?: Revealed | null;
  /** The purpose as it was typed, and what is wrong with it. */
  purpose?: { typed: string; error: string } | null;
};

/** The page object of views/portal/subscription.ejs; undefined for what is not of a team of theirs. */
export async function subscriptionPage(
  db: Db,
  { accountId, id }: { accountId: string; id: string },
  visit: Visit = {},
): Promise<object | undefined> {
  const subscription = await findOwnSubscription(db, { owner: accountId, id });
  const around = subscription && (await findSurroundings(db, id));
  if (!subscription || !around) return undefined;
  const state = stateOf(subscription);
  const product = await findInCatalogue(db, { viewer: accountId, id: subscription.productId });
  const clients = await listClientsOf(db, id);
  const scopes = await listScopesOf(db, subscription.productId);
  return {
    id,
    name: subscription.name,
    environment: subscription.environment,
    state,
    stateWords: stateWords[state],
    done: doneWords(done, visit.done),
    reason: subscription.reason,
    decidedBy: subscription.decidedByName,
    stopped: await stoppedBecause(db, subscription),
    ...leaving(around),
    seesProduct: product !== undefined,
    asksAgain: isOver(state) && product?.open === true,
    tryIt: await apiToTry(db, subscription, { state, viewer: accountId }),
    keys: keysLast(state) ? await keysOfPage(db, subscription, visit.revealed ?? null) : null,
    call: await callOf(db, subscription.productId),
    clients: clients.map(clientInWords),
    applications: clients.filter(({ kind }) => kind === 'application').map(({ name }) => name),
    history: await historyPage(db, { accountId, id, before: visit.before ?? null }),
    ...mayDo(scopes, subscription.scopes),
    facts: factsOf(subscription, state),
    limits: limitsInWords([around.rate, around.quota]),
    use: await useCard(db, {
      owner: accountId,
      subscriptionId: id,
      teamId: subscription.teamId,
      productId: subscription.productId,
      quota: keysLast(state) ? around.quota : null,
      countedFrom: await findFirstActivation(db, subscription),
    }),
    audience: around.audience,
    price: [around.priceNote, around.price ? priceInWords(around.price) : ''].filter(Boolean),
    purpose: {
      text: subscription.purpose,
      typed: visit.purpose?.typed ?? subscription.purpose,
      error: visit.purpose?.error ?? null,
    },
  };
}

/** An API that the console calls by it. Null: there is nothing to try. */
async function apiToTry(
  db: Db,
  { environment, productId }: SubscriptionOverview,
  { state, viewer }: { state: State; viewer: string },
): Promise<string | null> {
  const api = state === 'active' ? (await listApisOf(db, productId))[0]?.id : undefined;
  if (api === undefined || environment === 'sandbox') return api ?? null;
  const reached = await listOpenings(db, { viewer, apiId: api });
  return reached.some((one) => one.productId === productId) ? api : null;
}

/** Where a call shows a key; null: it shows none. */
async function callOf(db: Db, productId: string): Promise<{ header: string } | null> {
  const needs = await findCallNeeds(db, productId);
  if (needs?.credentials === 'token') return null;
  return { header: needs?.keyHeaders.join(' or ') || usualCalls.keyHeader };
}

/** By the kill switch, and why; null: it is not. */
async function stoppedBecause(
  db: Db,
  { teamId, productId, environment }: SubscriptionOverview,
): Promise<string | null> {
  const [stopped] = await suspensionsOf(db, [
    { kind: 'team', id: teamId },
    { kind: 'product', id: productId },
    { kind: 'environment', id: environment },
  ]);
  return stopped?.reason ?? null;
}

/** One whose time has come is over, whether or not the sweep has noted it yet. */
export const stateOf = ({
  state,
  expiresAt,
}: Pick<SubscriptionOverview, 'state' | 'expiresAt'>): State =>
  keysLast(state) && expiresAt !== null && expiresAt <= new Date() ? 'expired' : state;

const keysLast = (state: State): boolean => state === 'active' || state === 'suspended';
export const isOver = (state: State): boolean => !keysLast(state) && state !== 'submitted';

const leaving = ({
  retired,
  retiresOn,
  deprecationNotice,
}: {
  retired: boolean;
  retiresOn: string | null;
  deprecationNotice: string;
}) => ({
  retired,
  retires: retiresOn && dayInWords(new Date(retiresOn)),
  retireNotice: deprecationNotice,
});

const factsOf = (
  { productId, productName, teamName, askedBy, createdAt, ...dates }: SubscriptionOverview,
  state: State,
) => ({
  productId,
  productName,
  teamName,
  askedBy,
  asked: dayInWords(createdAt),
  since: dates.activatedAt && dayInWords(dates.activatedAt),
  until: dates.expiresAt && dayInWords(dates.expiresAt),
  ended: isOver(state) && dates.decidedAt ? onDay(dates.decidedAt) : null,
});

/** What the approver left of the product's scopes, and what not. */
function mayDo(scopes: readonly ProductScope[], narrowed: readonly string[] | null) {
  const left = scopes.filter(({ scope }) => narrowed?.includes(scope) ?? true);
  return {
    may: scopesInWords(left),
    mayNot: scopesInWords(scopes.filter((one) => !left.includes(one))),
  };
}

/** A row of a table of clients. */
export const clientInWords = (client: SubscribedClient) => ({
  id: client.id,
  name: client.name,
  kind: client.kind,
  environment: client.environment,
  tokens: tokensInWords(client.grantTypes),
  secret: secretInWords(client),
});

async function historyPage(
  db: Db,
  { accountId, id, before }: { accountId: string; id: string; before: string | null },
) {
  const keys = await listKeyIds(db, id);
  const about = [
    { kind: 'subscription', id } as const,
    ...keys.map((key) => ({ kind: 'subscription_key', id: key }) as const),
  ];
  const acts = await listActsAbout(db, about, { before, limit: historyLength + 1 });
  const lines = historyOf(acts.slice(0, historyLength), accountId);
  return {
    lines,
    older: acts.length > historyLength ? (lines.at(-1)?.id ?? null) : null,
    newest: before === null,
  };
}
