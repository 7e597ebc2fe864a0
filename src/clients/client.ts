import type { Environment } from '../base/environment.ts';
import type { GrantType, Product, ProductScope, RoleScopes } from '../products/product.ts';

/**
 * - `application`: made by a team for its subscriptions.
 * - `console`: the public client of our "Try it" page, one for every sandbox subscription.
 * - `test_application`: the confidential one beside it, whose secret only the server knows.
 * - `first_party`: registered by an operator for named products.
 */
export const clientKinds = ['application', 'console', 'test_application', 'first_party'] as const;
export type ClientKind = (typeof clientKinds)[number];

export const authMethods = [
  'client_secret_basic',
  'client_secret_post',
  'none',
  'private_key_jwt',
] as const;
export type AuthMethod = (typeof authMethods)[number];

/** An OAuth client (RFC 6749 section 2). */
export type Client = {
  id: string;
  environment: Environment;
  /** Null: first-party. */
  teamId: string | null;
  kind: ClientKind;
  name: string;
  authMethod: AuthMethod;
  /** What it was made for; its products narrow it. */
  grantTypes: GrantType[];
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  allowedOrigins: string[];
  /** Public keys (RFC 7517), with `private_key_jwt` and with nothing else. */
  jwks: Record<string, unknown> | null;
  /** Or where such keys stand: remote-keys.ts. */
  jwksUri?: string | null;
  /** May ask for `openid`, `profile`, `email` and `offline_access`. */
  allowsOidc: boolean;
  defaultProductId: string | null;
};

/** Everything the protocol needs to know of a client. */
export type ClientRecord = Client & {
  teamName: string | null;
  /** The live ones. `digest` is the SHA-256 in base64url. */
  secrets: { digest: string; expiresAt: Date | null }[];
  /** What it reaches now: the default product first, then by age of the subscription. */
  products: ClientProduct[];
  /** False while no active subscription opens any product to it, and while the kill switch stops it. */
  usable: boolean;
};

/** A product that a client reaches through an active subscription, or is named for directly. */
export type ClientProduct = Pick<
  Product,
  'id' | 'name' | 'audience' | 'subjects' | 'grantTypes' | 'signingAlg' | 'tokenTyp'
> & {
  /** In the order in which people read them. */
  scopes: ProductScope[];
  roleScopes: RoleScopes;
  /** Null: first-party. */
  subscriptionId: string | null;
};

/** Where the console's pop-up ends, on our own origin: the redirect URI of every console client. */
export const consoleCallbackPath = '/try/callback';

/** What else cannot be an id, and costs no query. */
export const looksLikeClientId = (id: string): boolean => /^[A-Za-z0-9_-]{1,200}$/.test(id);

export const hasSecret = (authMethod: AuthMethod): boolean =>
  authMethod.startsWith('client_secret');
