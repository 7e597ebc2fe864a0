import { createLocalJWKSet, decodeJwt, errors, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { scopesOf } from '../base/scopes.ts';
import { digest } from '../base/secrets.ts';
import type { ClientProduct, ClientRecord } from '../clients/client.ts';
import { findClient } from '../clients/store.ts';
import type { Reason } from '../usage/reason.ts';
import { productByAudience } from './client-metadata.ts';
import { scopesForRole } from './resources.ts';
import { findTokenLife } from './store.ts';
import { type FindSubject, takes } from './subjects.ts';

/** What our access tokens say: docs/protocol.md. */
export type Claims = JWTPayload & {
  jti: string;
  exp: number;
  client_id: string;
  scope?: string;
  gid?: string;
  oidc_scope?: string;
  test_user?: boolean;
};

/** Why a token does not count. */
export type Fault = { fault: Extract<Reason, `token_${string}`>; detail: string };
export const isFault = (result: object): result is Fault => 'fault' in result;

/** What still holds of a token, beside its claims. */
export type Standing = {
  product: ClientProduct;
  /** Of the token's, those that are still to be had. */
  scopes: string[];
  /** When its grant ends, in milliseconds. Null: the token ends first, or it has none. */
  endsAt: number | null;
};

export type TokenCheck = {
  environment: Environment;
  issuer: string;
  /** What the token itself shows: signature, issuer, form and life. Asks nobody. */
  read(token: string): Promise<Claims | Fault>;
  /** What the database says of it now. */
  stand(claims: Claims): Promise<Standing | Fault>;
};

type Parts = {
  pool: pg.Pool;
  environment: Environment;
  issuer: string;
  publicKeys: JWK[];
  findSubject: FindSubject;
};

/** Whether access tokens of one issuer count; introspection and verify both ask here. */
export function createTokenCheck(parts: Parts): TokenCheck {
  const { pool, environment, issuer, findSubject } = parts;
  const keys = createLocalJWKSet({ keys: parts.publicKeys });
  return {
    environment,
    issuer,
    read: (token) => readToken(token, issuer, keys),
    async stand(claims) {
      const life = await lifeOf(claims, { pool, environment });
      if (!life.alive) return { fault: 'token_revoked', detail: '' };
      const client = await findClient(pool, environment, claims.client_id);
      if (!client) return { fault: 'token_client_stopped', detail: 'The application is gone.' };
      const entitled = await entitlementOf(claims, client, findSubject);
      return isFault(entitled) ? entitled : { ...entitled, endsAt: life.endsAt };
    },
  };
}

/** Who a token says it is of, before anything of it is proven; undefined where it cannot be read. */
export function issuerIn(token: string): string | undefined {
  try {
    return String(decodeJwt(token).iss);
  } catch {
    return undefined;
  }
}

/** Whether the token itself and its grant are there still. */
export function lifeOf(
  claims: Claims,
  { pool, environment }: Pick<Parts, 'pool' | 'environment'>,
): Promise<{ alive: boolean; endsAt: number | null }> {
  const grantKey = claims.gid ? digest(claims.gid) : null;
  return findTokenLife(pool, { environment, jti: claims.jti, grantKey });
}

async function readToken(
  token: string,
  issuer: string,
  keys: ReturnType<typeof createLocalJWKSet>,
): Promise<Claims | Fault> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      algorithms: ['RS256', 'ES256'],
      requiredClaims: ['jti', 'exp', 'client_id', 'aud'],
    });
    // A product may choose `typ: JWT` for its tokens; an ID token has no `client_id` and ends above.
    if (['at+jwt', 'JWT'].includes(protectedHeader.typ ?? '')) return payload as Claims;
    return { fault: 'token_malformed', detail: 'Its type is not that of an access token.' };
  } catch (error) {
    return faultOf(error);
  }
}

/** In the words of jose's errors; whatever else it is, the token does not count. */
function faultOf(error: unknown): Fault {
  if (error instanceof errors.JWTExpired) {
    const ended = new Date(Number(error.payload.exp) * 1000);
    const when = Number.isNaN(ended.getTime()) ? '' : `It ended ${ended.toISOString()}.`;
    return isIdToken(error.payload)
      ? { fault: 'token_id_token', detail: '' }
      : { fault: 'token_expired', detail: when };
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (isIdToken(error.payload)) return { fault: 'token_id_token', detail: '' };
    if (error.claim === 'iss') return { fault: 'token_wrong_issuer', detail: '' };
    return { fault: 'token_malformed', detail: `Its claim ${error.claim} does not hold.` };
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return { fault: 'token_forged', detail: 'alg' };
  }
  if (error instanceof errors.JWKSNoMatchingKey) return { fault: 'token_forged', detail: 'kid' };
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return { fault: 'token_forged', detail: 'signature' };
  }
  return { fault: 'token_malformed', detail: '' };
}

/** An access token names its client, an ID token does not: OpenID Connect Core section 2. */
const isIdToken = (payload: JWTPayload): boolean =>
  payload.client_id === undefined && payload.sub !== undefined && payload.aud !== undefined;

/**
 * What still holds of the claims: the client's own, of a product that a subscription of it still
 * opens, about a subject whom the product still takes, in the scopes that the role still has.
 */
export async function entitlementOf(
  claims: Claims,
  client: ClientRecord,
  findSubject: FindSubject,
): Promise<{ product: ClientProduct; scopes: string[] } | Fault> {
  const product = productByAudience(client, String(claims.aud));
  if (claims.client_id !== client.id || !client.usable || !product) {
    return { fault: 'token_client_stopped', detail: '' };
  }
  const scopes = scopesOf(claims.scope);
  if (!claims.gid) return { product, scopes }; // a client's own, about nobody
  const subject = await findSubject(String(claims.sub));
  if (!subject || !takes(product, subject)) {
    return { fault: 'token_revoked', detail: 'Whom it is about may not use this product now.' };
  }
  return { product, scopes: scopesForRole(product, subject.role, scopes) };
}
