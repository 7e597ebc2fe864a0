import type { OpenApi } from '../products/api.ts';

/** Names of a document's security schemes that are no access tokens: what they ask for are no scopes. */
export function otherSchemesOf(document: OpenApi): ReadonlySet<string> {
  const schemes = objectOf(objectOf(document.components).securitySchemes);
  const isOther = (given: unknown) =>
    ['apiKey', 'http', 'mutualTLS'].includes(String(objectOf(followed(document, given)).type));
  return new Set(Object.keys(schemes).filter((name) => isOther(schemes[name])));
}

/**
 * What a security requirement asks of a token: any one of the lists, and of it every scope. One list
 * without a scope where it asks nothing.
 */
export function scopesAsked(security: unknown, others: ReadonlySet<string>): string[][] {
  if (!Array.isArray(security) || security.length === 0) return [[]];
  return security.map((requirement) =>
    Object.entries(objectOf(requirement)).flatMap(([name, scopes]) =>
      !others.has(name) && Array.isArray(scopes) ? scopes.map(String) : [],
    ),
  );
}

/** What a `$ref` within the document leads to, over a few of them; itself where it is none. */
export function followed(document: OpenApi, given: unknown, further = 8): unknown {
  const ref = isObject(given) ? given.$ref : undefined;
  if (typeof ref !== 'string' || !ref.startsWith('#/') || further === 0) return given;
  const names = ref.slice(2).split('/');
  const target = names.reduce<unknown>(
    (at, name) => objectOf(at)[name.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  );
  return followed(document, target, further - 1);
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const objectOf = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});
