import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  authorizationUrl,
  type Browser,
  newBrowser,
  type Page,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Client = Awaited<ReturnType<typeof aClient>> & { redirectUri: string };
type Tokens = Partial<Record<'access_token' | 'refresh_token' | 'id_token', string>>;

const afterwards = 'https://client.example/signed-out?from=us';
const state = 'a b+c/d=e&f';

describe('signing out (OpenID Connect RP-Initiated Logout)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let app: Client;
  let other: Client;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const subscriptions = [
      await aSubscription(server.pool, { product: await aProduct(server.pool) }),
    ];
    const made = async (): Promise<Client> => {
      const given = { subscriptions, name: 'Ward app', postLogoutRedirectUris: [afterwards] };
      const client = await aClient(server.pool, given);
      return { ...client, redirectUri: client.redirectUris[0] ?? '' };
    };
    [app, other] = [await made(), await made()];
    await aTestUser(server.pool, { id: 'tu_gp' });
  });
  afterAll(() => server.close());

  async function authorize(browser: Browser, client: Client, scope: string): Promise<Tokens> {
    const { verifier, challenge } = pkce();
    const url = authorizationUrl(server.sandbox, client, challenge, { scope });
    const page = await browser.open(url);
    const chosen = { decision: 'authorize', use_test_user: 'yes', test_user: 'tu_gp' };
    const back = page.status === 200 ? await submit(browser, page, chosen) : page;
    const { body } = await post(`${server.sandbox}/token`, client, {
      grant_type: 'authorization_code',
      code: answerOf(back).get('code') ?? '',
      redirect_uri: client.redirectUri,
      code_verifier: verifier,
    });
    return body as Tokens;
  }

  async function isSignedIn(browser: Browser, client: Client): Promise<boolean> {
    const { challenge } = pkce();
    const more = { scope: 'openid read', prompt: 'none' };
    const answer = answerOf(
      await browser.open(authorizationUrl(server.sandbox, client, challenge, more)),
    );
    if (answer.has('code')) return true;
    expect(answer.get('error')).toBe('login_required');
    return false;
  }

  /** What introspection and userinfo say. */
  async function isAlive(client: Client, { access_token: token = '' }: Tokens) {
    const introspected = await post(`${server.sandbox}/token/introspection`, client, { token });
    const headers = { authorization: `Bearer ${token}` };
    const me = await fetch(`${server.sandbox}/me`, { headers });
    return [introspected.body.active, me.status];
  }
  const alive = [true, 200];
  const dead = [false, 401];

  const refresh = (client: Client, { refresh_token = '' }: Tokens) =>
    post(`${server.sandbox}/token`, client, { grant_type: 'refresh_token', refresh_token });

  const logoutUrl = (more: Record<string, string | undefined> = {}) =>
    `${server.sandbox}/session/end?${new URLSearchParams(more as Record<string, string>)}`;

  /** To the page that asks. */
  const askToSignOut = (browser: Browser, { id_token }: Tokens, more = {}): Promise<Page> =>
    browser.open(
      logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri: afterwards, state, ...more }),
    );

  const signOut = async (browser: Browser, tokens: Tokens) =>
    submit(browser, await askToSignOut(browser, tokens), { logout: 'yes' });

  test('nobody is signed out by a link: the page asks first', async () => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid read');
    const bare = await browser.open(logoutUrl());
    for (const page of [bare, await askToSignOut(browser, tokens)]) {
      expect(page).toMatchObject({ status: 200, location: null });
      expect(page.text).toContain('Sign out?');
      expect(page.text).toMatch(/name="logout" value="yes"/);
      expect(page.text).not.toMatch(/<script/);
      expect(page.headers.get('cache-control')).toContain('no-store');
    }
    expect((await askToSignOut(browser, tokens)).text).toContain('Ward app');
    expect(await isSignedIn(browser, app)).toBe(true);
    expect(await isAlive(app, tokens)).toEqual(alive);
  });

  test('a form from elsewhere, which cannot know the page’s secret, signs nobody out', async () => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid read');
    await askToSignOut(browser, tokens);
    const answer = await browser.open(`${server.sandbox}/session/end/confirm`, {
      method: 'POST',
      body: new URLSearchParams({ logout: 'yes', xsrf: 'guessed' }),
    });
    expect(answer.status).toBe(400);
    expect(await isSignedIn(browser, app)).toBe(true);
    expect(await isAlive(app, tokens)).toEqual(alive);
  });

  test('whoever says yes lands where the application said, with its state as it came', async () => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid read');
    const { location } = await signOut(browser, tokens);
    const back = new URL(location ?? '');
    expect(back.searchParams.get('state')).toBe(state);
    back.searchParams.delete('state');
    expect(back.href).toBe(afterwards);
    expect(await isSignedIn(browser, app)).toBe(false);
  });

  test('without such an address they read that they are signed out', async () => {
    const browser = newBrowser(server.baseUrl);
    await authorize(browser, app, 'openid read');
    const page = await submit(browser, await browser.open(logoutUrl()), { logout: 'yes' });
    expect(page).toMatchObject({ status: 200, location: null });
    expect(page.text).toContain('You are signed out');
    expect(await isSignedIn(browser, app)).toBe(false);
  });

  test.each([
    ['another address', 'https://evil.example/'],
    ['a longer one', `${afterwards}&more=1`],
    ['another path', 'https://client.example/signed-out/'],
  ])('to %s nobody is sent, and nobody is signed out', async (_what, post_logout_redirect_uri) => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid read');
    const page = await askToSignOut(browser, tokens, { post_logout_redirect_uri });
    expect(page).toMatchObject({ status: 400, location: null });
    expect(await isSignedIn(browser, app)).toBe(true);
  });

  test('a forged hint is refused', async () => {
    const browser = newBrowser(server.baseUrl);
    const { id_token = '' } = await authorize(browser, app, 'openid read');
    const [head, , signature] = id_token.split('.');
    const claims = { iss: server.sandbox, aud: app.id, sub: 'tu_gp', exp: 4_000_000_000 };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const page = await askToSignOut(browser, { id_token: `${head}.${body}.${signature}` });
    expect(page).toMatchObject({ status: 400, location: null });
    expect(await isSignedIn(browser, app)).toBe(true);
  });

  test('what was issued for this session ends with it, for every application in it', async () => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid read');
    const ofOther = await authorize(browser, other, 'openid read');
    expect(tokens).not.toHaveProperty('refresh_token');
    expect([await isAlive(app, tokens), await isAlive(other, ofOther)]).toEqual([alive, alive]);
    await signOut(browser, tokens);
    expect([await isAlive(app, tokens), await isAlive(other, ofOther)]).toEqual([dead, dead]);
    expect([await isSignedIn(browser, app), await isSignedIn(browser, other)]).toEqual([
      false,
      false,
    ]);
  });

  test('all that one application got in a session ends, also what it asked for separately', async () => {
    const browser = newBrowser(server.baseUrl);
    const first = await authorize(browser, app, 'openid read');
    const second = await authorize(browser, app, 'openid email read'); // consent was asked again
    const third = await authorize(browser, app, 'openid read'); // and here it was not
    const all = [first, second, third];
    for (const tokens of all) expect(await isAlive(app, tokens)).toEqual(alive);
    await signOut(browser, third);
    for (const tokens of all) expect(await isAlive(app, tokens)).toEqual(dead);
  });

  test('what was given for offline use outlives the session', async () => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid offline_access read');
    const ofOther = await authorize(browser, other, 'openid read');
    await signOut(browser, ofOther);
    expect(await isSignedIn(browser, app)).toBe(false);
    expect(await isAlive(app, tokens)).toEqual(alive);
    expect(await isAlive(other, ofOther)).toEqual(dead);
    const next = await refresh(app, tokens);
    expect(next.status).toBe(200);
    expect(await isAlive(app, next.body as Tokens)).toEqual(alive);
  });

  test('another browser of the same person stays signed in', async () => {
    const [here, there] = [newBrowser(server.baseUrl), newBrowser(server.baseUrl)];
    const tokensHere = await authorize(here, app, 'openid read');
    const tokensThere = await authorize(there, app, 'openid read');
    await signOut(here, tokensHere);
    expect([await isSignedIn(here, app), await isSignedIn(there, app)]).toEqual([false, true]);
    expect(await isAlive(app, tokensThere)).toEqual(alive);
  });

  test('“Stay signed in” keeps the session, and the asking application goes without', async () => {
    const browser = newBrowser(server.baseUrl);
    const tokens = await authorize(browser, app, 'openid read');
    const ofOther = await authorize(browser, other, 'openid read');
    const back = await submit(browser, await askToSignOut(browser, tokens), {});
    expect(back.location).toContain('https://client.example/signed-out');
    expect(await isSignedIn(browser, other)).toBe(true);
    expect(await isAlive(other, ofOther)).toEqual(alive);
    expect(await isAlive(app, tokens)).toEqual(dead); // it did ask to be signed out
  });
});
