import { isFault } from '../oauth/token-check.ts';
import { looksLikeKey } from '../subscriptions/key.ts';
import type { Call } from '../usage/call.ts';
import type { Allowance, Limits } from '../usage/limits.ts';
import { type Asked, bearerOf, keyOf } from './asked.ts';
import type { Catalogue, OpenedApi, Opening } from './catalogue.ts';
import type { CalledProduct, HeldKey, Holder } from './catalogue-store.ts';
import type { Keys } from './keys.ts';
import { permissionOf } from './permission.ts';
import type { CountingToken, Tokens } from './tokens.ts';
import { type Refused, refusal, type Verdict } from './verdict.ts';

export type JudgeParts = { keys: Keys; tokens: Tokens; limits: Pick<Limits, 'take'> };

/** One call, and what decides about it. */
export type Case = {
  asked: Asked;
  api: OpenedApi;
  /** How the API is opened, here and now. */
  openings: readonly Opening[];
  catalogue: Catalogue;
  /** What is known of the call by now: it counts as that. */
  call: Omit<Call, 'outcome'>;
  /** Milliseconds, by the database's clock. */
  now: number;
};

/** Whose call it is, and through which product. Null: nobody's, or none was shown. */
type Shown = { product: CalledProduct; holder: Holder | null; token: CountingToken | null };

/** By the call's key and token, then by what they may do, and only then by what they have left. */
export async function judge(parts: JudgeParts, one: Case): Promise<Verdict> {
  const shown = await identify(parts, one);
  if ('allowed' in shown) return shown;
  const { product, holder, token } = shown;
  const openings = one.openings.filter((opening) => opening.product.id === product.id);
  const permission = permissionOf(one.asked, openings, token?.scopes ?? null);
  if ('allowed' in permission) return permission;
  one.call.operation = permission.operation;

  const { exceeded, retryAfter, policies } = await allowanceFor(shown, parts);
  if (exceeded === 'rate') return refusal('rate_exceeded', { retryAfter, policies });
  if (exceeded === 'quota') {
    return refusal('quota_exceeded', { status: product.quotaStatus, retryAfter, policies });
  }
  return {
    allowed: true,
    policies,
    identity: {
      subscriptionId: holder?.subscriptionId ?? '',
      productId: product.id,
      teamId: holder?.teamId ?? '',
      subject: token?.subject ?? '',
      clientId: token?.clientId ?? '',
      scope: token?.scopes.join(' ') ?? '',
      testUser: token ? String(token.testUser) : '',
      environment: product.environment,
    },
  };
}

/** Calls of one team by one product count together, and so do those of one first-party client. */
function allowanceFor(
  { product, holder, token }: Shown,
  { limits }: JudgeParts,
): Allowance | Promise<Allowance> {
  const { id, rate, quota } = product;
  if (!rate && !quota) return { exceeded: null, retryAfter: 0, policies: [] };
  const whose = holder ? `team:${holder.teamId}` : `client:${token?.clientId}`;
  return limits.take({ id: `${whose}:${id}`, anchor: holder?.countedFrom ?? 0, rate, quota });
}

async function identify(parts: JudgeParts, one: Case): Promise<Shown | Refused> {
  const { asked, api, openings } = one;
  const takesKeys = openings.some(({ product }) => product.credentials !== 'token');
  const key = takesKeys || openings.length === 0 ? keyOf(asked, api) : undefined;
  if (key === undefined) return byToken(parts, one);

  const held = await heldBy(key, parts, one);
  if ('allowed' in held) return held;
  const opening = openings.find(({ product }) => product.id === held.productId);
  if (!opening) return notOpened(held, one);
  const { product } = opening;
  if (product.credentials === 'key') return { product, holder: held, token: null };
  const token = await tokenFor(product, parts, one);
  if ('allowed' in token) return token;
  if (token.subscriptionId !== null && token.subscriptionId !== held.subscriptionId) {
    return refusal('token_not_of_subscription');
  }
  return { product, holder: held, token };
}

/** What the key opens, where it and its subscription hold. */
async function heldBy(key: string, { keys }: JudgeParts, one: Case): Promise<HeldKey | Refused> {
  if (!looksLikeKey(key)) return refusal('key_malformed');
  const found = keys.find(key);
  const held = found instanceof Promise ? await found : found;
  if (!held) return refusal('key_unknown');
  one.call.keyId = held.keyId;
  const stopped = standingOf(held, one);
  if (stopped) return stopped;
  if (held.keyEndsAt !== null && held.keyEndsAt <= one.now) return refusal('key_expired');
  return held;
}

/** Why a subscription opens nothing now; undefined: it does. */
function standingOf(holder: Holder, { call, catalogue, now }: Case): Refused | undefined {
  const { environment, teamId, productId, subscriptionId, state, endsAt } = holder;
  Object.assign(call, { environment, teamId, productId, subscriptionId });
  if (state !== 'active') return refusal('subscription_inactive', { detail: `It is ${state}.` });
  if (endsAt !== null && endsAt <= now) {
    return refusal('subscription_inactive', { detail: 'It is expired.' });
  }
  const stopped = [
    { kind: 'team', id: teamId },
    { kind: 'product', id: productId },
    { kind: 'environment', id: environment },
  ] as const;
  const what = stopped.find((thing) => catalogue.isStopped(thing));
  return what && refusal('suspended', { detail: `It is the ${what.kind}.` });
}

const notOpened = ({ productId }: Holder, { catalogue, now }: Case): Refused => {
  const product = catalogue.products.get(productId);
  const isOver = !product || (product.endsAt !== null && product.endsAt <= now);
  return refusal(isOver ? 'product_unavailable' : 'subscription_other_product');
};

/** Without a key: what the token alone may call. */
async function byToken(parts: JudgeParts, one: Case): Promise<Shown | Refused> {
  const { openings, catalogue } = one;
  if (openings.length === 0) return refusal('product_unavailable');
  const byTokenAlone = openings.filter(({ product }) => product.credentials === 'token');
  if (byTokenAlone.length === 0) return refusal('key_missing');
  const token = await countingToken(parts, one);
  if ('allowed' in token) return token;

  const found = openings.find(({ product }) => product.id === token.productId);
  if (!found) return refusal('token_other_product');
  const { product } = found;
  if (product.credentials !== 'token') return refusal('key_missing');
  if (token.subscriptionId === null) {
    const stopped = (['product', 'environment'] as const).find((kind) =>
      catalogue.isStopped({ kind, id: kind === 'product' ? product.id : product.environment }),
    );
    if (stopped) return refusal('suspended', { detail: `It is the ${stopped}.` });
    const { id, environment } = product;
    Object.assign(one.call, { productId: id, environment });
    return { product, holder: null, token };
  }
  const holder = await parts.keys.holder(token.subscriptionId);
  if (!holder) return refusal('token_revoked');
  return standingOf(holder, one) ?? { product, holder, token };
}

/** A token for this very product. */
async function tokenFor(
  product: CalledProduct,
  parts: JudgeParts,
  one: Case,
): Promise<CountingToken | Refused> {
  const token = await countingToken(parts, one);
  if ('allowed' in token) return token;
  if (token.environment !== product.environment) return refusal('key_wrong_environment');
  return token.productId === product.id ? token : refusal('token_other_product');
}

async function countingToken(
  { tokens }: JudgeParts,
  { asked, call }: Case,
): Promise<CountingToken | Refused> {
  const bearer = bearerOf(asked);
  if (bearer === undefined) return refusal('token_missing');
  if (bearer === '') return refusal('token_malformed');
  const found = tokens.find(bearer);
  const token = found instanceof Promise ? await found : found;
  if (isFault(token)) return refusal(token.fault, { detail: token.detail });
  call.clientId = token.clientId;
  call.testUser = token.testUser;
  return token;
}
