import { z } from 'zod';
import { environments } from '../base/environment.ts';
import type { OpenApi } from '../products/api.ts';
import { grantTypes, productStates, subjects, visibilities } from '../products/product.ts';
import { absoluteUri, id, line, maybeLine, scope, text } from './programme-fields.ts';

const limit = z.strictObject({
  calls: z.int().positive().max(1_000_000_000),
  seconds: z.int().positive().max(1_000_000_000),
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
  priceNote: maybeLine,
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

/** An API as the catalogue keeps it, from its documents: the current version's, and the others'. */
export const apiFields = z
  .strictObject({ id, document: openApi, otherVersions: z.array(openApi).default([]), baseUrls })
  .transform(({ id, document: current, otherVersions, baseUrls }) => ({
    id,
    ...current,
    otherVersions: otherVersions.map(({ version, document }) => ({ version, document })),
    baseUrls: Object.entries(baseUrls).map(([name, url]) => ({ name, url })),
  }));
