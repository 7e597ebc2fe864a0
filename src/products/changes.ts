import { changesOf, fieldsWithin, type Thing } from '../base/changes.ts';
import { type Api, versionsOf } from './api.ts';
import type { RoleScopes, WholeProduct } from './product.ts';

/** What differs, a line each; without one that is there, that it is new. */
export const productChanges = (there: WholeProduct | undefined, wanted: WholeProduct): string[] =>
  changesOf(there ? [productThing(there)] : [], [productThing(wanted)]);

/** As `productChanges`. */
export const apiChanges = (there: Api | undefined, wanted: Api): string[] =>
  changesOf(there ? [apiThing(there)] : [], [apiThing(wanted)]);

export function productThing(product: WholeProduct): Thing {
  const { id, scopes, apis, invited, rate, quota, price, ...fields } = product;
  const { roleScopes, ...own } = fields;
  const of = `of product ${id}`;
  return {
    title: `product ${id}`,
    fields: {
      ...own,
      ...fieldsWithin('rate', rate ?? { calls: null, seconds: null }),
      ...fieldsWithin('quota', quota ?? { calls: null, seconds: null }),
      ...fieldsWithin('price', price ?? { includedCalls: null, perThousand: null, currency: null }),
    },
    reordered: 'scopes in another order',
    parts: [
      ...scopes.map(({ scope, ...words }) => ({ title: `scope ${scope} ${of}`, fields: words })),
      ...byTitle(
        Object.entries(settledRoles(roleScopes)).map(([role, given]) => ({
          title: `role ${role} ${of}`,
          fields: { scopes: given },
        })),
      ),
      ...byTitle(
        apis.map(({ id: api, baseUrl, version }) => ({
          title: `api ${api} at ${baseUrl} ${of}`,
          fields: { version: version ?? 'current' },
        })),
      ),
      ...invited.toSorted().map((team) => ({ title: `invited team ${team} ${of}`, fields: {} })),
    ],
  };
}

/** Whose order means nothing. */
const byTitle = (things: Thing[]): Thing[] =>
  things.toSorted((a, b) => (a.title < b.title ? -1 : 1));

/** In one order, and none without any: the database keeps nothing of a role that may do nothing. */
const settledRoles = (roleScopes: RoleScopes): RoleScopes =>
  Object.fromEntries(
    Object.entries(roleScopes).flatMap(([role, given]) =>
      given.length > 0 ? [[role, given.toSorted()]] : [],
    ),
  );

/** Name and description of an API are its document's. */
export function apiThing(api: Api): Thing {
  return {
    title: `api ${api.id}`,
    fields: {
      'current version': api.version,
      keyHeader: api.keyHeader,
      keyParameter: api.keyParameter,
      cors: api.cors,
    },
    parts: [
      ...versionsOf(api).map(({ version, document }) => ({
        title: `version ${version} of api ${api.id}`,
        fields: { document: { tree: document } },
      })),
      ...api.baseUrls.map(({ name, url }) => ({
        title: `base URL ${name} of api ${api.id}`,
        fields: { url },
      })),
    ],
  };
}
