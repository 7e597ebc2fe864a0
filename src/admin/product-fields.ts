import { z } from 'zod';
import { environments } from '../base/environment.ts';
import { type OpenApi, usualCalls } from '../products/api.ts';
import {
  credentials,
  grantTypes,
  productStates,
  subjects,
  visibilities,
} from '../products/product.ts';
import { absoluteUri, id, line, maybeLine, scope, text } from './programme-fields.ts';

const limit = z.strictObject({
  calls: z.int().positive().max(1_000_000_000),
  seconds: z.int().positive().max(1_000_000_000),
});

const staleRange = 'Write a whole number from 0 to 60.';
const wholeOrNone = 'Write a whole number, 0 or more.';

/** The same price is always written the same: `0.5`, never `0.50`, or a file would seem to change it. */
const price = z.strictObject({
  includedCalls: z.int(wholeOrNone).nonnegative(wholeOrNone).max(1_000_000_000_000),
  perThousand: z
    .union([z.string(), z.number()], 'Write a price such as 0.50.')
    .transform((given) => String(given).trim())
    .pipe(z.string().regex(/^\d{1,8}(\.\d{1,4})?$/, 'Write a price such as 0.50.'))
    .transform((text) => text.replace(/^0+(?=\d)/, '').replace(/\.0*$|(?<=\.\d*)0+$/, '')),
  currency: z.string().regex(/^[A-Z]{3}$/, 'Write a currency in three letters, such as EUR.'),
});

/** What a product says and allows, in a file and on a page alike. */
export const productFields = z.strictObject({
  id,
  environment: z.enum(environments),
  name: line,
  description: text,
  audience: absoluteUri,
  subjects: z.enum(subjects),
  needsApproval: z.boolean(),
  /** A set, whatever the order it is written in. */
  grantTypes: z
    .array(z.enum(grantTypes))
    .transform((given) => grantTypes.filter((type) => given.includes(type))),
  signingAlg: z.enum(['RS256', 'ES256']).default('RS256'),
  tokenTyp: z.enum(['at+jwt', 'JWT']).default('at+jwt'),
  rate: limit.nullable().default(null),
  quota: limit.nullable().default(null),
  quotaStatus: z.literal([403, 429]).default(403),
  credentials: z.enum(credentials).default('key_and_token'),
  staleSeconds: z.int(staleRange).min(0, staleRange).max(60, staleRange).default(0),
  consoleRelay: z.boolean().default(false),
  priceNote: maybeLine,
  price: price.nullable().default(null),
  terms: text,
  state: z.enum(productStates).default('published'),
  visibility: z.enum(visibilities).default('everybody'),
  /** Teams by id. */
  invited: z.array(id).default([]),
  retiresOn: z.iso.date().nullable().default(null),
  deprecationNotice: text,
  apis: z
    .array(z.strictObject({ id, version: line.nullable().default(null), baseUrl: id }))
    .default([]),
  scopes: z.array(z.strictObject({ scope, description: line, isDefault: z.boolean() })),
  roleScopes: z.record(line, z.array(scope)).default({}),
});

/** All that we read of a document: the rest is OpenAPI's business. */
const readOfDocument = z.looseObject({
  openapi: z.string().regex(/^3\./, 'an OpenAPI document of version 3'),
  info: z.looseObject({ title: line, version: line.max(80), description: text }),
});
type Info = { title: string; version: string; description?: string };

/** As it is written, to the order of its fields. */
export const openApi = z
  .record(z.string(), z.unknown())
  .superRefine((document, ctx) => {
    for (const issue of readOfDocument.safeParse(document).error?.issues ?? []) {
      ctx.addIssue({ code: 'custom', path: issue.path, message: issue.message });
    }
  })
  .transform((document) => {
    const { title, version, description } = document.info as Info; // as was just read
    return {
      name: title.trim(),
      version: version.trim(),
      description: description?.trim() ?? '',
      document: document as OpenApi,
    };
  });

/** By name: one for each customer environment. */
export const baseUrls = z.record(id, absoluteUri);

/** Headers that mean something else to us or to whoever stands between. */
const takenHeaders =
  /^(authorization|proxy-.*|cookie|host|connection|upgrade|te|trailer|transfer-encoding|content-.*|x-gateway-.*|x-forwarded-.*|x-original-.*|x-auth-.*|x-(subscription|product|developer|request)-id)$/i;

/** How a call for an API brings its key, and whether a browser may ask before it. */
const keyFields = {
  keyHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'Write the name of a header: letters, digits and "-".')
    .refine((name) => !takenHeaders.test(name), 'This header means something else: choose another.')
    .default(usualCalls.keyHeader),
  keyParameter: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'Write a name of letters, digits, "_", "." and "-".')
    .default(usualCalls.keyParameter),
  cors: z.boolean().default(usualCalls.cors),
};

/** An API as the catalogue keeps it, from its documents: the current version's, and the others'. */
export const apiFields = z
  .strictObject({
    id,
    document: openApi,
    otherVersions: z.array(openApi).default([]),
    baseUrls,
    ...keyFields,
  })
  .transform(({ id, document: current, otherVersions, baseUrls, ...key }) => ({
    id,
    ...current,
    otherVersions: otherVersions.map(({ version, document }) => ({ version, document })),
    baseUrls: Object.entries(baseUrls).map(([name, url]) => ({ name, url })),
    ...key,
  }));
