import type { OpenApi } from '../products/api.ts';
import { followed, isObject, objectOf, otherSchemesOf, scopesAsked } from './document.ts';

/** What an API's document says of calls. */
export type Operations = {
  /** Whether it asks for a scope anywhere: then a call that it does not name is refused. */
  asksScopes: boolean;
  /** @param path below the base URL, as it came. Undefined: none, or no telling which. */
  find(method: string, path: string): Operation | undefined;
};

export type Operation = {
  /** `GET /Patient/{id}` */
  name: string;
  /** Any one of these lists will do; of it, every scope. */
  scopes: readonly (readonly string[])[];
};

type Path = { segments: readonly Segment[]; methods: ReadonlyMap<string, Operation> };
/** A segment of a template: its text, or the texts around and between its parameters. */
type Segment = string | readonly string[];

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'];

export function operationsOf(document: OpenApi): Operations {
  const paths = pathsOf(document);
  const plain = new Map<string, Path>();
  const templates = new Map<number, Path[]>();
  for (const path of paths) {
    const { segments } = path;
    if (segments.every((one) => typeof one === 'string')) plain.set(segments.join('/'), path);
    else templates.set(segments.length, [...(templates.get(segments.length) ?? []), path]);
  }
  const all = paths.flatMap((path) => [...path.methods.values()]);

  return {
    asksScopes: all.some(({ scopes }) => scopes.some((list) => list.length > 0)),
    find(method, path) {
      const segments = readSegments(path);
      if (!segments) return undefined;
      const found =
        plain.get(segments.join('/')) ?? plainest(templates.get(segments.length), segments);
      return (
        found?.methods.get(method) ?? (method === 'HEAD' ? found?.methods.get('GET') : undefined)
      );
    },
  };
}

function pathsOf(document: OpenApi): Path[] {
  const others = otherSchemesOf(document);
  return Object.entries(objectOf(document.paths)).flatMap(([template, given]) => {
    const item = followed(document, given);
    if (!template.startsWith('/') || !isObject(item)) return [];
    const found = methods.flatMap((method) => {
      const operation = item[method];
      if (!isObject(operation)) return [];
      const name = method.toUpperCase();
      const scopes = scopesAsked(operation.security ?? document.security, others);
      return [[name, { name: `${name} ${template}`, scopes }] as const];
    });
    const segments = template.slice(1).split('/').map(segmentOf);
    return [{ segments, methods: new Map<string, Operation>(found) }];
  });
}

const segmentOf = (text: string): Segment => {
  const texts = text.split(/\{[^}]*\}/);
  return texts.length === 1 ? text : texts;
};

/**
 * Undefined for a path that an API behind us could read in another way than we do: with `..`, an
 * encoded slash, nothing between two slashes, or a parameter of a segment.
 */
function readSegments(path: string): string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  const segments: string[] = [];
  const raw = path.slice(1).split('/');
  for (const [at, one] of raw.entries()) {
    const read = decoded(one);
    if (read === undefined || read === '.' || read === '..') return undefined;
    if (read === '' && at < raw.length - 1) return undefined;
    segments.push(read);
  }
  return segments;
}

function decoded(segment: string): string | undefined {
  if (/^[\w.~$:@!*,=+&'()-]*$/.test(segment)) return segment;
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  return /[/\\;%?#\p{Cc}]/u.test(text) ? undefined : text;
}

/** Of those that fit, the one that says most, from the left; undefined where two say as much. */
function plainest(
  paths: readonly Path[] | undefined,
  segments: readonly string[],
): Path | undefined {
  let best: Path | undefined;
  let alone = true;
  for (const path of paths ?? []) {
    if (!path.segments.every((segment, at) => fits(segment, segments[at] ?? ''))) continue;
    const order = best ? compare(path, best) : 1;
    if (order > 0) best = path;
    alone = order !== 0 && (alone || order > 0);
  }
  return alone ? best : undefined;
}

function compare(one: Path, other: Path): number {
  for (const [at, segment] of one.segments.entries()) {
    const difference = said(segment) - said(other.segments[at] ?? '');
    if (difference !== 0) return difference;
  }
  return 0;
}

const said = (segment: Segment): number =>
  typeof segment === 'string' ? Number.MAX_SAFE_INTEGER : segment.join('').length;

/** Every parameter takes at least one character. */
function fits(segment: Segment, text: string): boolean {
  if (typeof segment === 'string') return segment === text;
  const [first = '', ...rest] = segment;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const literal of rest) {
    const found = text.indexOf(literal, at + 1);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return text.length - last.length > at && text.endsWith(last);
}
