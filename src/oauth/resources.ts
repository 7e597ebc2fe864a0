import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import { covers, scopesOf, within } from '../base/scopes.ts';
import type { ClientProduct, ClientRecord } from '../clients/client.ts';
import { refuseDenied } from './behaviours.ts';
import { isConsole, oidcScopes, productByAudience, recordOf } from './client-metadata.ts';
import { type SubjectAccount, takes } from './subjects.ts';

/** Seconds. A gateway that only reads our JWKS notices a withdrawn right within this time. */
export const accessTokenTtl = 600;

export const isOidcScope = (scope: string): boolean =>
  (oidcScopes as readonly string[]).includes(scope);
const scopeNames = (product: ClientProduct): string[] => product.scopes.map(({ scope }) => scope);

/** Asked scopes that are a product's business. */
export const apiScopes = (asked: readonly string[]): string[] =>
  asked.filter((scope) => !isOidcScope(scope));

/**
 * A token is for one product. Without a `resource` (RFC 8707) it is the only one that has all the
 * scopes asked for, else the client's default, which comes first.
 */
export function productFor(
  record: ClientRecord,
  asked: readonly string[],
): ClientProduct | undefined {
  const wanted = apiScopes(asked);
  const fitting = record.products.filter(
    (product) => within(wanted, scopeNames(product)).length === wanted.length,
  );
  return wanted.length > 0 && fitting.length === 1 ? fitting[0] : record.products[0];
}

/** What a request without `scope` asks for (RFC 6749 section 3.3). Machines have scopes of their own. */
export function defaultScopes(
  client: Client,
  product: ClientProduct,
  grantType: 'client_credentials' | 'subject',
): string[] {
  const machine = grantType === 'client_credentials';
  const ofOthers = contextOfOthers[machine ? 'machine' : 'subject'];
  const api = product.scopes.filter(({ scope, isDefault }) => isDefault && !ofOthers.test(scope));
  const withOidc = !machine && !isConsole(client) && recordOf(client).allowsOidc;
  return [...(withOidc ? ['openid', 'email'] : []), ...api.map(({ scope }) => scope)];
}

/** Contexts of SMART on FHIR: a machine has no user and no patient, and a person is no system. */
const contextOfOthers = { machine: /^(user|patient)\//, subject: /^system\// } as const;

/** @throws {InvalidScope} naming the first scope asked for that is not to be had here. */
export function refuseForeignScopes(
  asked: readonly string[],
  product: ClientProduct,
  { allowsOidc }: Pick<ClientRecord, 'allowsOidc'>,
  asker: 'machine' | 'subject',
): void {
  const refuse = (why: string, scope: string | undefined) => {
    if (scope === undefined) return;
    throw new errors.InvalidScope(why, scope.slice(0, 200)); // it goes back in a Location, and proxies refuse long ones
  };
  const oidc = asked.find(isOidcScope);
  if (asker === 'machine') {
    refuse('A client that acts for itself has no subject to know about.', oidc);
  } else if (!allowsOidc) refuse('This application may not ask who somebody is.', oidc);

  const foreign = apiScopes(asked).find((scope) => !covers(scopeNames(product), scope));
  refuse(`The product ${product.id} of this application does not have this scope.`, foreign);
  const ofOthers = asked.find((scope) => contextOfOthers[asker].test(scope));
  refuse(
    asker === 'machine'
      ? 'This scope is for tokens about a person: ask for one that begins with system/.'
      : 'This scope is for systems: ask for it with client credentials.',
    ofOthers,
  );
}

/** What a subject of `role` may have of what is asked. Without a role: nothing of any product. */
export const scopesForRole = (
  product: ClientProduct,
  role: string | null,
  asked: readonly string[],
): string[] => within(apiScopes(asked), (role !== null && product.roleScopes[role]) || []);

/** oidc-provider's `defaultResource`: no client has to send `resource`. */
export function defaultResource(
  ctx: KoaContextWithOIDC,
  client: Client,
  oneOf?: readonly string[],
): string | readonly string[] {
  if (oneOf) return oneOf;
  return productFor(recordOf(client), scopesOf(scopeParam(ctx)))?.audience ?? [];
}

/**
 * oidc-provider's `getResourceServerInfo`, asked at every authorization and again at every issue and
 * refresh, so that a right which is gone is gone from the next token: of what is asked it leaves what
 * the product has and, where the subject is known, what its role allows.
 * @throws {InvalidTarget} when none of the client's active subscriptions opens this audience.
 */
export function resourceServerInfo(
  ctx: KoaContextWithOIDC,
  resource: string,
  client: Client,
): ResourceServer {
  const product = productByAudience(recordOf(client), resource);
  if (!product) throw unknownResource(ctx);
  refuseForeignGrant(ctx, product);
  return {
    scope: grantedScopes(ctx, client, product).join(' '),
    audience: resource,
    accessTokenTTL: accessTokenTtl,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: product.signingAlg } },
  };
}

/**
 * oidc-provider's `rotateRefreshToken`, asked just before the old token is used up. What cannot be
 * renewed now is refused here, so that the old one still holds once the subscription is back.
 */
export function rotateAlways(ctx: KoaContextWithOIDC): boolean {
  const { client, entities } = ctx.oidc;
  const resource = entities.RefreshToken?.resource;
  const named = ctx.oidc.params?.resource;
  if (named !== undefined && named !== resource) {
    throw new errors.InvalidTarget('A refresh is for the resource that the first token was for.');
  }
  if (client && resource) resourceServerInfo(ctx, String(resource), client);
  return true;
}

function grantedScopes(ctx: KoaContextWithOIDC, client: Client, product: ClientProduct): string[] {
  if (isMachineRequest(ctx)) return machineScopes(ctx, client, product);

  const { AuthorizationCode: code, RefreshToken: refresh } = ctx.oidc.entities;
  const asked = scopesOf(code?.scope ?? refresh?.scope ?? scopeParam(ctx));
  const available =
    asked.length > 0 ? within(apiScopes(asked), scopeNames(product)) : scopeNames(product);

  const subject = (ctx.oidc.account as SubjectAccount | undefined)?.subject;
  if (!subject) return available;
  if (!takes(product, subject))
    throw new errors.InvalidTarget('This product does not take tokens about such a subject.');
  if (!isTokenRequest(ctx)) return available;
  refuseDenied(subject);
  return scopesForRole(product, subject.role, available);
}

/** One client may have several products, and not all of them allow each of its grants. */
function refuseForeignGrant(ctx: KoaContextWithOIDC, product: ClientProduct): void {
  const grantType = isTokenRequest(ctx)
    ? String(ctx.oidc.params?.grant_type)
    : 'authorization_code';
  if ((product.grantTypes as readonly string[]).includes(grantType)) return;
  throw new errors.UnauthorizedClient(`The product ${product.id} does not allow this grant type.`);
}

const isTokenRequest = (ctx: KoaContextWithOIDC): boolean => ctx.oidc.route === 'token';
const isMachineRequest = (ctx: KoaContextWithOIDC): boolean =>
  isTokenRequest(ctx) && ctx.oidc.params?.grant_type === 'client_credentials';

/** The library reads `params.scope` after this call, which makes it the place for the default. */
function machineScopes(ctx: KoaContextWithOIDC, client: Client, product: ClientProduct): string[] {
  const asked = scopesOf(scopeParam(ctx));
  refuseForeignScopes(asked, product, recordOf(client), 'machine');
  const scopes = asked.length > 0 ? asked : defaultScopes(client, product, 'client_credentials');
  if (ctx.oidc.params) ctx.oidc.params.scope = scopes.join(' ') || undefined;
  return scopes;
}

function unknownResource(ctx: KoaContextWithOIDC): Error {
  const description = ctx.oidc.entities.RefreshToken
    ? 'The subscription that this token was for is no longer active. Ask for a new token.'
    : 'No active subscription of this application is for this resource.';
  return Object.assign(new errors.InvalidTarget('no such product'), {
    error_description: description,
  });
}

const scopeParam = (ctx: KoaContextWithOIDC): string | undefined =>
  ctx.oidc.params?.scope as string | undefined; // duplicates were refused before

/**
 * oidc-provider's `extraParams` hook for `scope`, run last among the checks of an authorization
 * request: fills in the default, refuses what no product has, and lets `offline_access` stand
 * without `prompt=consent`, since our consent page lists it (OpenID Connect Core section 11,
 * "other conditions").
 */
export function checkAuthorizationScope(
  ctx: KoaContextWithOIDC,
  value: string | undefined,
  client: Client,
): void {
  const params = ctx.oidc.params ?? {};
  if (Array.isArray(params.resource) && params.resource.length > 1) {
    throw new errors.InvalidTarget('A token is for one resource: ask for one at a time.');
  }
  const product = productByAudience(recordOf(client), String(params.resource));
  if (!product) throw unknownResource(ctx);

  const offline =
    scopesOf(rawScope(ctx)).includes('offline_access') && client.grantTypeAllowed('refresh_token');
  const asked = [...new Set([...scopesOf(value), ...(offline ? ['offline_access'] : [])])];
  refuseForeignScopes(asked, product, recordOf(client), 'subject');
  const scopes = asked.length > 0 ? asked : defaultScopes(client, product, 'subject');
  params.scope = scopes.join(' ');
}

/** As it came, before the library took `offline_access` away. */
const rawScope = (ctx: KoaContextWithOIDC): string | undefined =>
  typeof ctx.query.scope === 'string' ? ctx.query.scope : undefined;
