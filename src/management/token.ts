import { createLocalJWKSet, decodeJwt, errors, type JWK, jwtVerify } from 'jose';
import type pg from 'pg';
import { type Environment, environments } from '../base/environment.ts';
import { Unauthenticated } from '../base/errors.ts';
import { scopesOf, within } from '../base/scopes.ts';
import type { Keyring } from '../base/secrets.ts';
import { findClient } from '../clients/store.ts';
import { signingKeysOf } from '../oauth/signing-keys.ts';
import { isTokenAlive } from '../oauth/store.ts';
import { type ManagementCaller, scopesThatCount } from './caller.ts';
import { opensManagement } from './store.ts';

type Parts = { pool: pg.Pool; keyring: Keyring; baseUrl: string };

/** @throws {Unauthenticated} with a code and a sentence for why. */
export type CheckToken = (token: string) => Promise<ManagementCaller>;

/**
 * Takes access tokens of this very server, as a resource server that looks into the same tables as
 * introspection: the token is signed, lives, is not revoked, and its client still has a product that
 * opens this API.
 */
export async function createTokenCheck({ pool, keyring, baseUrl }: Parts): Promise<CheckToken> {
  const keys = new Map<string, { environment: Environment; set: KeySet }>();
  for (const environment of environments) {
    const own = await signingKeysOf(pool, keyring, environment);
    const set = createLocalJWKSet({ keys: own.map(publicPart) });
    keys.set(`${baseUrl}/${environment}`, { environment, set });
  }

  return async (token) => {
    const issuer = issuerOf(token);
    const known = keys.get(issuer);
    if (!known) throw refused('token_wrong_issuer', 'This token is not of this server.');
    const claims = await verified(token, issuer, known.set);
    const { environment } = known;
    if (claims.gid) {
      throw refused('token_about_person', 'This API is for applications that act for themselves.');
    }
    const alive = await isTokenAlive(pool, { environment, jti: claims.jti, grantKey: null });
    if (!alive) throw refused('token_revoked', 'This token was revoked.');
    const client = await findClient(pool, environment, claims.client_id);
    if (!client?.usable) {
      throw refused('token_client_stopped', 'This application can no longer use its tokens.');
    }
    const product = client.products.find(({ audience }) => audience === claims.aud);
    if (!product || !(await opensManagement(pool, product.id))) {
      throw refused('token_other_product', 'This token is for another product.');
    }
    const { id: clientId, teamId } = client;
    const held = product.scopes.map(({ scope }) => scope);
    const scopes = within(scopesOf(claims.scope), held);
    const place = { environment, teamId };
    return { clientId, ...place, scopes: scopesThatCount(scopes, place) };
  };
}

type KeySet = ReturnType<typeof createLocalJWKSet>;
type Claims = { jti: string; client_id: string; aud: string; scope?: string; gid?: string };

const publicPart = ({ kty, n, e, crv, x, y, kid, alg, use }: JWK): JWK => ({
  ...{ kty, n, e, crv, x, y, kid, alg, use },
});

function issuerOf(token: string): string {
  try {
    return String(decodeJwt(token).iss);
  } catch {
    throw refused('token_malformed', 'This is not an access token.');
  }
}

async function verified(token: string, issuer: string, keys: KeySet): Promise<Claims> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      algorithms: ['RS256', 'ES256'],
      requiredClaims: ['jti', 'exp', 'client_id', 'aud'],
    });
    if (['at+jwt', 'JWT'].includes(protectedHeader.typ ?? '')) return payload as Claims;
  } catch (error) {
    if (error instanceof errors.JWTExpired) {
      throw refused('token_expired', 'This token has expired. Ask for a new one.');
    }
  }
  throw refused('token_forged', 'This is not an access token of this server.');
}

const refused = (code: string, sentence: string): Unauthenticated =>
  new Unauthenticated(code, sentence);
