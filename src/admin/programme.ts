import { z } from 'zod';
import { administratorRoles } from '../accounts/account.ts';
import { urlOf } from '../base/url.ts';
import { authMethods } from '../clients/client.ts';
import { grantTypes, visibilities } from '../products/product.ts';
import { states } from '../subscriptions/subscription.ts';

/** What goes into ids that people read and addresses carry. */
const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'letters, digits, ".", "_" and "-"');
const line = z.string().trim().min(1, 'must not be empty').max(300);
const text = z.string().trim().default('');
const absoluteUri = z
  .string()
  .refine(
    (uri) => urlOf(uri) !== undefined && !uri.includes('#'),
    'an absolute URI without a fragment',
  );
/** RFC 9700 section 2.1: compared byte for byte, so nothing that could be read in two ways. */
const redirectUri = absoluteUri.refine(
  (uri) => !uri.includes('*') && !uri.includes('@'),
  'an exact URI, without a wildcard or user',
);
const scope = z.string().regex(/^[!#-[\]-~]+$/, 'a scope (RFC 6749 section 3.3)');
const email = z.email().max(254);
const limit = z.strictObject({ calls: z.int().positive(), seconds: z.int().positive() });

const profile = z.strictObject({
  role: line,
  claims: z.record(z.string(), z.unknown()).default({}),
  patient: line.nullable().default(null),
});

/** The document is OpenAPI's business; we read only what the catalogue calls it. */
const api = z
  .strictObject({
    id,
    document: z.looseObject({
      info: z.looseObject({ title: line, version: z.string(), description: text }),
    }),
    /** By name: one for each customer environment. */
    baseUrls: z.record(id, absoluteUri),
  })
  .transform(({ document, baseUrls, ...rest }) => ({
    ...rest,
    name: document.info.title,
    version: document.info.version,
    description: document.info.description,
    document: document as Record<string, unknown>,
    baseUrls: Object.entries(baseUrls).map(([name, url]) => ({ name, url })),
  }));

const product = z.strictObject({
  id,
  environment: z.enum(['sandbox', 'live']),
  name: line,
  description: text,
  audience: absoluteUri,
  subjects: z.enum(['test_users', 'accounts', 'both']),
  needsApproval: z.boolean(),
  grantTypes: z.array(z.enum(grantTypes)),
  signingAlg: z.enum(['RS256', 'ES256']).default('RS256'),
  tokenTyp: z.enum(['at+jwt', 'JWT']).default('at+jwt'),
  rate: limit.nullable().default(null),
  quota: limit.nullable().default(null),
  priceNote: text,
  terms: text,
  state: z.enum(['draft', 'published', 'deprecated', 'retired']).default('published'),
  visibility: z.enum(visibilities).default('everybody'),
  retiresOn: z.iso.date().nullable().default(null),
  deprecationNotice: text,
  apis: z.array(z.strictObject({ id, baseUrl: id })).default([]),
  scopes: z.array(z.strictObject({ scope, description: line, isDefault: z.boolean() })),
  roleScopes: z.record(line, z.array(scope)).default({}),
});

const testUser = z.strictObject({
  id: id.startsWith('tu_'),
  team: id.nullable().default(null),
  username: line,
  password: z.string().min(1).max(1024),
  name: line,
  title: text,
  about: text,
  ...profile.shape,
});

const account = z.strictObject({
  email,
  name: line,
  password: z.string().min(1).max(1024),
  emailVerified: z.boolean().default(true),
  roles: z.array(z.enum(administratorRoles)).default([]),
  profiles: z
    .strictObject({ sandbox: profile.optional(), live: profile.optional() })
    .default(() => ({})),
});

const team = z.strictObject({
  id: id.startsWith('team_'),
  name: line,
  members: z.array(z.strictObject({ email, role: z.enum(['owner', 'member']) })).min(1),
});

const subscription = z.strictObject({
  id: id.startsWith('sub_'),
  team: id,
  product: id,
  name: line,
  purpose: text,
  state: z.enum(states),
});

/** With subscriptions a team's application; with products a first-party client. */
const client = z.strictObject({
  id: z
    .string()
    .regex(/^(?!acc_|tu_|console_|test_)[A-Za-z0-9_-]{1,80}$/, 'letters, digits, "_", "-"'),
  name: line,
  subscriptions: z.array(id).default([]),
  products: z.array(id).default([]),
  defaultProduct: id.nullable().default(null),
  authMethod: z.enum(authMethods),
  grantTypes: z.array(z.enum(grantTypes)).min(1),
  redirectUris: z.array(redirectUri).default([]),
  postLogoutRedirectUris: z.array(redirectUri).default([]),
  allowedOrigins: z.array(absoluteUri).default([]),
  jwks: z.record(z.string(), z.unknown()).nullable().default(null),
  allowsOidc: z.boolean().default(true),
  /** Where there is none and the method needs one, it is made once and kept. */
  secret: z.string().min(32).optional(),
});

/** People who exist for development only: their passwords are published. */
const development = z.strictObject({
  accounts: z.array(account).default([]),
  teams: z.array(team).default([]),
  subscriptions: z.array(subscription).default([]),
  clients: z.array(client).default([]),
});

/** Field by field; `programmeSchema` in programme-rules.ts also looks at what must fit together. */
export const programmeFields = z.strictObject({
  name: line,
  apis: z.array(api).default([]),
  products: z.array(product).default([]),
  testUsers: z.array(testUser).default([]),
  development: development.optional(),
});

/** As it is written, with what may be left out left out. */
export type ProgrammeInput = z.input<typeof programmeFields>;
/** What an API programme consists of: checked, and with every default in its place. */
export type Programme = z.output<typeof programmeFields>;
export type Development = NonNullable<Programme['development']>;
