import type { Resource, Resources, ResourceType } from './fhir.ts';
import { Refusal } from './outcome.ts';
import { searchParameters } from './search-parameters.ts';

/** A page of a search: where it starts, and how many resources it may hold. */
export type Page = { readonly offset: number; readonly count: number };

export const defaultCount = 20;
export const largestCount = 50;

/** Where callers without the header put their key: the gateway's business, and not to be repeated. */
const keyParameter = 'subscription-key';

/** Parameters that select nothing. */
const steering = ['_count', '_offset', '_format', keyParameter];

/**
 * Those of `resources` that fit every parameter; of several values with commas between, any.
 * @throws {Refusal} 400 for a parameter or a value that this type is not searched by.
 */
export function select<T extends ResourceType>(
  type: T,
  resources: readonly Resources[T][],
  query: URLSearchParams,
): Resources[T][] {
  const table = searchParameters[type];
  const tests = [...query]
    .filter(([name]) => !steering.includes(name))
    .map(([name, values]) => {
      const parameter = Object.hasOwn(table, name) ? table[name] : undefined;
      if (!parameter) throw unknownParameter(type, name);
      const alternatives = valuesOf(name, values).map((value) => {
        const fits = parameter.test(value);
        if (!fits) throw unreadable(name, value);
        return fits;
      });
      return (resource: Resources[T]): boolean => alternatives.some((fits) => fits(resource));
    });
  return resources.filter((resource) => tests.every((fits) => fits(resource)));
}

/** @throws {Refusal} 400 for a `_count` or `_offset` that is no whole number. */
export const pageOf = (query: URLSearchParams): Page => ({
  offset: wholeNumber(query, '_offset', 0),
  count: Math.min(wholeNumber(query, '_count', defaultCount), largestCount),
});

/**
 * A searchset Bundle of one page (FHIR R4 §3.1.1.3): `total` counts all matches, and the links
 * repeat the search with another `_offset`. `base` is the API's URL, without a slash at the end.
 */
export function searchset(
  base: string,
  type: ResourceType,
  matches: readonly Resource[],
  query: URLSearchParams,
): object {
  const { offset, count } = pageOf(query);
  const link = (relation: string, at: number): object => {
    const again = new URLSearchParams(query);
    again.delete(keyParameter);
    again.set('_count', String(count));
    again.set('_offset', String(at));
    return { relation, url: `${base}/${type}?${again}` };
  };
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: matches.length,
    link: [
      link('self', offset),
      ...(offset > 0 && count > 0 ? [link('previous', Math.max(offset - count, 0))] : []),
      ...(count > 0 && offset + count < matches.length ? [link('next', offset + count)] : []),
    ],
    // FHIR JSON knows no empty arrays: a Bundle without entries has no such member.
    ...(matches.length > offset &&
      count > 0 && {
        entry: matches.slice(offset, offset + count).map((resource) => ({
          fullUrl: `${base}/${type}/${resource.id}`,
          resource,
          search: { mode: 'match' },
        })),
      }),
  };
}

function valuesOf(name: string, values: string): string[] {
  const alternatives = values.split(',');
  if (alternatives.includes('')) {
    throw new Refusal(400, 'invalid', `The search parameter ${name} needs a value.`);
  }
  return alternatives;
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const [value, ...more] = query.getAll(name);
  if (value === undefined) return otherwise;
  if (more.length > 0 || !/^\d{1,6}$/.test(value)) {
    throw new Refusal(400, 'invalid', `The parameter ${name} must be one whole number.`);
  }
  return Number(value);
}

function unknownParameter(type: ResourceType, name: string): Refusal {
  const known = [...Object.keys(searchParameters[type]), '_count'].join(', ');
  const words = `${type} has no search parameter "${name}" here. It has: ${known}.`;
  return new Refusal(400, 'not-supported', words);
}

const unreadable = (name: string, value: string): Refusal =>
  new Refusal(
    400,
    'invalid',
    `The search parameter ${name} needs a date such as 2026-02-10 or ge2026-02; "${value}" is none.`,
  );
