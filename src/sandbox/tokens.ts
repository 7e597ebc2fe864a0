import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Context } from 'koa';
import { scopesOf } from '../base/scopes.ts';
import { challenged, type IssueCode, Refusal } from './outcome.ts';

/** Who calls, as far as this API has to know. */
export type Caller = {
  readonly scopes: readonly string[];
  /** The patient whom the token was made for: the `patient` claim. */
  readonly patient: string | undefined;
  /** A client that speaks for itself: its token has its own id as subject (RFC 9068 §2.2). */
  readonly isClient: boolean;
};

export type TokenOptions = {
  /** The sandbox issuer, compared exactly with `iss`. */
  issuer: string;
  jwksUri: string;
  /** What `aud` must contain one of; asked for at every call, so a change counts at once. */
  audiences: () => Promise<readonly string[]> | readonly string[];
};

/** RFC 9068 §2.2. `scope` is not here: its absence is answered with words of its own. */
const requiredClaims = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'];

/**
 * Verifies a call's access token as RFC 9068 §4 asks of any resource server: by the issuer's
 * published keys and nothing else. So a revoked token is noticed only when it expires.
 * @throws {Refusal} 401 and 400 with a challenge (RFC 6750 §3); 503 when the keys cannot be had.
 */
export function createTokenCheck(options: TokenOptions): (ctx: Context) => Promise<Caller> {
  const { issuer, audiences } = options;
  const keys = createRemoteJWKSet(new URL(options.jwksUri));

  return async (ctx) => {
    const token = tokenOf(ctx);
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...(await audiences())],
        typ: 'at+jwt',
        algorithms: ['RS256', 'ES256'],
        requiredClaims,
      });
      return callerOf(payload);
    } catch (error) {
      throw error instanceof Refusal ? error : refusalOf(error);
    }
  };
}

/** The token of the Authorization header, the only place where it may be (RFC 6750 §2.1). */
function tokenOf(ctx: Context): string {
  if (new URLSearchParams(ctx.querystring).has('access_token')) {
    throw challenged(400, 'invalid', {
      error: 'invalid_request',
      description:
        'Send the access token in the Authorization header; this API takes none from the URL, where logs would keep it.',
    });
  }
  const [, scheme, value] = /^(\S+)(?: +(.*))?$/.exec(ctx.get('Authorization')) ?? [];
  if (scheme?.toLowerCase() !== 'bearer') {
    const words = 'This API needs an access token in the header: Authorization: Bearer <token>.';
    throw new Refusal(401, 'login', words, { challenge: {} }); // no error attribute: RFC 6750 §3.1
  }
  if (!value || !/^[A-Za-z0-9\-._~+/]+=*$/.test(value)) {
    throw challenged(400, 'invalid', {
      error: 'invalid_request',
      description: 'The Authorization header must be the word Bearer, a space and the token alone.',
    });
  }
  return value;
}

function callerOf(payload: JWTPayload): Caller {
  if (payload.env !== 'sandbox') {
    throw invalidToken('This API takes tokens of the sandbox only (claim env).');
  }
  return {
    scopes: typeof payload.scope === 'string' ? scopesOf(payload.scope) : [],
    patient: typeof payload.patient === 'string' ? payload.patient : undefined,
    isClient: payload.sub === payload.client_id,
  };
}

/** What to say when jose finds one claim or header wrong. */
const claimWords: Readonly<Record<string, string>> = {
  typ: 'This is not an access token: its typ is not at+jwt. An ID token, for example, tells an application who signed in and opens no API.',
  iss: 'This token comes from another issuer; this API takes tokens of the sandbox issuer only.',
  aud: 'This token is for another API (claim aud). Ask for a token of the product that this API belongs to.',
  nbf: 'This token is not valid yet (claim nbf).',
};

/** What to say for the other faults of a token, by the code of jose's error. */
const faultWords: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'This token has expired. Ask for a new one.',
  ERR_JWKS_NO_MATCHING_KEY:
    'This token is signed by a key that the sandbox issuer does not have; a token of the live environment, for example, is not taken here.',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'The signature of this token is wrong.',
  ERR_JOSE_ALG_NOT_ALLOWED: 'This token is signed with an algorithm other than RS256 and ES256.',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'This token does not say which key signed it (header kid).',
  ERR_JOSE_NOT_SUPPORTED: 'This token uses something of JOSE that this API does not know.',
  ERR_JWS_INVALID: 'This is not a signed JWT. Send the access token exactly as it was issued.',
  ERR_JWT_INVALID: 'This is not a JWT with claims that this API can read.',
};

/** Whatever is not known to be the token's fault is ours, and a later try may succeed. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTClaimValidationFailed) {
    const missing = `This token lacks the claim ${error.claim} or has an unusable one.`;
    return invalidToken(claimWords[error.claim] ?? missing);
  }
  const words = error instanceof errors.JOSEError ? faultWords[error.code] : undefined;
  if (words === undefined) {
    return new Refusal(503, 'transient', 'The keys to verify tokens cannot be had just now.', {
      headers: { 'Retry-After': '5' },
      cause: error,
    });
  }
  return invalidToken(words, error instanceof errors.JWTExpired ? 'expired' : 'login');
}

const invalidToken = (description: string, issue: IssueCode = 'login'): Refusal =>
  challenged(401, issue, { error: 'invalid_token', description });
