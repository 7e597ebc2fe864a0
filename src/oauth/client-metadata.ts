import { timingSafeEqual } from 'node:crypto';
import type { Client, ClientMetadata } from 'oidc-provider';
import { digest } from '../base/secrets.ts';
import { urlOf } from '../base/url.ts';
import type { ClientProduct, ClientRecord } from '../clients/client.ts';
import type { PublicJwk } from '../clients/keys.ts';
import { isNative } from '../clients/redirect-uri.ts';

export type LiveSecret = ClientRecord['secrets'][number];

/** What oidc-provider carries along with a client and gives back as `client[recordProperty]`. */
export const recordProperty = 'urn:sandgate:record';

/** Our record behind oidc-provider's client. */
export const recordOf = (client: Client): ClientRecord => client[recordProperty] as ClientRecord; // put there by clientMetadata, and by nothing else

/** OpenID Connect's own scopes, which belong to no product. */
export const oidcScopes = ['openid', 'profile', 'email', 'offline_access'] as const;

/** The console and its server side ask their person each time and never share a session. */
export const isConsole = (client: Client | undefined): boolean =>
  client !== undefined && ['console', 'test_application'].includes(recordOf(client).kind);

/** Whether the id can belong to a console's client at all; decided without a look-up. */
export const mayBeConsoleId = (id: unknown): boolean =>
  typeof id === 'string' && /^(console|test)_/.test(id);

/**
 * The record in oidc-provider's words. What it may ask for is narrowed to what the products of its
 * active subscriptions allow; nothing of that is ever stored with the client.
 * @param fetched the keys that stand at its address. The library is never given the address: it
 *   would fetch by rules of its own, and believe a key long after it was taken away.
 */
export function clientMetadata(
  record: ClientRecord,
  fetched: readonly PublicJwk[] = [],
): ClientMetadata {
  const jwks = record.jwks ?? (record.jwksUri ? { keys: fetched } : undefined);
  const grantTypes = record.grantTypes.filter(
    (type) =>
      record.products.some((product) => product.grantTypes.includes(type)) &&
      // RFC 6749 section 4.4: confidential clients only
      !(type === 'client_credentials' && record.authMethod === 'none'),
  );
  const redirects = grantTypes.includes('authorization_code');
  return {
    client_id: record.id,
    client_name: record.name,
    token_endpoint_auth_method: record.authMethod,
    grant_types: grantTypes,
    response_types: redirects ? ['code'] : [],
    redirect_uris: redirects ? [...record.redirectUris] : [],
    post_logout_redirect_uris: [...record.postLogoutRedirectUris],
    application_type: isNative(record) ? 'native' : 'web',
    scope: oidcScopes.join(' '), // which of them it may ask for: refuseForeignScopes
    ...(record.authMethod.startsWith('client_secret') && { client_secret: 'see-secrets' }),
    ...(jwks && { jwks: jwks as unknown as ClientMetadata['jwks'] }),
    [recordProperty]: record,
  };
}

/**
 * Which of the live secrets was given. Compares with all of them, always, in constant time (two may
 * be live at once).
 */
export function matchingSecret(record: ClientRecord, given: string): LiveSecret | undefined {
  const actual = digest(given);
  let matches: LiveSecret | undefined;
  for (const secret of record.secrets) {
    const same = timingSafeEqual(actual, Buffer.from(secret.digest, 'base64url'));
    if (same && (!secret.expiresAt || new Date(secret.expiresAt) > new Date())) matches = secret;
  }
  return matches;
}

/**
 * Whether a browser page of `origin` may call the token endpoint as this client. `null` is the origin
 * of every sandboxed frame and file, and what URL makes of a `bruno://` redirect: never allowed.
 */
export function originAllowed(record: ClientRecord, origin: string): boolean {
  if (origin === 'null') return false;
  return (
    record.allowedOrigins.includes(origin) ||
    record.redirectUris.some((uri) => urlOf(uri)?.origin === origin)
  );
}

export const productByAudience = (
  record: ClientRecord,
  audience: string,
): ClientProduct | undefined => record.products.find((product) => product.audience === audience);
