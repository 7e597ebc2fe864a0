import type { Environment } from '../base/environment.ts';

/** What one subscribes to: a set of APIs in one environment, and what a token for them may hold. */
export type Product = {
  id: string;
  environment: Environment;
  name: string;
  description: string;
  /** Resource indicator (RFC 8707) and `aud`: an absolute URI. */
  audience: string;
  /** Whose tokens it takes. */
  subjects: Subjects;
  needsApproval: boolean;
  grantTypes: GrantType[];
  signingAlg: 'RS256' | 'ES256';
  tokenTyp: 'at+jwt' | 'JWT';
  /** Null: no limit. */
  rate: Limit | null;
  /** Null: no quota. */
  quota: Limit | null;
  /** What a gateway answers where the quota is used up. */
  quotaStatus: 403 | 429;
  /** What a call needs. */
  credentials: Credentials;
  /** How long a gateway is answered from what was last known, where the database is away; 0: not at all. */
  staleSeconds: number;
  /** Whether our console may call a live product's APIs; a sandbox product's it may anyway. */
  consoleRelay: boolean;
  priceNote: string;
  /** What statements reckon with; null: nothing. */
  price: Price | null;
  /** To be accepted by whoever subscribes; empty: none. */
  terms: string;
  state: ProductState;
  visibility: Visibility;
  /** Announced while deprecated: from this day on (`2027-03-31`) it opens nothing. Null: not yet. */
  retiresOn: string | null;
  /** What subscribers of a deprecated product are told. */
  deprecationNotice: string;
};

export type Limit = { calls: number; seconds: number };
/** Calls of a month that cost nothing, and what a thousand more cost: `0.5` of a currency (ISO 4217). */
export type Price = { includedCalls: number; perThousand: string; currency: string };
export const credentials = ['key_and_token', 'key', 'token'] as const;
/** What of a subscription a call shows: a key, a token, or both. */
export type Credentials = (typeof credentials)[number];
export const subjects = ['test_users', 'accounts', 'both'] as const;
export type Subjects = (typeof subjects)[number];
/** Who sees it and may ask for it: all, whoever is signed in, or the teams that were invited. */
export const visibilities = ['everybody', 'signed_in', 'invited'] as const;
export type Visibility = (typeof visibilities)[number];
export const productStates = ['draft', 'published', 'deprecated', 'retired'] as const;
export type ProductState = (typeof productStates)[number];

export const grantTypes = [
  'authorization_code',
  'client_credentials',
  'password',
  'refresh_token',
] as const;
export type GrantType = (typeof grantTypes)[number];

export type ProductScope = {
  scope: string;
  /** A sentence for the person who is asked, such as "Read medicines and allergies". */
  description: string;
  /** Given when a client asks for no scope by name. */
  isDefault: boolean;
};

/** Role of a subject → the scopes it may have. A role that is not here has none. */
export type RoleScopes = Record<string, string[]>;

/** An API at one of its base URLs. */
export type OpenedApi = {
  id: string /** Null: whichever is current. */;
  version: string | null;
  baseUrl: string;
};

/** A product with all that it consists of. */
export type WholeProduct = Product & {
  /** In the order in which people read them. */
  scopes: ProductScope[];
  roleScopes: RoleScopes;
  apis: OpenedApi[];
  /** Teams that see it although it is not for everybody. */
  invited: string[];
};
