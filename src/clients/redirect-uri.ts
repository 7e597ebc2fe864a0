import { urlOf } from '../base/url.ts';

/**
 * Which redirect URIs (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 2.1) and which
 * origins an application may have. They are compared byte for byte, so whatever two readers could
 * take for two things is refused here, where a person can still correct it.
 */

/** Schemes of known tools without a dot of their own: these addresses, and no others of theirs. */
const knownPrivate: readonly string[] = ['bruno://app/oauth2/callback'];

/** What the answer itself brings (RFC 6749 section 4.1.2, RFC 9207): an address that has one already would have two. */
const answered = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri', 'response'];

const longest = 1000;
const uriCharacters = /^[!$&-;=?-Z[\]_a-z~%#@+]+$/; // RFC 3986: no space, quote, control or non-ASCII
const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
/** RFC 8252 section 7.1: a domain of one's own, read from behind. */
const privateScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$/;

/** The addresses of the machine on which the browser runs, as oidc-provider counts them. */
const isLoopback = (hostname: string): boolean =>
  /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
/** RFC 6761 section 6.3; browsers ask no name server for them. */
const staysHere = (hostname: string): boolean =>
  isLoopback(hostname) || hostname.endsWith('.localhost');

/** What is wrong with one redirect URI, in a sentence that says what to do; undefined: it is good. */
export function redirectUriFault(uri: string): string | undefined {
  return writingFault(uri) ?? (/^https?:/.test(uri) ? webFault(uri) : privateFault(uri));
}

/** What no kind of address may hold. */
function writingFault(uri: string): string | undefined {
  if (uri.length > longest) return `Use at most ${longest} characters.`;
  if (!uriCharacters.test(uri)) {
    return 'Use the characters of an address only: no spaces, quotes, backslashes or accents.';
  }
  if (/^(javascript|data|vbscript|file|blob|about):/i.test(uri)) {
    return 'An address of this kind would run or show what it holds instead of leading back to you.';
  }
  if (uri.includes('#')) return 'Leave out "#" and what follows it: answers cannot go there.';
  if (uri.includes('*')) return 'Write each address out: a "*" stands for nothing here.';
  if (/%(?![0-9a-f]{2})|%(0\d|0[a-f]|1[0-9a-f]|7f|2e|2f|5c)/i.test(uri)) {
    return 'Leave out encoded dots, slashes and control characters.';
  }
  if (/(^|[/:])\.{1,2}([/?]|$)/.test(uri)) return 'Write the path out, without "." or "..".';
  return undefined;
}

function webFault(uri: string): string | undefined {
  const url = urlOf(uri);
  if (!url || !/^https?:\/\/[^/]/.test(uri))
    return 'Write a whole address, such as https://app.example.com/callback.';
  const authority = /^https?:\/\/([^/?]*)/.exec(uri)?.[1] ?? '';
  if (/[@%]/.test(authority)) return 'Leave out the user name before the host.';
  if (!url.hostname.startsWith('[') && !hostName.test(url.hostname))
    return 'This host cannot be reached by that name.';
  if (url.href !== uri && url.href !== `${uri}/` && !sameWithQuery(url, uri)) {
    return `Addresses are compared letter for letter: write it as browsers do, ${url.href}`;
  }
  if (url.protocol === 'http:' && !staysHere(url.hostname)) {
    return 'Use https. Only an address on the same machine, such as http://127.0.0.1, may do without.';
  }
  const twice = answered.find((name) => url.searchParams.has(name));
  return twice && `Leave out the parameter "${twice}": the answer brings its own.`;
}

/** `https://host?x=y`, which browsers write with a slash, as they write a bare origin. */
const sameWithQuery = (url: URL, uri: string): boolean =>
  url.pathname === '/' && url.href.replace('/?', '?') === uri;

function privateFault(uri: string): string | undefined {
  if (knownPrivate.includes(uri)) return undefined;
  const [, scheme = '', rest = ''] = /^([^:]*):(.*)$/.exec(uri) ?? [];
  if (!privateScheme.test(scheme)) {
    return 'Use https, or for an app on a device a scheme of its own with a dot, such as com.example.app:/callback.';
  }
  if (!/^\/{1,2}[^/?]/.test(rest))
    return 'Write a path behind the scheme, such as com.example.app:/callback.';
  if (rest.includes('@')) return 'Leave out the user name before the host.';
  return urlOf(uri) ? undefined : 'This cannot be read as an address.';
}

/**
 * What is wrong with all redirect URIs of one application, by their place in the list. One that is
 * native (RFC 8252) is held to what oidc-provider lets native applications have.
 */
export function redirectUriFaults(
  uris: readonly string[],
  authMethod: string,
): { at: number; message: string }[] {
  const native = isNative({ authMethod, redirectUris: uris });
  return uris.flatMap((uri, at) => {
    const message =
      redirectUriFault(uri) ??
      (uris.indexOf(uri) < at ? 'This stands here twice.' : undefined) ??
      (native ? nativeFault(uri) : undefined);
    return message ? [{ at, message }] : [];
  });
}

function nativeFault(uri: string): string | undefined {
  const url = urlOf(uri);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  const fault = url.protocol === 'https:' ? isLoopback(url.hostname) : !isLoopback(url.hostname);
  if (!fault) return undefined;
  return 'An app on a device takes its answers at http://127.0.0.1 or http://localhost on its own machine: make another application for this address.';
}

/** RFC 8252 section 7: an app on a device, told by where its answers go. Any port of loopback will do for it. */
export const isNative = ({
  authMethod,
  redirectUris,
}: {
  authMethod: string;
  redirectUris: readonly string[];
}): boolean =>
  redirectUris.some(
    (uri) =>
      !/^https?:/.test(uri) ||
      (authMethod === 'none' && /^http:\/\/(127\.0\.0\.1|\[::1\])[:/]/.test(uri)),
  );

/** What may well be meant, and yet surprises people: sentences to show beside the addresses. */
export function redirectUriWarnings(uris: readonly string[], environment: string): string[] {
  const azure = uris.filter(
    (uri) => /\/signin-oauth\/(code|code-pkce|implicit)\/callback/i.test(uri) && /[A-Z]/.test(uri),
  );
  const here = uris.filter((uri) => /^https?:/.test(uri) && staysHere(urlOf(uri)?.hostname ?? ''));
  return [
    ...azure.map(
      (uri) =>
        `Azure API Management asks with this address in small letters, and no longer matches: ${uri}`,
    ),
    ...(environment === 'live'
      ? here.map((uri) => `This is an address of your own machine, in live: ${uri}`)
      : []),
  ];
}

/** What is wrong with an origin from which browser pages may call the token endpoint. */
export function originFault(origin: string): string | undefined {
  const fault = writingFault(origin) ?? (/^https?:/.test(origin) ? webFault(origin) : undefined);
  if (fault) return fault;
  if (/^https?:/.test(origin) && urlOf(origin)?.origin === origin) return undefined;
  return 'Write an origin, such as https://app.example.com: scheme and host, and nothing behind.';
}

/** Where known tools take their answers. Those with `{…}` depend on where the tool is served. */
export const redirectPresets: readonly { tool: string; uris: readonly string[] }[] = [
  {
    tool: 'Postman',
    uris: ['https://oauth.pstmn.io/v1/callback', 'https://oauth.pstmn.io/v1/browser-callback'],
  },
  { tool: 'Insomnia', uris: ['https://app.insomnia.rest/oauth/redirect'] },
  { tool: 'Bruno', uris: knownPrivate },
  { tool: 'Hoppscotch', uris: ['{origin}/oauth'] },
  { tool: 'Swagger UI', uris: ['{page}/oauth2-redirect.html'] },
];
