import type { JWK } from 'jose';
import type Koa from 'koa';
import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { scopesOf } from '../base/scopes.ts';
import { productByAudience, recordOf } from './client-metadata.ts';
import { findStructuredTokens, type StructuredToken, unusable } from './library-seams.ts';
import { insertRevokedToken } from './store.ts';
import { type FindSubject, takes } from './subjects.ts';
import { type Claims, createTokenCheck, entitlementOf, isFault, lifeOf } from './token-check.ts';
import { kindOf, note, noteRevocation } from './trail.ts';

type Parts = {
  pool: pg.Pool;
  environment: Environment;
  publicKeys: JWK[];
  findSubject: FindSubject;
};

/**
 * oidc-provider refuses structured access tokens at introspection (RFC 7662), revocation (RFC 7009)
 * and userinfo. It refuses only after it has authenticated the client, so that we can answer behind it.
 */
export function understandStructuredTokens(
  provider: Provider,
  { pool, environment, publicKeys, findSubject }: Parts,
): void {
  const { issuer } = provider;
  const check = createTokenCheck({ pool, environment, issuer, publicKeys, findSubject });
  const verified = async (token: string): Promise<Claims | undefined> => {
    const claims = await check.read(token);
    return isFault(claims) ? undefined : claims; // for whoever asks here it is simply not active
  };

  /** The claims of a token of ours that still counts; undefined for all else. */
  const liveClaims = async (token: string): Promise<Claims | undefined> => {
    const claims = await verified(token);
    const life = claims && (await lifeOf(claims, { pool, environment }));
    return life?.alive ? claims : undefined;
  };

  const refusedForItsForm = new WeakSet<object>();
  const remember = (ctx: KoaContextWithOIDC, error: { error: string }) => {
    if (error.error === 'unsupported_token_type') refusedForItsForm.add(ctx.oidc);
  };
  provider.on('introspection.error', remember);
  provider.on('revocation.error', remember);

  provider.use(async (ctx: KoaContextWithOIDC & Koa.Context, next) => {
    await next();
    if (ctx.oidc && ctx.status === 200) noteRevocation(ctx);
    if (!ctx.oidc?.client || !['introspection', 'revocation'].includes(ctx.oidc.route)) return;
    const structured = refusedForItsForm.has(ctx.oidc);
    if (ctx.status !== 200 && !structured) return; // perhaps before it proved who it is
    if (mayNotAsk(ctx)) return refuse(ctx);
    if (!structured) return;

    const token = String(ctx.oidc.params?.token);
    ctx.status = 200;
    if (ctx.oidc.route === 'introspection') {
      const claims = await liveClaims(token);
      const entitled = claims && (await entitledClaims(claims, ctx.oidc.client, findSubject));
      ctx.body = entitled ? { active: true, token_type: 'Bearer', ...entitled } : { active: false };
      return;
    }
    ctx.body = '';
    const claims = await verified(token);
    if (claims?.client_id !== ctx.oidc.client.clientId) return; // RFC 7009 section 2.1
    await insertRevokedToken(pool, { environment, jti: claims.jti, exp: claims.exp });
    const sub = claims.gid && claims.sub; // without a grant it is about nobody
    note(ctx, {
      actor: { kind: 'client', id: claims.client_id },
      action: 'token.revoked',
      ...(sub && { subject: { kind: kindOf(sub), id: sub } }),
      detail: { kind: 'access' },
    });
  });

  findStructuredTokens(provider, async (token) => {
    const claims = await liveClaims(token);
    const grant = claims?.gid ? await provider.Grant.find(claims.gid) : undefined;
    const client = claims && (await provider.Client.find(claims.client_id));
    if (!grant || !client || !(await entitledClaims(claims, client, findSubject))) return undefined;
    const asked = new Set(scopesOf(claims.oidc_scope));
    return storedForm(claims, grant.getOIDCScopeFiltered(asked));
  });
}

/**
 * The claims with what still holds of them. Undefined where nothing does, and for whatever the client
 * may not know of (RFC 7662 section 2.2).
 */
async function entitledClaims(
  claims: Claims,
  client: Client,
  findSubject: FindSubject,
): Promise<Claims | undefined> {
  const entitled = await entitlementOf(claims, recordOf(client), findSubject);
  if (isFault(entitled)) return undefined;
  if (!claims.gid) return claims; // a client's own, about nobody
  return { ...claims, scope: entitled.scopes.join(' ') || undefined };
}

/** The same question of a refresh token, which the library introspects by itself. */
export async function isOwnAndHolds(
  token: { clientId?: string; accountId?: string; resource?: unknown },
  client: Client,
  findSubject: FindSubject,
): Promise<boolean> {
  const product = productByAudience(recordOf(client), String(token.resource));
  if (token.clientId !== client.clientId || !product || !token.accountId) return false;
  const subject = await findSubject(token.accountId); // oidc-provider's word for the subject
  return subject !== undefined && takes(product, subject);
}

/** Public clients prove nothing by naming themselves; they may withdraw their own tokens only. */
const mayNotAsk = ({ oidc }: KoaContextWithOIDC): boolean =>
  oidc.client !== undefined &&
  (!recordOf(oidc.client).usable ||
    (oidc.route === 'introspection' && oidc.client.clientAuthMethod === 'none'));

function refuse(ctx: Koa.Context & KoaContextWithOIDC): void {
  const error = unusable() as Error & { error_description: string };
  ctx.status = 401;
  if (ctx.get('Authorization')) ctx.set('WWW-Authenticate', `Basic realm="${ctx.oidc.issuer}"`); // RFC 6749 section 5.2
  ctx.body = {
    error: 'invalid_client',
    error_description:
      ctx.oidc.client && recordOf(ctx.oidc.client).usable
        ? 'Introspection is for applications that have a secret or a key of their own.'
        : error.error_description,
  };
}

const storedForm = (claims: Claims, scope: string): StructuredToken => ({
  jti: claims.jti,
  accountId: String(claims.sub), // oidc-provider's word for the subject
  clientId: claims.client_id,
  grantId: String(claims.gid),
  scope,
  iat: Number(claims.iat),
  exp: claims.exp,
});
