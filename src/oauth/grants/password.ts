import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import { scopesOf } from '../../base/scopes.ts';
import { productByAudience, recordOf } from '../client-metadata.ts';
import { applyDecision, decide } from '../consent.ts';
import { grantHelpers } from '../library-seams.ts';
import { defaultScopes, productFor, refuseForeignScopes } from '../resources.ts';
import type { Subject, SubjectAccount } from '../subjects.ts';

const grantType = 'password';
const parameters = ['username', 'password', 'scope', 'resource'];

/** The test user these credentials belong to, or undefined; takes equally long either way. */
export type CheckTestUser = (
  ctx: TokenEndpointGrantContext,
  given: { username: string; password: string; teamId: string | null },
) => Promise<Subject | undefined>;

/**
 * Resource Owner Password Credentials (RFC 6749 section 4.3), for test users only: OAuth 2.1 drops
 * it, and nobody should type a real password into someone else's program. A real account's password
 * is answered exactly like a wrong one, since accounts are not looked at.
 */
export function registerPasswordGrant(provider: Provider, checkTestUser: CheckTestUser): void {
  provider.registerGrantType(
    grantType,
    async (ctx) => {
      const subject = await authenticated(ctx, checkTestUser);
      await issue(provider, ctx, subject);
    },
    parameters,
    ['resource'],
  );
}

/** @throws {InvalidRequest} a parameter is missing; {InvalidGrant} no test user has these credentials. */
async function authenticated(ctx: TokenEndpointGrantContext, checkTestUser: CheckTestUser) {
  const { username, password } = ctx.oidc.params as Record<string, string | undefined>;
  if (!username || !password) {
    throw new errors.InvalidRequest('Both username and password are required.');
  }
  const { teamId } = recordOf(ctx.oidc.client);
  const subject = await checkTestUser(ctx, { username, password, teamId });
  if (subject) return subject;
  throw Object.assign(new errors.InvalidGrant('wrong credentials'), {
    error_description: 'The username or password is wrong. This grant is for test users only.',
  });
}

async function issue(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  found: Subject,
): Promise<void> {
  const { client, params } = ctx.oidc;
  const record = recordOf(client);
  const asked = scopesOf(params.scope as string | undefined);
  const resource = params.resource as string | undefined;
  const product = resource ? productByAudience(record, resource) : productFor(record, asked);
  if (!product) throw new errors.InvalidTarget();
  refuseForeignScopes(asked, product, record, 'subject');
  const scopes = asked.length > 0 ? asked : defaultScopes(client, product, 'subject');
  params.scope = scopes.join(' ');

  const account = (await grantHelpers.findAccount(provider, ctx, found.sub)) as SubjectAccount;
  ctx.oidc.entity('Account', account);
  const [server] = await grantHelpers.resolveRequestedResources(provider, ctx);
  if (!server) throw new errors.InvalidTarget();
  grantHelpers.validateClientScope(provider, ctx);

  const grant = new provider.Grant({ clientId: client.clientId, accountId: found.sub });
  const decision = decide(product, account.subject, scopes);
  if (decision.oidc.length + decision.api.length === 0) {
    const sentence = 'The role of this test user allows none of these scopes.';
    throw new errors.InvalidScope(sentence, scopes.join(' ').slice(0, 200));
  }
  applyDecision(grant, product.audience, decision);
  const grantId = await grant.save();
  ctx.oidc.entity('Grant', grant);
  await respond(provider, ctx, { grantId, resource: product.audience, server, ...decision });
}

type Issued = {
  grantId: string;
  resource: string;
  server: Awaited<ReturnType<typeof grantHelpers.resolveRequestedResources>>[number];
  oidc: string[];
  api: string[];
};

async function respond(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  issued: Issued,
): Promise<void> {
  const { client } = ctx.oidc;
  const account = ctx.oidc.account as SubjectAccount; // found in issue()
  const { grantId, oidc, api } = issued;
  const source = {
    accountId: account.accountId, // oidc-provider's word for the subject
    client,
    grantId,
    gty: grantType,
    expiresWithSession: false,
  };
  type AccessTokenInput = ConstructorParameters<Provider['AccessToken']>[0];
  const accessToken = new provider.AccessToken(source as unknown as AccessTokenInput);
  accessToken.resourceServer = issued.server;
  accessToken.scope = api.join(' ') || undefined;
  ctx.oidc.entity('AccessToken', accessToken);
  const accessTokenValue = await accessToken.save();

  type RefreshTokenInput = ConstructorParameters<Provider['RefreshToken']>[0];
  const refreshToken = new provider.RefreshToken({
    ...source,
    scope: [...oidc, ...api].join(' '),
    resource: issued.resource,
    authTime: Math.floor(Date.now() / 1000),
    amr: ['pwd'],
    rotations: 0,
  } as unknown as RefreshTokenInput);
  const withRefresh = await grantHelpers.shouldIssueRefreshToken(provider, ctx, refreshToken);
  if (withRefresh) ctx.oidc.entity('RefreshToken', refreshToken);
  const refreshTokenValue = withRefresh ? await refreshToken.save() : undefined;

  ctx.body = grantHelpers.buildTokenResponse(provider, {
    accessToken: accessTokenValue,
    expiresIn: accessToken.expiration,
    idToken: oidc.includes('openid') ? await idToken(provider, ctx, account, oidc) : undefined,
    refreshToken: refreshTokenValue,
    scope: accessToken.scope,
    tokenType: accessToken.tokenType,
  });
}

async function idToken(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  account: SubjectAccount,
  oidc: string[],
): Promise<string> {
  const scope = oidc.join(' ');
  const token = new provider.IdToken(
    {
      ...(await account.claims('id_token', scope, {}, [])),
      amr: ['pwd'],
      auth_time: Math.floor(Date.now() / 1000),
    },
    { ctx },
  );
  Object.assign(token, { scope }); // which claims it may carry; untyped
  return token.issue({ use: 'idtoken' });
}
