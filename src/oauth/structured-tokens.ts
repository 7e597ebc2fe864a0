import { createLocalJWKSet, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type Koa from 'koa';
import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { scopesOf } from '../base/scopes.ts';
import { digest } from '../base/secrets.ts';
import { productByAudience, recordOf } from './client-metadata.ts';
import { findStructuredTokens, type StructuredToken, unusable } from './library-seams.ts';
import { scopesForRole } from './resources.ts';
import { insertRevokedToken, isTokenAlive } from './store.ts';
import { type FindSubject, takes } from './subjects.ts';
import { kindOf, note, noteRevocation } from './trail.ts';

type Claims = JWTPayload & {
  jti: string;
  exp: number;
  client_id: string;
  scope?: string;
  gid?: string;
  oidc_scope?: string;
};

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
  const keys = createLocalJWKSet({ keys: publicKeys });

  /** The claims of a token of ours that still counts; undefined for all else. */
  const liveClaims = async (token: string): Promise<Claims | undefined> => {
    const claims = await verified(token, provider.issuer, keys);
    if (!claims) return undefined;
    const grantKey = claims.gid ? digest(claims.gid) : null;
    const alive = await isTokenAlive(pool, { environment, jti: claims.jti, grantKey });
    return alive ? claims : undefined;
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
    const claims = await verified(token, provider.issuer, keys);
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

async function verified(
  token: string,
  issuer: string,
  keys: ReturnType<typeof createLocalJWKSet>,
): Promise<Claims | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      algorithms: ['RS256', 'ES256'],
      requiredClaims: ['jti', 'exp', 'client_id', 'aud'],
    });
    // A product may choose `typ: JWT` for its tokens; an ID token has no `client_id` and ends above.
    return ['at+jwt', 'JWT'].includes(protectedHeader.typ ?? '') ? (payload as Claims) : undefined;
  } catch {
    return undefined; // not ours, tampered with or expired: for whoever asks it is simply not active
  }
}

/**
 * The claims with what still holds of them: the client's own, of a product that a subscription of it
 * still opens, about a subject whom the product still takes, in the scopes that the role still has.
 * Undefined for all else, and for whatever the client may not know of (RFC 7662 section 2.2).
 */
async function entitledClaims(
  claims: Claims,
  client: Client,
  findSubject: FindSubject,
): Promise<Claims | undefined> {
  const product = productByAudience(recordOf(client), String(claims.aud));
  if (claims.client_id !== client.clientId || !product) return undefined;
  if (!claims.gid) return claims; // a client's own, about nobody
  const subject = await findSubject(String(claims.sub));
  if (!subject || !takes(product, subject)) return undefined;
  const scope = scopesForRole(product, subject.role, scopesOf(claims.scope)).join(' ');
  return { ...claims, scope: scope || undefined };
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
