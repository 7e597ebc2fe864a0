import { urlOf } from '../base/url.ts';
import { Refused } from './relay-refusal.ts';

/** One HTTP request as the relay writes it: nothing is added on the way. */
export type RelayRequest = {
  method: string;
  url: URL;
  /** In the order in which they are sent, `host` first. */
  headers: [name: string, value: string][];
  body: Buffer;
};

/** What a person put together. */
export type Wanted = {
  method: string;
  /** Below the base URL, as it stands in the request line. */
  path: string;
  /** Without the question mark, as it stands in the request line. */
  query: string;
  /** `Name: value`, one a line. */
  headers: string;
  body: string;
};

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const mostBody = 1024 * 1024; // bytes
const mostHeaders = { lines: 50, characters: 16_384 };

/**
 * Belongs to the connection (RFC 9110 section 7.6.1), to a browser's own session, to proxies that
 * are believed by it, or has a field of its own.
 */
const ours = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-client-ip',
  'x-real-ip',
  'true-client-ip',
  'cf-connecting-ip',
]);
const ourPrefixes = ['proxy-', 'x-forwarded-', 'x-original-', 'x-rewrite-', 'sec-'];

/**
 * @param secrets header names and values that the relay adds: the key, and the token.
 * @throws {Refused} for a request that is not what it seems, or more than we send for somebody.
 */
export function relayRequest(
  baseUrl: string,
  wanted: Wanted,
  secrets: [name: string, value: string][],
): RelayRequest {
  const { method } = wanted;
  if (!(methods as readonly string[]).includes(method)) {
    throw new Refused('method', `The relay sends ${methods.join(', ')}, and no other method.`);
  }
  const url = urlUnder(baseUrl, wanted);
  const body = Buffer.from(wanted.body, 'utf8');
  if (body.length > mostBody) {
    throw new Refused('body_too_large', 'The relay sends at most 1 MB. Make the body smaller.');
  }
  const taken = secrets.map(([name]) => name.toLowerCase());
  const typed = headersOf(wanted.headers, taken);
  const names = new Set(typed.map(([name]) => name));
  const headers: [string, string][] = [
    ['host', url.host],
    ...(names.has('accept') ? [] : ([['accept', '*/*']] as [string, string][])),
    ...typed,
    ...(names.has('user-agent')
      ? []
      : ([['user-agent', 'sandgate-console']] as [string, string][])),
    ...secrets,
    ...(body.length > 0 || ['POST', 'PUT', 'PATCH'].includes(method)
      ? ([['content-length', String(body.length)]] as [string, string][])
      : []),
    ['connection', 'close'],
  ];
  return { method, url, headers, body };
}

const badPath = (why: string): Refused => new Refused('path', `${why} Change the path.`);

/** Exactly what was written, or nothing: whatever a server could read as a way out is refused. */
function urlUnder(baseUrl: string, { path, query }: Wanted): URL {
  const base = baseUrl.replace(/\/+$/, '');
  if (!/^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*$/.test(path)) {
    throw badPath(
      'The path holds a character that has to be written as %XX, or does not begin with "/".',
    );
  }
  if (path.includes('//')) throw badPath('The path has an empty part ("//").');
  for (const segment of path.split('/')) refuseTricks(segment);
  if (!/^[!"$-;=?-[\]_a-z|~{}^`]*$/.test(query) || /%(?![0-9A-Fa-f]{2})/.test(query)) {
    throw new Refused('query', 'The query holds a character that has to be written as %XX.');
  }
  if (path.length + query.length > 8192) {
    throw new Refused('too_long', 'Path and query are longer than 8,192 characters together.');
  }
  const url = urlOf(`${base}${path}${query && `?${query}`}`);
  const root = urlOf(base);
  if (!url || !root || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw badPath('The address of this API cannot be called.');
  }
  const under = path === '' ? root.pathname : root.pathname.replace(/\/+$/, '') + path;
  if (url.origin !== root.origin || url.pathname !== under)
    throw badPath('The path leads elsewhere.');
  return url;
}

/** However often somebody on the way may decode it. */
function refuseTricks(segment: string): void {
  let text = segment;
  for (let round = 0; round < 4; round += 1) {
    if (text === '.' || text === '..' || /^\.\.?;/.test(text))
      throw badPath('The path goes up ("..").');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    if (round > 0 && /[/\\\u0000-\u001f\u007f]/.test(text)) {
      throw badPath('The path hides a "/", a "\\" or a control character in one part.');
    }
    const next = decoded(text);
    if (next === text) return;
    text = next;
  }
  throw badPath('The path is encoded too many times.');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badPath('The path holds %XX that is no text.');
  }
}

function headersOf(text: string, taken: readonly string[]): [string, string][] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length > mostHeaders.lines || text.length > mostHeaders.characters) {
    throw new Refused(
      'headers_too_large',
      'These are too many headers: 50, or 16 kB, are the most.',
    );
  }
  return lines.map((line) => {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(line) ?? [];
    const lower = name.toLowerCase();
    if (!name || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw new Refused(
        'header',
        'A header is a name and a value of plain characters, on one line.',
      );
    }
    if (taken.includes(lower) || lower === 'authorization') {
      throw new Refused(
        'header',
        `The header ${name} has a field of its own on this page. Use that.`,
      );
    }
    if (ours.has(lower) || ourPrefixes.some((prefix) => lower.startsWith(prefix))) {
      throw new Refused('header', `The relay does not send the header ${name}. Leave it out.`);
    }
    return [lower, value.trimEnd()];
  });
}
