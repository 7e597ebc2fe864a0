import { z } from 'zod';
import { authMethods } from '../clients/client.ts';
import { grantTypes } from '../products/product.ts';
import { absoluteUri, id, line } from './programme-fields.ts';

/** Which addresses are good: src/clients/redirect-uri.ts, which programme-rules.ts asks. */
const addresses = z.array(z.string()).default([]);

const fields = {
  id: z
    .string()
    .regex(/^(?!acc_|tu_|console_|test_)[A-Za-z0-9_-]{1,80}$/, 'letters, digits, "_", "-"'),
  name: line,
  defaultProduct: id.nullable().default(null),
  authMethod: z.enum(authMethods),
  grantTypes: z.array(z.enum(grantTypes)).min(1),
  redirectUris: addresses,
  postLogoutRedirectUris: addresses,
  allowedOrigins: addresses,
  jwks: z.record(z.string(), z.unknown()).nullable().default(null),
  jwksUri: absoluteUri.nullable().default(null),
  allowsOidc: z.boolean().default(true),
};

/** An operator's own: it names its products itself, and its secret is never in a file. */
export const firstPartyClient = z.strictObject({ ...fields, products: z.array(id).min(1) });

/** With subscriptions a team's application; with products a first-party client. */
export const developmentClient = z.strictObject({
  ...fields,
  subscriptions: z.array(id).default([]),
  products: z.array(id).default([]),
  /** Where there is none and the method needs one, it is made once and kept. */
  secret: z.string().min(32).optional(),
});

export type FirstPartyClient = z.output<typeof firstPartyClient>;
export type DevelopmentClient = z.output<typeof developmentClient>;
