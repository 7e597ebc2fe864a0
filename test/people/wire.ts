/** What was secret in what went over the wire, by where it was. */
export type Wire = {
  secrets: Map<string, string>;
  /** All that was met, also where the same secret was met elsewhere before. */
  met: Set<string>;
  add(what: string, secret: string | undefined | null): void;
  stop(): void;
};

const secretFields =
  /^(csrf|password|code|recovery_code|offer|code_verifier|client_secret|client_assertion|token|(access|refresh|id)_token|id_token_hint)$/;

/** Until `stop`, every fetch of this process is overheard: forms, cookies, headers, redirects, answers. */
export function overhear(): Wire {
  const original = globalThis.fetch;
  const secrets = new Map<string, string>();
  const met = new Set<string>();

  const add: Wire['add'] = (what, secret) => {
    if (!secret || secret.length < 6) return;
    secrets.set(secret, what);
    met.add(what);
  };
  const addFields = (where: string, fields: Iterable<[string, unknown]>) => {
    for (const [name, value] of fields) {
      if (secretFields.test(name) && typeof value === 'string') add(`${name} of ${where}`, value);
    }
  };
  const addCookies = (pairs: readonly string[]) => {
    for (const pair of pairs) {
      const at = pair.indexOf('=');
      add(`cookie ${pair.slice(0, at)}`, decodeURIComponent(pair.slice(at + 1)));
    }
  };

  globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    const { headers, body } = init ?? {};
    if (body instanceof URLSearchParams) addFields(`a form to ${url.pathname}`, body);
    const authorization = new Headers(headers).get('authorization') ?? '';
    const [scheme = '', credentials = ''] = authorization.split(' ');
    if (scheme === 'Bearer') add('a bearer token', credentials);
    if (scheme === 'Basic') {
      add('basic credentials', credentials);
      const [, ...secret] = Buffer.from(credentials, 'base64').toString().split(':');
      add('a client secret', decodeURIComponent(secret.join(':')));
    }
    const answer = await original(input, init);
    addCookies(answer.headers.getSetCookie().map((line) => line.split(';')[0] ?? ''));
    const location = answer.headers.get('location');
    if (location) addFields('a redirect', new URL(location, url).searchParams);
    const text = await answer.clone().text();
    for (const [, csrf] of text.matchAll(/name="csrf" value="([^"]+)"/g)) add('csrf', csrf);
    if (text.startsWith('{')) addFields('an answer', Object.entries(JSON.parse(text)));
    return answer;
  };
  return {
    secrets,
    met,
    add,
    stop() {
      globalThis.fetch = original;
    },
  };
}
