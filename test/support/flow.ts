import { createHash, randomBytes } from 'node:crypto';

/** A browser as far as an authorization needs one: cookies by path, redirects by hand, forms. */
export type Browser = {
  /** Follows redirects as long as they stay on `origin`; answers the last response. */
  open(url: string, init?: RequestInit): Promise<Page>;
};

export type Page = {
  url: string;
  status: number;
  headers: Headers;
  text: string;
  location: string | null;
};

type Cookie = { name: string; value: string; path: string };

export function newBrowser(origin: string): Browser {
  const jar: Cookie[] = [];
  const header = (url: URL) =>
    jar
      .filter(
        ({ path }) => url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, '/')),
      )
      .sort((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');

  async function once(url: string, init: RequestInit): Promise<Page> {
    const answer = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: header(new URL(url)), ...init.headers },
    });
    for (const line of answer.headers.getSetCookie()) keep(jar, line);
    const { status, headers } = answer;
    return { url, status, headers, text: await answer.text(), location: headers.get('location') };
  }

  return {
    async open(url, init = {}) {
      let page = await once(url, init);
      for (let hops = 0; page.location && hops < 10; hops += 1) {
        const next = new URL(page.location, page.url);
        if (next.origin !== origin) break;
        page = await once(next.href, {});
      }
      return page;
    },
  };
}

function keep(jar: Cookie[], line: string): void {
  const [pair = '', ...attributes] = line.split(/;\s*/);
  const name = pair.slice(0, pair.indexOf('='));
  const value = pair.slice(pair.indexOf('=') + 1);
  const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/';
  const known = jar.findIndex((cookie) => cookie.name === name && cookie.path === path);
  if (known >= 0) jar.splice(known, 1);
  if (value !== '') jar.push({ name, value, path });
}

/** PKCE (RFC 7636) with S256. */
export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** Sends the form on a page of ours, with its hidden fields, as a browser would. */
export function submit(
  browser: Browser,
  page: Page,
  fields: Record<string, string>,
): Promise<Page> {
  const action = /<form[^>]*action="([^"]+)"/.exec(page.text)?.[1];
  if (!action)
    throw new Error(`no form on ${page.url} (${page.status}): ${page.text.slice(0, 500)}`);
  const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
  const body = new URLSearchParams();
  for (const [, name = '', value = ''] of hidden) body.set(name, value);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  const url = new URL(action.replaceAll('&amp;', '&'), page.url);
  return browser.open(url.href, { method: 'POST', body, headers: { origin: url.origin } });
}

export type CodeClient = { id: string; secret?: string | null; redirectUri: string };

/** The address of an authorization request. */
export const authorizationUrl = (
  issuer: string,
  client: CodeClient,
  challenge: string,
  more: Record<string, string> = {},
): string =>
  `${issuer}/auth?${new URLSearchParams({
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'state+/=',
    ...more,
  })}`;

/** What came back to the client. */
export function answerOf(page: Page): URLSearchParams {
  if (!page.location)
    throw new Error(`no redirect from ${page.url} (${page.status}): ${page.text.slice(0, 800)}`);
  const url = new URL(page.location);
  return new URLSearchParams(url.search || url.hash.slice(1));
}

export type TokenAnswer = { status: number; headers: Headers; body: Record<string, unknown> };

/** One call of a form endpoint; the client authenticates by Basic when it has a secret. */
export async function post(
  url: string,
  client: { id: string; secret?: string | null } | null,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const basic = client?.secret && Buffer.from(`${client.id}:${client.secret}`).toString('base64');
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...(basic && { authorization: `Basic ${basic}` }), ...headers },
    body: new URLSearchParams({
      ...(client && !client.secret && { client_id: client.id }),
      ...form,
    }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text.startsWith('{') ? JSON.parse(text) : {},
  };
}

/** What a person does on the page: one click as a test user. */
export const asTestUser = (id: string): Record<string, string> => ({
  decision: 'authorize',
  use_test_user: 'yes',
  test_user: id,
});

/** The tick box unticked, and credentials of one's own. */
export const asAccount = (username: string, password: string): Record<string, string> => ({
  decision: 'authorize',
  username,
  password,
});

/** An authorization request and the page, where one is shown: the address that the browser is sent back to. */
export async function sentBack(
  browser: Browser,
  url: string,
  choice: Record<string, string>,
): Promise<URL> {
  const page = await browser.open(url);
  const last = page.location ? page : await submit(browser, page, choice);
  if (!last.location)
    throw new Error(`no redirect from ${last.url} (${last.status}): ${last.text.slice(0, 800)}`);
  return new URL(last.location);
}

/** A code, and what the token request for it says. */
export async function buyCode(
  issuer: string,
  client: CodeClient,
  choice: Record<string, string>,
  more: Record<string, string> = {},
): Promise<Record<string, string>> {
  const { verifier, challenge } = pkce();
  const browser = newBrowser(new URL(issuer).origin);
  const back = await sentBack(browser, authorizationUrl(issuer, client, challenge, more), choice);
  const code = back.searchParams.get('code');
  if (!code) throw new Error(`no code: ${back.search}`);
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  };
}

/** The whole code grant. */
export const buyTokens = async (
  issuer: string,
  client: CodeClient,
  choice: Record<string, string>,
  more: Record<string, string> = {},
): Promise<TokenAnswer> =>
  post(`${issuer}/token`, client, await buyCode(issuer, client, choice, more));
