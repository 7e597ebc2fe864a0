import { createLocalJWKSet, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type Koa from 'koa';
import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import { productByAudience, recordOf } from './client-metadata.ts';
import { findStructuredTokens, type StructuredToken, unusable } from './library-seams.ts';
import { insertRevokedToken, isTokenAlive } from './store.ts';

type Claims = JWTPayload & { jti: string; exp: number; client_id: string; gid?: string };

/**
 * oidc-provider refuses structured access tokens at introspection (RFC 7662), revocation (RFC 7009)
 * and userinfo. It refuses only after it has authenticated the client, so that we can answer behind it.
 */
export function understandStructuredTokens(
  provider: Provider,
  { pool, environment, publicKeys }: { pool: pg.Pool; environment: Environment; publicKeys: JWK[] },
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
    if (!ctx.oidc?.client || !['introspection', 'revocation'].includes(ctx.oidc.route)) return;
    const structured = refusedForItsForm.has(ctx.oidc);
    if (ctx.status !== 200 && !structured) return; // perhaps before it proved who it is
    if (mayNotAsk(ctx)) return refuse(ctx);
    if (!structured) return;

    const token = String(ctx.oidc.params?.token);
    ctx.status = 200;
    if (ctx.oidc.route === 'introspection') {
      ctx.body = introspection(await liveClaims(token), ctx.oidc.client);
      return;
    }
    ctx.body = '';
    const claims = await verified(token, provider.issuer, keys);
    if (claims?.client_id !== ctx.oidc.client.clientId) return; // RFC 7009 section 2.1
    await insertRevokedToken(pool, { environment, jti: claims.jti, exp: claims.exp });
  });

  findStructuredTokens(provider, async (token) => {
    const claims = await liveClaims(token);
    const grant = claims?.gid ? await provider.Grant.find(claims.gid) : undefined;
    const client = claims && (await provider.Client.find(claims.client_id));
    if (!grant || !client || !isEntitled(client, claims)) return undefined;
    return storedForm(claims, grant.getOIDCScope());
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

/** Whether the claims are of this client and of a product that a subscription of it still opens. */
const isEntitled = (client: Client, claims: Claims): boolean =>
  claims.client_id === client.clientId &&
  productByAudience(recordOf(client), String(claims.aud)) !== undefined;

/** RFC 7662 section 2.2: exactly `{ active: false }` for whatever the client may not know of. */
const introspection = (claims: Claims | undefined, client: Client): object =>
  claims && isEntitled(client, claims)
    ? { active: true, token_type: 'Bearer', ...claims }
    : { active: false };

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
