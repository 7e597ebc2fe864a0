import type { Middleware } from 'koa';
import mount from 'koa-mount';
import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { TooMany } from '../base/errors.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import type { Throttle } from '../db/throttle.ts';
import type { KeptAnswers } from '../http/kept-answers.ts';
import { believeOurselves } from '../http/on-behalf.ts';
import { sameOrigin } from '../http/same-origin.ts';
import { checkTestUserPassword } from '../test-users/service.ts';
import { answerAsTold } from './behaviours.ts';
import { hideSessionFromConsoles } from './console-sessions.ts';
import type { CheckTestUser } from './grants/password.ts';
import { interactionRoutes } from './interactions.ts';
import { createProvider, publicPart } from './provider.ts';
import { type IsMemberHere, liveSignIn, sandboxSignIn, testUserName } from './sign-in.ts';
import { signingKeysOf } from './signing-keys.ts';
import { subjectsOf } from './subjects.ts';
import { createTokenCheck, type TokenCheck } from './token-check.ts';
import { note, noteEvents, type RecordAct, writeTrail } from './trail.ts';

export type IssuersParts = {
  pool: pg.Pool;
  keyring: Keyring;
  passwords: Passwords;
  /** The public origin; both issuers hang below it. */
  baseUrl: string;
  throttle: Throttle;
  keysAt: KeysAt;
  kept?: KeptAnswers;
  secondFactorThrottle: Throttle;
  /** Hears of what broke inside the library, which answers `server_error` to the caller. */
  onServerError: (error: unknown) => void;
  record: RecordAct;
  isMemberHere?: IsMemberHere;
};

export type Issuer = {
  environment: Environment;
  provider: Provider;
  middleware: Middleware[];
  /** For those who take its access tokens. */
  tokens: TokenCheck;
};

/** How late a slow test user is answered, and how many at once wait for it. */
const slowness = { ms: 10_000, atOnce: 50 };

/** One factory, called twice. What differs is what each is given: the live one gets no test users. */
export async function createIssuer(parts: IssuersParts, environment: Environment): Promise<Issuer> {
  const { pool, keyring, baseUrl, throttle } = parts;
  const findSubject = subjectsOf(pool, environment);
  const sandbox = environment === 'sandbox';
  const signingKeys = await signingKeysOf(pool, keyring, environment);
  const provider = createProvider({
    environment,
    baseUrl,
    pool,
    signingKeys,
    cookieKeys: keyring.cookieKeys,
    findSubject,
    keysAt: parts.keysAt,
    kept: parts.kept,
    checkTestUser: sandbox ? throttledCheck({ pool, keyring, throttle, findSubject }) : null,
  });
  provider.on('server_error', (_ctx, error) => parts.onServerError(error));
  noteEvents(provider);

  const interactions = interactionRoutes({
    environment,
    provider: () => provider,
    pool,
    keyring,
    secondFactorThrottle: parts.secondFactorThrottle,
    https: baseUrl.startsWith('https:'),
    findSubject,
    signIn: sandbox ? sandboxSignIn(parts) : liveSignIn(parts),
  });
  const ownForms = onlyUnder(`/${environment}/interaction`, sameOrigin({ origin: baseUrl }));
  const middleware = [
    ...(sandbox ? [believeOurselves(keyring), answerAsTold(slowness)] : []),
    writeTrail(environment, parts.record),
    ownForms,
    interactions.routes() as Middleware, // the router's own context is a Koa context with more in it
    wellKnownAtTheRoot(environment),
    hideSessionFromConsoles(provider, environment),
    withFreeForms(environment, mount(`/${environment}`, provider as never)),
  ];
  const { issuer } = provider;
  const publicKeys = signingKeys.map(publicPart);
  const tokens = createTokenCheck({ pool, environment, issuer, publicKeys, findSubject });
  return { environment, provider, middleware, tokens };
}

/** RFC 8414 section 3.1 puts the issuer's path behind the well-known one; OpenID Discovery before it. */
function wellKnownAtTheRoot(environment: Environment): Middleware {
  const form = new RegExp(
    `^/\\.well-known/(oauth-authorization-server|openid-configuration)/${environment}$`,
  );
  return (ctx, next) => {
    const name = form.exec(ctx.path)?.[1];
    if (name) ctx.path = `/${environment}/.well-known/${name}`;
    return next();
  };
}

/**
 * The library's own pages post themselves to the client (`response_mode=form_post`) or by way of
 * us to it (signing out), which `form-action 'self'` would stop.
 */
const withFreeForms =
  (environment: Environment, provider: Middleware): Middleware =>
  (ctx, next) => {
    const policy = ctx.response.get('Content-Security-Policy');
    if (policy && ctx.path.toLowerCase().startsWith(`/${environment}/`)) {
      const kept = policy.split(';').filter((part) => !part.trim().startsWith('form-action'));
      ctx.set('Content-Security-Policy', kept.join(';'));
    }
    return provider(ctx, next);
  };

const onlyUnder =
  (prefix: string, middleware: Middleware): Middleware =>
  (ctx, next) =>
    ctx.path.toLowerCase().startsWith(`${prefix}/`) ? middleware(ctx, next) : next();

type CheckParts = Pick<IssuersParts, 'pool' | 'keyring' | 'throttle'> & {
  findSubject: ReturnType<typeof subjectsOf>;
};

/** The password grant's way in; its attempts are counted with those of the sign-in page. */
function throttledCheck({ pool, keyring, throttle, findSubject }: CheckParts): CheckTestUser {
  return async (ctx, given) => {
    const name = testUserName(given.teamId, given.username);
    const { clientId, clientAuthMethod } = ctx.oidc.client;
    // anybody can give a public client's name, and would use up what is its own
    const shown = clientAuthMethod !== 'none' && { client: clientId };
    const who = { name, address: ctx.ip, ...shown };
    await throttle.attempt(who).catch(asTooManyRequests(ctx));
    const testUser = await checkTestUserPassword(pool, keyring, given);
    if (!testUser) return failed(ctx, 'wrong username or password');
    await throttle.succeeded(who);
    return findSubject(testUser.id);
  };
}

function failed(ctx: TokenEndpointGrantContext, reason: string): undefined {
  const actor = { kind: 'client', id: ctx.oidc.client.clientId } as const;
  note(ctx, { actor, action: 'sign_in.failed', reason, detail: { by: 'password grant' } });
}

/** 429 with Retry-After, not 400: a program that is told to wait can do so. */
const asTooManyRequests = (ctx: TokenEndpointGrantContext) => (error: unknown) => {
  if (!(error instanceof TooMany)) throw error;
  if (error.first) failed(ctx, 'too many attempts'); // or whoever is refused could fill the trail
  ctx.set('Retry-After', String(error.retryAfter));
  const refusal = new errors.CustomOIDCProviderError('temporarily_unavailable', error.message);
  throw Object.assign(refusal, { status: 429, statusCode: 429 });
};
