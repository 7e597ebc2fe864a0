import { isFault } from '../oauth/token-check.ts';
import type { Limits } from '../usage/limits.ts';
import type { Allowance } from '../usage/purse.ts';
import { bearerOf, keyOf } from './asked.ts';
import type { Case } from './case.ts';
import type { Catalogue, OpenedApi } from './catalogue.ts';
import type { CalledProduct, HeldKey, Holder } from './catalogue-store.ts';
import type { Keys } from './keys.ts';
import { isPending, type Pending } from './pending.ts';
import { permissionOf } from './permission.ts';
import type { CountingToken, Tokens } from './tokens.ts';
import { type Refused, refusal, type Verdict } from './verdict.ts';

export type JudgeParts = { keys: Keys; tokens: Tokens; limits: Pick<Limits, 'take'> };

/** Whose call it is, and through which product. Null: nobody's, or none was shown. */
type Shown = { product: CalledProduct; holder: Holder | null; token: CountingToken | null };

/**
 * By the call's key and token, then by what they may do, and only then by what they have left.
 * @returns a promise only where a share of a limit must be fetched: then nothing else is open.
 */
export function judge(
  parts: JudgeParts,
  one: Case,
  api: OpenedApi,
): Verdict | Pending | Promise<Verdict> {
  const shown = identify(parts, one, api);
  if (isPending(shown) || 'allowed' in shown) return shown;
  const { product, token } = shown;
  const openings = one.openings.filter((opening) => opening.product === product);
  const operation = permissionOf(one.asked, openings, token?.granted ?? null);
  if (typeof operation !== 'string') return operation;
  one.call.operation = operation;

  const allowance = allowanceFor(shown, parts);
  return allowance instanceof Promise
    ? allowance.then((given) => verdictBy(given, shown))
    : verdictBy(allowance, shown);
}

function verdictBy({ exceeded, retryAfter, policies }: Allowance, shown: Shown): Verdict {
  const { product, holder, token } = shown;
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
      scope: token?.granted.text ?? '',
      testUser: token ? String(token.testUser) : '',
      environment: product.environment,
    },
  };
}

const unlimited: Allowance = { exceeded: null, retryAfter: 0, policies: [] };

/** Calls of one team by one product count together, and so do those of one first-party client. */
function allowanceFor(
  { product, holder, token }: Shown,
  { limits }: JudgeParts,
): Allowance | Promise<Allowance> {
  const { id, rate, quota } = product;
  if (!rate && !quota) return unlimited;
  const limitedAs = holder?.limitedAs ?? `client:${token?.clientId}:${id}`;
  return limits.take({ id: limitedAs, anchor: holder?.countedFrom ?? 0, rate, quota });
}

function identify(parts: JudgeParts, one: Case, api: OpenedApi): Shown | Refused | Pending {
  const { asked, openings } = one;
  const takesKeys = openings.some(({ product }) => product.credentials !== 'token');
  const key = takesKeys || openings.length === 0 ? keyOf(asked, api) : undefined;
  if (key === undefined) return byToken(parts, one);

  const held = heldBy(key, parts, one);
  if (isPending(held) || 'allowed' in held) return held;
  const opening = openings.find(({ product }) => product.id === held.productId);
  if (!opening) return notOpened(held, one);
  const { product } = opening;
  if (product.credentials === 'key') return { product, holder: held, token: null };
  const token = tokenFor(product, parts, one);
  if (isPending(token) || 'allowed' in token) return token;
  if (token.subscriptionId !== null && token.subscriptionId !== held.subscriptionId) {
    return refusal('token_not_of_subscription');
  }
  return { product, holder: held, token };
}

/** What the key opens, where it and its subscription hold. */
function heldBy(key: string, { keys }: JudgeParts, one: Case): HeldKey | Refused | Pending {
  const held = keys.find(key, one.asOf);
  if (held === undefined) return refusal('key_malformed');
  if (held === null) return refusal('key_unknown');
  if (isPending(held)) return held;
  one.call.keyId = held.keyId;
  const stopped = standingOf(held, one);
  if (stopped) return stopped;
  if (held.keyEndsAt !== null && held.keyEndsAt <= one.now) return refusal('key_expired');
  return held;
}

/** Why a subscription opens nothing now; undefined: it does. */
function standingOf(holder: Holder, { call, catalogue, now }: Case): Refused | undefined {
  const { environment, teamId, productId, subscriptionId, state, endsAt } = holder;
  call.environment = environment;
  call.teamId = teamId;
  call.productId = productId;
  call.subscriptionId = subscriptionId;
  if (state !== 'active') return refusal('subscription_inactive', { detail: `It is ${state}.` });
  if (endsAt !== null && endsAt <= now) {
    return refusal('subscription_inactive', { detail: 'It is expired.' });
  }
  return stoppedBy(catalogue, { team: teamId, product: productId, environment });
}

/** The kill switch. */
function stoppedBy(
  catalogue: Catalogue,
  things: { team?: string; product: string; environment: string },
): Refused | undefined {
  const kinds = ['team', 'product', 'environment'] as const;
  const kind = kinds.find((one) => catalogue.isStopped({ kind: one, id: things[one] ?? '' }));
  return kind && refusal('suspended', { detail: `It is the ${kind}.` });
}

const notOpened = ({ productId }: Holder, { catalogue, now }: Case): Refused => {
  const product = catalogue.products.get(productId);
  const isOver = !product || (product.endsAt !== null && product.endsAt <= now);
  return refusal(isOver ? 'product_unavailable' : 'subscription_other_product');
};

/** Without a key: what the token alone may call. */
function byToken(parts: JudgeParts, one: Case): Shown | Refused | Pending {
  const { openings } = one;
  if (openings.length === 0) return refusal('product_unavailable');
  const byTokenAlone = openings.some(({ product }) => product.credentials === 'token');
  if (!byTokenAlone) return refusal('key_missing');
  const token = countingToken(parts, one);
  if (isPending(token) || 'allowed' in token) return token;

  const found = openings.find(({ product }) => product.id === token.productId);
  if (!found) return refusal('token_other_product');
  const { product } = found;
  if (product.credentials !== 'token') return refusal('key_missing');
  if (token.subscriptionId === null) return byFirstParty(product, token, one);
  const holder = parts.keys.holder(token.subscriptionId);
  if (holder === null) return refusal('token_revoked');
  if (isPending(holder)) return holder;
  return standingOf(holder, one) ?? { product, holder, token };
}

function byFirstParty(
  product: CalledProduct,
  token: CountingToken,
  { catalogue, call }: Case,
): Shown | Refused {
  const { id, environment } = product;
  call.productId = id;
  call.environment = environment;
  return stoppedBy(catalogue, { product: id, environment }) ?? { product, holder: null, token };
}

/** A token for this very product. */
function tokenFor(
  product: CalledProduct,
  parts: JudgeParts,
  one: Case,
): CountingToken | Refused | Pending {
  const token = countingToken(parts, one);
  if (isPending(token) || 'allowed' in token) return token;
  if (token.environment !== product.environment) return refusal('key_wrong_environment');
  return token.productId === product.id ? token : refusal('token_other_product');
}

function countingToken(
  { tokens }: JudgeParts,
  { asked, call }: Case,
): CountingToken | Refused | Pending {
  const bearer = bearerOf(asked);
  if (bearer === undefined) return refusal('token_missing');
  if (bearer === '') return refusal('token_malformed');
  const token = tokens.find(bearer);
  if (isPending(token)) return token;
  if (isFault(token)) return refusal(token.fault, { detail: token.detail });
  call.clientId = token.clientId;
  call.testUser = token.testUser;
  return token;
}
