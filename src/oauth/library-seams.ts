/**
 * What leans on corners of oidc-provider that its documentation does not promise. The version is
 * pinned exactly; test/oauth/library-seams.test.ts names each seam and fails when one gives way.
 */
import * as helpers from 'oidc-provider/lib/helpers/grants.js';
import {
  type AccessToken,
  type Client,
  errors,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import { recordOf, secretMatches } from './client-metadata.ts';

/** The helpers that the library's own grants are made of ("not covered by semantic versioning"). */
export const grantHelpers = helpers;

/** Keeps the session of this request from being written, row and cookie both. Untyped. */
export function forgetSession(ctx: KoaContextWithOIDC): void {
  (ctx.oidc.session as unknown as { destroyed: boolean }).destroyed = true;
}

/** Secrets are kept as digests, and two may be live. `compareClientSecret` is typed and awaited. */
export function compareDigestedSecrets(provider: Provider): void {
  Object.assign(provider.Client.prototype, {
    async compareClientSecret(this: Client, given: string): Promise<boolean> {
      return secretMatches(recordOf(this), given);
    },
  });
}

/**
 * The library asks `grantTypeAllowed` on the token route right after it authenticated the client:
 * the one moment to refuse a client whose subscriptions are gone, without telling strangers, and to
 * use RFC 6749's word for a grant that the client may not use.
 */
export function refuseUnusableClients(provider: Provider): void {
  const allowed = provider.Client.prototype.grantTypeAllowed;
  provider.Client.prototype.grantTypeAllowed = function grantTypeAllowed(this: Client, type) {
    const yes = allowed.call(this, type);
    const oidc = Provider.ctx?.oidc;
    const isTheQuestion =
      oidc?.route === 'token' && oidc.client === this && oidc.params?.grant_type === type;
    if (!isTheQuestion) return yes;
    if (!recordOf(this).usable) throw unusable();
    if (!yes) throw new errors.UnauthorizedClient('This application may not use this grant type.');
    return yes;
  };
}

/** RFC 6749 section 5.2: 401 `invalid_client`. */
export const unusable = (): Error =>
  Object.assign(new errors.InvalidClientAuth('no active subscription'), {
    error_description: 'This application has no active subscription.',
  });

/**
 * Access tokens are JWTs and stored nowhere. The userinfo endpoint looks its token up by
 * `AccessToken.find`: here it finds what `read` made of the JWT.
 */
export function findStructuredTokens(
  provider: Provider,
  read: (value: string) => Promise<StructuredToken | undefined>,
): void {
  Object.assign(provider.AccessToken, {
    async find(value: unknown): Promise<AccessToken | undefined> {
      const token = typeof value === 'string' ? await read(value) : undefined;
      if (!token) return undefined;
      // Typed for new tokens only; the constructor takes whatever a stored payload may hold.
      type Input = ConstructorParameters<Provider['AccessToken']>[0];
      return new provider.AccessToken(token as unknown as Input);
    },
  });
}

/** An access token about a subject, as the library's model wants it. */
export type StructuredToken = {
  jti: string;
  accountId: string; // oidc-provider's word for the subject
  clientId: string;
  grantId: string;
  scope: string;
  iat: number;
  exp: number;
};

/** What the library could not describe better is said here, by the detail it keeps to itself. */
const words: Readonly<Record<string, string>> = {
  'authorization code not found': 'This code is unknown or has expired. Start the authorization again.',
  'authorization code is expired': 'This code has expired: it lives for 60 seconds. Start the authorization again.',
  'authorization code already consumed': 'This code was used before. What it gave was withdrawn; start the authorization again.',
  'authorization code redirect_uri mismatch': 'redirect_uri is not the one that the authorization request had, letter for letter.',
  'already used': 'This was used before. What it gave was withdrawn; start again.',
  'refresh token not found': 'This refresh token is unknown, withdrawn or expired. Ask for a new authorization.',
  'refresh token is expired': 'This refresh token has expired. Ask for a new authorization.',
  'refresh token already used': 'This refresh token was used before. All tokens of its family were withdrawn; ask for a new authorization.',
  'grant not found': 'What this was given for was withdrawn. Ask for a new authorization.',
  'grant is expired': 'The authorization has expired. Ask for a new one.',
  'client mismatch': 'This was given to another application.',
  'code_verifier must be provided': 'code_verifier is missing: the authorization request had a code_challenge (RFC 7636).',
  'code_verifier does not match code_challenge': 'code_verifier does not fit the code_challenge of the authorization request.',
};

/** Replaces the library's one sentence for every `invalid_grant` by one that says what to do. */
export function speakPlainly(provider: Provider): void {
  provider.on('grant.error', (ctx, error) => {
    const say = words[error.error_detail ?? ''];
    const body = ctx.body as { error_description?: string } | undefined;
    if (say && body?.error_description) body.error_description = say;
  });
}
