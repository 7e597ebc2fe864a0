import type { Configuration } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { scopesOf } from '../base/scopes.ts';
import { misbehave } from './behaviours.ts';
import { productByAudience, recordOf } from './client-metadata.ts';
import { isOidcScope } from './resources.ts';
import type { SubjectAccount } from './subjects.ts';

type ExtraTokenClaims = NonNullable<Configuration['extraTokenClaims']>;

/** What our access tokens say beyond RFC 9068; docs/protocol.md tells resource servers. */
export function tokenClaims(
  environment: Environment,
  ctx: Parameters<ExtraTokenClaims>[0],
  token: Parameters<ExtraTokenClaims>[1],
): Record<string, string | boolean> {
  const { client } = ctx.oidc;
  const product = client && productByAudience(recordOf(client), String(token.aud));
  const subject = (ctx.oidc.account as SubjectAccount | undefined)?.subject;
  const ofSubject = 'accountId' in token && subject ? subject : undefined;
  return {
    env: environment,
    ...(product && { product: product.id }),
    ...(product?.subscriptionId && { subscription_id: product.subscriptionId }),
    ...('grantId' in token && token.grantId && { gid: token.grantId }),
    ...(ofSubject?.kind === 'test_user' && { test_user: true }),
    ...(ofSubject?.patient && { patient: ofSubject.patient }),
    ...(ofSubject && oidcScopeOf(ctx)),
  };
}

/** What this one token may learn at userinfo; its grant may know of more that others asked for. */
function oidcScopeOf(ctx: Parameters<ExtraTokenClaims>[0]): { oidc_scope?: string } {
  const { AuthorizationCode: code, RefreshToken: refresh } = ctx.oidc.entities;
  const asked = scopesOf(
    (ctx.oidc.params?.scope as string | undefined) ?? code?.scope ?? refresh?.scope,
  );
  const oidc = asked.filter((scope) => scope !== 'offline_access' && isOidcScope(scope));
  return oidc.length > 0 ? { oidc_scope: oidc.join(' ') } : {};
}

type JwtCustomizer = NonNullable<
  NonNullable<NonNullable<Configuration['formats']>['customizers']>['jwt']
>;

/**
 * RFC 9068 says `at+jwt`; some resource servers cannot read it, and their product says `JWT`. Then
 * comes what a test user does on purpose.
 */
export const chooseTokenType: JwtCustomizer = (ctx, token, jwt) => {
  const product = productByAudience(recordOf(ctx.oidc.client as never), String(token.aud));
  if (product?.tokenTyp === 'JWT') jwt.header = { ...jwt.header, typ: 'JWT' };
  misbehave(ctx, jwt.payload as Parameters<typeof misbehave>[1]); // `iat` and `exp` are always there
};
