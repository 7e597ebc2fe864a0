import type { JWK } from 'jose';
import { type Configuration, errors, Provider } from 'oidc-provider';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import type { KeysAt } from '../clients/remote-keys.ts';
import type { KeptAnswers } from '../http/kept-answers.ts';
import { adapterFor } from './adapter.ts';
import { findClientMetadata, secretUses } from './client-keys.ts';
import {
  isConsole,
  oidcScopes,
  originAllowed,
  recordOf,
  recordProperty,
} from './client-metadata.ts';
import { loadGrant } from './consent.ts';
import { keepConsolesSessionless } from './console-sessions.ts';
import { documentsFromMemory } from './documents.ts';
import { type CheckTestUser, registerPasswordGrant } from './grants/password.ts';
import {
  compareDigestedSecrets,
  refuseUnusableClients,
  rememberAudiences,
  rememberPasswords,
  speakPlainly,
} from './library-seams.ts';
import { refuseOtherMethods } from './methods.ts';
import { loggedOutPage, logoutPage, renderError } from './pages.ts';
import { interactionTtl, interactionUrl, prompts } from './prompts.ts';
import {
  accessTokenTtl,
  checkAuthorizationScope,
  defaultResource,
  resourceServerInfo,
  rotateAlways,
} from './resources.ts';
import { isOwnAndHolds, understandStructuredTokens } from './structured-tokens.ts';
import { asOidcAccount, type FindSubject } from './subjects.ts';
import { chooseTokenType, tokenClaims } from './token-claims.ts';

export type IssuerParts = {
  environment: Environment;
  /** The public origin; the issuer hangs below it. */
  baseUrl: string;
  pool: pg.Pool;
  /** Private, the signing one of each algorithm first. */
  signingKeys: JWK[];
  cookieKeys: readonly string[];
  findSubject: FindSubject;
  /** Left out: clients have no keys but those that stand with them. */
  keysAt?: KeysAt;
  /** Left out: discovery and keys are given by the provider alone. */
  kept?: KeptAnswers;
  /** Null: this issuer has no password grant. */
  checkTestUser: CheckTestUser | null;
};

/** Seconds. */
const hour = 3600;
const day = 24 * hour;
export const codeTtl = 60;

/** One issuer, whole: every override and listener belongs to this one Provider and goes with it. */
export function createProvider(parts: IssuerParts): Provider {
  const { environment, baseUrl, pool } = parts;
  const provider = construct(`${baseUrl}/${environment}`, configuration(parts));

  rememberAudiences(provider);
  rememberPasswords(provider);
  compareDigestedSecrets(provider, secretUses(pool));
  refuseUnusableClients(provider);
  speakPlainly(provider);
  keepConsolesSessionless(provider, environment);
  if (parts.checkTestUser) registerPasswordGrant(provider, parts.checkTestUser);
  provider.use(refuseOtherMethods());
  provider.use(documentsFromMemory(parts.kept));
  understandStructuredTokens(provider, {
    pool,
    environment,
    publicKeys: parts.signingKeys.map(publicPart),
    findSubject: parts.findSubject,
  });
  return provider;
}

/** The library's constructor puts a private key that it refuses into the error's `cause`. */
function construct(issuer: string, settings: Configuration): Provider {
  try {
    return new Provider(issuer, settings);
  } catch (error) {
    throw new Error((error as Error).message);
  }
}

export function publicPart(key: JWK): JWK {
  const { kty, n, e, crv, x, y, kid, alg, use } = key;
  return { kty, n, e, crv, x, y, kid, alg, use };
}

function configuration(parts: IssuerParts): Configuration {
  const { environment, pool, findSubject, keysAt } = parts;
  const findMetadata = (id: string) => findClientMetadata({ pool, environment, keysAt }, id);
  return {
    adapter: adapterFor(pool, environment, findMetadata),
    jwks: { keys: parts.signingKeys as NonNullable<Configuration['jwks']>['keys'] },
    cookies: cookies(parts),
    findAccount: async (_ctx, sub) => {
      const subject = await findSubject(sub);
      return subject && asOidcAccount(subject);
    },
    scopes: [...oidcScopes],
    claims,
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt'],
    assertJwtClientAuthClaimsAndHeader: refuseLongAssertions,
    // browsers name their origin on our own pages too, where tools ask with anybody's application
    clientBasedCORS: (_ctx, origin, client) =>
      origin === new URL(parts.baseUrl).origin || originAllowed(recordOf(client), origin),
    extraClientMetadata: { properties: [recordProperty] },
    extraParams: { scope: checkAuthorizationScope },
    extraTokenClaims: (ctx, token) => tokenClaims(environment, ctx, token),
    formats: { customizers: { jwt: chooseTokenType } },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false }, // off and unadvertised until they hold everywhere, userinfo included
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => isOwnAndHolds(token, client, findSubject),
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource,
        getResourceServerInfo: resourceServerInfo,
        useGrantedResource: () => true, // or `openid` among the scopes would cost the API its token
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: logoutPage,
        postLogoutSuccessSource: loggedOutPage,
      },
    },
    interactions: {
      policy: prompts(),
      url: (ctx, { uid }) => interactionUrl(environment, ctx, uid),
    },
    loadExistingGrant: loadGrant,
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    issueRefreshToken: (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (isConsole(client) || source.scopes.has('offline_access')),
    rotateRefreshToken: rotateAlways,
    expiresWithSession: (ctx, source) =>
      !isConsole(ctx.oidc.client) && !source.scopes.has('offline_access'),
    ttl: {
      AuthorizationCode: codeTtl,
      AccessToken: accessTokenTtl,
      ClientCredentials: accessTokenTtl,
      IdToken: hour,
      Interaction: interactionTtl,
      Grant: 90 * day,
      // Rotation keeps the first issue's time, so the family ends 30 days after it.
      RefreshToken: (_ctx, token) => atLeastOne((token.iiat ?? now()) + 30 * day - now()),
      Session: (_ctx, session) =>
        atLeastOne(Math.min(2 * hour, (session.loginTs ?? now()) + 12 * hour - now())),
    },
    clockTolerance: 5,
    renderError,
  };
}

/** A `jti` is remembered until its assertion expires, so that may not be never (RFC 7523 section 3). */
const refuseLongAssertions: Configuration['assertJwtClientAuthClaimsAndHeader'] = (
  _ctx,
  claims,
) => {
  if (Number.isSafeInteger(claims.exp) && Number(claims.exp) <= now() + hour) return;
  throw new errors.InvalidClientAuth('the assertion must expire within an hour');
};

const now = (): number => Math.floor(Date.now() / 1000);
const atLeastOne = (seconds: number): number => Math.max(1, seconds);

const claims: Configuration['claims'] = {
  openid: ['sub', 'amr'], // whether a second factor was shown (RFC 8176), for clients that need one
  profile: [
    'name',
    'given_name',
    'family_name',
    'preferred_username',
    'birthdate',
    'gender',
    'locale',
    'zoneinfo',
    'picture',
    'website',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
};

/** `__Host-` and `__Secure-` need https; on plain http browsers would refuse them. */
function cookies({ environment, baseUrl, cookieKeys }: IssuerParts): Configuration['cookies'] {
  const https = baseUrl.startsWith('https:');
  return {
    keys: [...cookieKeys],
    names: {
      session: `${https ? '__Host-' : ''}sg_${environment}_session`,
      interaction: `${https ? '__Secure-' : ''}sg_${environment}_interaction`,
      resume: `${https ? '__Secure-' : ''}sg_${environment}_resume`,
    },
    long: {
      httpOnly: true,
      sameSite: 'lax',
      ...(https ? { secure: true } : { path: `/${environment}` }),
    },
    short: { httpOnly: true, sameSite: 'lax', ...(https && { secure: true }) }, // no path: one per interaction
  };
}
