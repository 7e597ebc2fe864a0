import type { IncomingMessage } from 'node:http';

/** The call that a gateway asks about. */
export type Asked = {
  /** As it stands in the address: nothing in it is resolved. */
  api: string;
  /** The call's own; '': no telling which. */
  method: string;
  /** As the API's caller wrote it; '': no telling which. */
  path: string;
  query: string;
  /** A browser asks whether it may call. */
  preflight: boolean;
  headers: IncomingMessage['headers'];
  /** `Authorization`, as often as it came. */
  authorizations: readonly string[];
};

export const prefix = '/gateway/verify/';

/**
 * Gateways that ask with a request of their own (nginx, Caddy, Traefik) name the call in headers;
 * those that send it on (Envoy) have it in their own method and behind the API. Where two headers name
 * two calls, there is no telling which.
 */
export function readAsked({ url = '', method = '', headers, rawHeaders }: IncomingMessage): Asked {
  const end = endOfApi(url);
  const target = oneOf(headers['x-forwarded-uri'], headers['x-original-uri']) ?? url.slice(end);
  const called = oneOf(headers['x-forwarded-method'], headers['x-original-method']) ?? method;
  const [path, query] = partsOf(target);
  return {
    api: url.slice(prefix.length, end),
    method: called,
    path,
    query,
    preflight: called === 'OPTIONS' && headers['access-control-request-method'] !== undefined,
    headers,
    authorizations: authorizationsIn(rawHeaders),
  };
}

/** Where in our own address the API's name ends and the call's begins. */
function endOfApi(url: string): number {
  for (let at = prefix.length; at < url.length; at += 1) {
    const one = url[at];
    if (one === '/' || one === '?' || one === '#') return at;
  }
  return url.length;
}

/** Path and query of an address in absolute or origin form (RFC 9112 section 3.2). */
function partsOf(target: string): [path: string, query: string] {
  const fragment = target.indexOf('#');
  const whole = fragment < 0 ? target : target.slice(0, fragment);
  const origin = whole.startsWith('/') ? '' : (/^https?:\/\/[^/?]*/i.exec(whole)?.[0] ?? '');
  const mark = whole.indexOf('?', origin.length);
  return mark < 0
    ? [whole.slice(origin.length), '']
    : [whole.slice(origin.length, mark), whole.slice(mark + 1)];
}

/** Undefined: neither is there. '': they differ. */
function oneOf(
  first: string | string[] | undefined,
  second: string | string[] | undefined,
): string | undefined {
  if (first === undefined || second === undefined) return textOf(first ?? second);
  return first === second ? textOf(first) : '';
}

const textOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

/** Node keeps the first only; who stands behind us may read another. */
function authorizationsIn(raw: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') found.push(raw[at + 1] ?? '');
  }
  return found;
}

/**
 * The key of the call: the API's header, or where that is absent the query of the call's own address.
 * Undefined: there is none. '': there are several.
 */
export function keyOf(
  { headers, query }: Asked,
  { keyHeader, keyParameter }: { keyHeader: string; keyParameter: string },
): string | undefined {
  const inHeader = textOf(headers[keyHeader.toLowerCase()]);
  if (inHeader) return inHeader;
  if (!query.includes(keyParameter)) return undefined;
  const inQuery = new URLSearchParams(query).getAll(keyParameter);
  return inQuery.length > 1 ? '' : inQuery[0] || undefined;
}

/**
 * What comes as a bearer token, whatever it is. Undefined: there is none. '': what is there cannot be
 * read.
 */
export function bearerOf({ authorizations }: Asked): string | undefined {
  const [first, second] = authorizations;
  if (second !== undefined) return '';
  if (first === undefined) return undefined;
  if (first.startsWith('Bearer e')) return first.slice('Bearer '.length); // as nearly all come
  if (!/^bearer(\s|$)/i.test(first)) return undefined;
  return /^bearer +([^ ]+) *$/i.exec(first)?.[1] ?? '';
}
