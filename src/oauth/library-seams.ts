/**
 * What leans on corners of oidc-provider that its documentation does not promise. The version is
 * pinned exactly; test/oauth/library-seams.test.ts names each seam and fails when one gives way.
 */

import {
  type AccessToken,
  type Client,
  errors,
  type Grant,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import * as helpers from 'oidc-provider/lib/helpers/grants.js';
import { type LiveSecret, matchingSecret, recordOf } from './client-metadata.ts';

/** The helpers that the library's own grants are made of ("not covered by semantic versioning"). */
export const grantHelpers = helpers;

/** Keeps the session of this request from being written, row and cookie both. Untyped. */
export function forgetSession(ctx: KoaContextWithOIDC): void {
  (ctx.oidc.session as unknown as { destroyed: boolean }).destroyed = true;
}

/** The id that this request's session had before `resetIdentifier` gave it another. Untyped. */
export const formerSessionId = (): string | undefined =>
  (Provider.ctx?.oidc.session as { oldId?: string } | undefined)?.oldId;

/**
 * For the client of this request, whose session cannot be written back. The library writes after
 * its answer is made, with the code in it, and would try again after the error's.
 */
export function signedOutMeanwhile(): Error {
  const { ctx } = Provider;
  if (ctx) forgetSession(ctx);
  return new errors.LoginRequired('You were signed out meanwhile.');
}

/** Takes the session's cookie out of this answer: the library sets it before it writes the session. */
export function keepSessionCookieBack(): void {
  const { ctx } = Provider;
  if (!ctx) return;
  const name = ctx.oidc.provider.cookieName('session');
  const all = [ctx.response.get('Set-Cookie') ?? []].flat();
  const kept = all.filter((one) => !one.startsWith(`${name}=`) && !one.startsWith(`${name}.sig=`));
  ctx.set('Set-Cookie', kept);
}

/** Lets a grant remember which audiences its subject was asked about: `IN_PAYLOAD` is a typed static. */
export function rememberAudiences(provider: Provider): void {
  const kept = [...provider.Grant.IN_PAYLOAD, 'audiences'];
  Object.defineProperty(provider.Grant, 'IN_PAYLOAD', { get: () => kept });
}

export const audiencesOf = (grant: Grant | undefined): readonly string[] =>
  (grant as (Grant & { audiences?: string[] }) | undefined)?.audiences ?? [];

export const addAudience = (grant: Grant, audience: string): void =>
  void Object.assign(grant, { audiences: [...new Set([...audiencesOf(grant), audience])] });

/**
 * Lets a session remember which password began it: `IN_PAYLOAD` again. The result of a sign-in is
 * ours to shape, and `interaction.ended` is the first moment at which the session knows of it.
 */
export function rememberPasswords(provider: Provider): void {
  const kept = [...provider.Session.IN_PAYLOAD, 'passwordAsOf'];
  Object.defineProperty(provider.Session, 'IN_PAYLOAD', { get: () => kept });
  provider.on('interaction.ended', (ctx) => {
    const login = ctx.oidc.result?.login as { passwordAsOf?: string } | undefined;
    if (login) Object.assign(ctx.oidc.session ?? {}, { passwordAsOf: login.passwordAsOf });
  });
}

export const passwordOf = (ctx: KoaContextWithOIDC): string | undefined =>
  (ctx.oidc.session as { passwordAsOf?: string } | undefined)?.passwordAsOf;

/**
 * Secrets are kept as digests, and two may be live. `compareClientSecret` is typed and awaited;
 * `noteUse` hears of each secret that was right.
 */
export function compareDigestedSecrets(
  provider: Provider,
  noteUse: (clientId: string, secret: LiveSecret) => Promise<void>,
): void {
  Object.assign(provider.Client.prototype, {
    async compareClientSecret(this: Client, given: string): Promise<boolean> {
      const secret = matchingSecret(recordOf(this), given);
      if (secret) await noteUse(this.clientId, secret);
      return secret !== undefined;
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
      const inForm = Provider.ctx?.oidc.route === 'userinfo' && !Provider.ctx.get('authorization');
      if (inForm || typeof value !== 'string') return undefined; // by header only (RFC 6750 section 2.1)
      const token = await read(value);
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

/** What the library could say better, by the detail it keeps to itself, else by its own sentence or code. */
const words: Readonly<Record<string, string>> = {
  'authorization code not found':
    'This code is unknown or has expired. Start the authorization again.',
  'authorization code is expired':
    'This code has expired: it lives for 60 seconds. Start the authorization again.',
  'authorization code already consumed':
    'This code was used before. What it gave was withdrawn; start the authorization again.',
  'authorization code redirect_uri mismatch':
    'redirect_uri is not the one that the authorization request had, letter for letter.',
  'already used': 'This was used before. What it gave was withdrawn; start again.',
  'refresh token not found':
    'This refresh token is unknown, withdrawn or expired. Ask for a new authorization.',
  'refresh token is expired': 'This refresh token has expired. Ask for a new authorization.',
  'refresh token already used':
    'This refresh token was used before. All tokens of its family were withdrawn; ask for a new authorization.',
  'refresh token missing requested scope':
    'A refresh cannot ask for a scope that the authorization did not give.',
  'refresh token missing requested scopes':
    'A refresh cannot ask for scopes that the authorization did not give.',
  'grant not found': 'What this was given for was withdrawn. Ask for a new authorization.',
  'grant is expired': 'The authorization has expired. Ask for a new one.',
  'client mismatch': 'This was given to another application.',
  'code_verifier must be provided':
    'code_verifier is missing: the authorization request had a code_challenge (RFC 7636).',
  'code_verifier does not match code_challenge':
    'code_verifier does not fit the code_challenge of the authorization request.',
  'resource indicator is missing, or unknown':
    'No active subscription of this application is for this resource.',
  'client authentication failed':
    'The client_id is unknown, its secret or key is wrong, or it is registered for another way to authenticate.',
  'no client authentication mechanism provided':
    'Say which application this is: client_id and client_secret by HTTP Basic or in the form, or a client_assertion.',
  'client authentication must only be provided using one mechanism':
    'Send credentials in one way only: by HTTP Basic, in the form, or as a client_assertion.',
  'client_id mismatch': 'client_id in the form is not the one that the credentials are for.',
  'invalid authorization header value format':
    'The Authorization header must be Basic and the base64 of client_id:client_secret.',
  'client_secret must be provided in the Authorization header':
    'HTTP Basic needs a client_secret. An application without one sends its client_id in the form.',
  'failed to parse the request body': 'The form could not be read, or it is larger than 56 kB.',
  'unsupported grant_type requested':
    'This server does not have this grant_type: its metadata lists those that it has.',
  'unsupported response_type requested':
    'Only response_type=code is supported: use the authorization code grant with PKCE.',
  'not supported value of code_challenge_method': 'code_challenge_method must be S256.',
  'code_challenge_method must be provided': 'code_challenge_method is missing: it must be S256.',
  'Authorization Server policy requires PKCE to be used for this request':
    'code_challenge is missing: PKCE with S256 (RFC 7636) is required.',
  'End-User authentication is required':
    'Nobody is signed in here, and prompt=none does not let us ask.',
  request_not_supported: 'The request parameter is not supported: send the parameters themselves.',
  request_uri_not_supported:
    'The request_uri parameter is not supported: send the parameters themselves.',
  registration_not_supported: 'The registration parameter is not supported: register beforehand.',
};

const say = (error: Described): string | undefined => {
  const { error_detail: detail = '', error_description: sentence = '' } = error;
  if (sentence.startsWith('origin ')) {
    return 'Browser pages of this origin may not use this application: allow the origin in its settings.';
  }
  if (sentence.startsWith('only application/')) {
    return 'Send a form: the Content-Type must be application/x-www-form-urlencoded.';
  }
  return words[detail] ?? words[sentence] ?? (sentence ? undefined : words[error.error]);
};

type Described = { error: string; error_description?: string; error_detail?: string };

/** Replaces the library's sentences by ones that say what to do, in JSON and in redirects alike. */
export function speakPlainly(provider: Provider): void {
  const inBody = (ctx: KoaContextWithOIDC, error: Described) => {
    const body = ctx.body as { error_description?: string } | undefined;
    if (body?.error_description) body.error_description = say(error) ?? body.error_description;
  };
  provider.on('grant.error', inBody);
  provider.on('introspection.error', inBody);
  provider.on('revocation.error', inBody);

  const refused = new WeakMap<object, Described>();
  provider.on('authorization.error', (ctx, error) => refused.set(ctx.oidc, error));
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next();
    const error = refused.get(ctx.oidc);
    const sentence = error && say(error);
    const location = ctx.response.get('Location');
    if (!sentence || !location) return;
    const { error: code, error_description } = error;
    const before = String(
      new URLSearchParams(error_description ? { error_description } : { error: code }),
    );
    const after = String(new URLSearchParams({ error_description: sentence }));
    ctx.set('Location', location.replace(before, error_description ? after : `${before}&${after}`));
  });
}
