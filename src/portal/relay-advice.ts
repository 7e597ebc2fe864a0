import type { Link } from '../http/render.ts';
import { looksLikeKey } from '../subscriptions/key.ts';
import { suffice } from './api-access.ts';
import type { Operation } from './console-operation.ts';

/** One thing that stands in the way of a call, and what mends it. */
export type Advice = { check: string; message: string; link: Link | null };

type Carried = {
  operation: Operation | undefined;
  key: string | null;
  token: string;
  /** Of the product by which the call goes out. */
  audience: string;
  /** Of the environment of that product. */
  issuer: string;
  productId: string;
};

/**
 * Why an API may have refused a call, as far as we can see it from here: the API decides, so this
 * is said beside its answer and never in its place.
 */
export function adviceOn(status: number, carried: Carried): Advice[] {
  if (status !== 401 && status !== 403) return [];
  return [...aboutKey(carried), ...aboutToken(carried)];
}

const authorization: Link = { href: '#authorization', text: 'To Authorization' };

function aboutKey({ key, productId }: Carried): Advice[] {
  if (key === null) {
    const message = 'The call carried no subscription key. Choose one of yours.';
    return [{ check: 'no_key', message, link: { href: '#key', text: 'To your keys' } }];
  }
  if (looksLikeKey(key)) return [];
  const message = 'What was sent as the key is not a key of ours: it may be mistyped.';
  const link = { href: `/products/${productId}`, text: 'Your subscription to this product' };
  return [{ check: 'mistyped_key', message, link }];
}

function aboutToken({ operation, token, audience, issuer, productId }: Carried): Advice[] {
  if (token === '') {
    if (operation && operation.needs.length === 0) return [];
    const message = 'The call carried no token. Get one.';
    return [{ check: 'no_token', message, link: authorization }];
  }
  const claims = claimsOf(token);
  if (!claims)
    return [{ check: 'not_a_token', message: 'The token cannot be read.', link: authorization }];
  if (typeof claims.exp === 'number' && claims.exp * 1000 <= Date.now()) {
    return [
      {
        check: 'token_expired',
        message: 'The token has expired. Get a new one.',
        link: authorization,
      },
    ];
  }
  if (typeof claims.iss === 'string' && claims.iss !== issuer) {
    const message = `The token is of ${claims.iss}, and this API takes those of ${issuer}.`;
    return [{ check: 'wrong_environment', message, link: authorization }];
  }
  if (![claims.aud].flat().includes(audience)) {
    const message = `The token is for ${textOf(claims.aud)}, and this product is ${audience}.`;
    return [{ check: 'wrong_audience', message, link: authorization }];
  }
  return aboutScopes(operation, textOf(claims.scope).split(' '), productId);
}

function aboutScopes(
  operation: Operation | undefined,
  held: string[],
  productId: string,
): Advice[] {
  const ways = operation?.needs ?? [];
  if (suffice(held, ways)) return [];
  const message = `The token lacks a scope of this operation. It needs ${ways.map((way) => way.join(' and ')).join(', or ')}.`;
  const link = { href: `/products/${productId}`, text: 'What this product opens' };
  return [{ check: 'missing_scope', message, link }];
}

/** Somebody may have typed anything into it. */
const textOf = (claim: unknown): string =>
  typeof claim === 'string' ? claim : (JSON.stringify(claim) ?? '');

/** What a token says of itself, unchecked: nothing is decided by it. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    );
    return claims !== null && typeof claims === 'object'
      ? (claims as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
