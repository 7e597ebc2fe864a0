import { decodeJwt } from 'jose';
import type { Product } from '../../src/products/product.ts';
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
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Client = Awaited<ReturnType<typeof aClient>> & { redirectUri: string };

describe('whoever tries a test user in the console stays who they were elsewhere', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let product: Product;
  let tryIt: Client; // public, of the console's page
  let testApplication: Client; // confidential, of the console's server side
  let app: Client; // a team's own
  let otherApp: Client;
  let accountsOnly: Client;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const { pool } = server;
    const team = await aTeam(pool);
    product = await aProduct(pool, {
      scopes: [
        { scope: 'read', description: 'Read examples', isDefault: true },
        { scope: 'write', description: 'Write examples', isDefault: false },
      ],
      roleScopes: { gp: ['read', 'write'], nurse: ['read'] },
    });
    const subscription = await aSubscription(pool, { team, product });
    const made = async (given: Parameters<typeof aClient>[1]): Promise<Client> => {
      const client = await aClient(pool, { subscriptions: [subscription], ...given });
      const secret = client.authMethod === 'none' ? '' : client.secret;
      return { ...client, secret, redirectUri: client.redirectUris[0] ?? '' };
    };
    tryIt = await made({ id: `console_${subscription.id}`, kind: 'console', authMethod: 'none' });
    testApplication = await made({ id: `test_${subscription.id}`, kind: 'test_application' });
    app = await made({});
    otherApp = await made({ redirectUris: ['https://other.example/callback'] });
    const forAccounts = await aProduct(pool, {
      subjects: 'accounts',
      grantTypes: ['authorization_code'],
    });
    const tied = [await aSubscription(pool, { team, product: forAccounts })];
    accountsOnly = await made({ subscriptions: tied });
    await aTestUser(pool, { id: 'tu_anna', name: 'Anna Persona' });
    await aTestUser(pool, { id: 'tu_tom', name: 'Tom Persona', role: 'nurse' });
  });
  afterAll(() => server.close());

  const as = (test_user: string) => ({ decision: 'authorize', use_test_user: 'yes', test_user });

  /** A request that knows its verifier. */
  const ask = (client: Client, more: Record<string, string> = {}, path = '/auth') => {
    const { verifier, challenge } = pkce();
    const url = authorizationUrl(server.sandbox, client, challenge, {
      scope: 'openid read',
      ...more,
    });
    return { client, verifier, url: url.replace('/auth?', `${path}?`) };
  };
  type Asked = ReturnType<typeof ask>;

  const tokens = async ({ client, verifier }: Asked, page: Page) => {
    const code = answerOf(page).get('code') ?? '';
    const { body } = await post(`${server.sandbox}/token`, client, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirectUri,
      code_verifier: verifier,
    });
    return body as Record<string, string>;
  };

  const subjectOf = (body: Record<string, string>) => decodeJwt(body.access_token ?? '').sub;

  /** Signed in with the page, as people are. */
  async function signIn(browser: Browser, client: Client, sub: string, more = {}) {
    const asked = ask(client, more);
    const page = await browser.open(asked.url);
    expect(page.status).toBe(200);
    return tokens(asked, await submit(browser, page, as(sub)));
  }

  /** Without a page, or the error that came instead. */
  async function silently(browser: Browser, client: Client) {
    const asked = ask(client, { prompt: 'none' });
    const page = await browser.open(asked.url);
    const error = answerOf(page).get('error');
    return error ?? subjectOf(await tokens(asked, page));
  }

  const storedSessions = async () => {
    const { rows } = await server.pool.query(
      `select r::text from oidc_records r where kind = 'Session' order by key`,
    );
    return JSON.stringify(rows);
  };

  /** Every name of a cookie that is set, or ended, while `work` runs. */
  async function cookiesSetBy(work: () => Promise<unknown>): Promise<string[]> {
    const names = new Set<string>();
    const { fetch } = globalThis;
    globalThis.fetch = async (...given) => {
      const answer = await fetch(...given);
      for (const line of answer.headers.getSetCookie()) names.add(line.split('=')[0] ?? '');
      return answer;
    };
    await work().finally(() => {
      globalThis.fetch = fetch;
    });
    return [...names];
  }

  const isConsole = () => [tryIt, testApplication];

  test('the page comes on every authorization of a console, however often one was just there', async () => {
    for (const client of isConsole()) {
      const browser = newBrowser(server.baseUrl);
      for (const sub of ['tu_anna', 'tu_anna', 'tu_tom']) {
        expect(subjectOf(await signIn(browser, client, sub))).toBe(sub);
      }
    }
  });

  test('the page comes although the browser has a session and the application its grant', async () => {
    const browser = newBrowser(server.baseUrl);
    await signIn(browser, app, 'tu_anna');
    for (const client of isConsole()) {
      expect(subjectOf(await signIn(browser, client, 'tu_anna'))).toBe('tu_anna');
      expect(await browser.open(ask(client).url)).toMatchObject({ status: 200, location: null });
    }
  });

  test('a console neither sees nor writes nor ends the session of the browser', async () => {
    const browser = newBrowser(server.baseUrl);
    const kept = await signIn(browser, app, 'tu_anna', { scope: 'openid offline_access read' });
    expect(await silently(browser, app)).toBe('tu_anna');
    const before = await storedSessions();

    for (const client of isConsole()) {
      const cookies = await cookiesSetBy(async () => {
        const asked = ask(client);
        const page = await browser.open(asked.url);
        expect(page.text).not.toContain('signed in as');
        await submit(browser, page, as('tu_tom'));
        const refused = await browser.open(ask(client).url);
        expect(answerOf(await submit(browser, refused, { decision: 'cancel' })).get('error')).toBe(
          'access_denied',
        );
      });
      expect(cookies.filter((name) => name.startsWith('sg_sandbox_session'))).toEqual([]);
      expect(cookies).toContain('sg_sandbox_interaction'); // it does see what is set
    }

    expect(await storedSessions()).toBe(before);
    expect(await silently(browser, app)).toBe('tu_anna');
    const { refresh_token = '' } = kept;
    const form = { grant_type: 'refresh_token', refresh_token };
    const again = await post(`${server.sandbox}/token`, app, form);
    expect(again).toMatchObject({ status: 200, body: { scope: 'read' } });
  });

  test.each(['/AUTH', '/auth/', '/Auth/'])(
    'the same holds for %s, which the library takes too',
    async (path) => {
      const browser = newBrowser(server.baseUrl);
      await signIn(browser, app, 'tu_anna');
      const before = await storedSessions();
      const asked = ask(tryIt, {}, path);
      const page = await browser.open(asked.url);
      expect(page.status).toBe(200);
      expect(subjectOf(await tokens(asked, await submit(browser, page, as('tu_tom'))))).toBe(
        'tu_tom',
      );
      expect(await storedSessions()).toBe(before);
      expect(await silently(browser, app)).toBe('tu_anna');
    },
  );

  test('a fresh browser has no session afterwards, and nobody stays signed in', async () => {
    const browser = newBrowser(server.baseUrl);
    const before = await storedSessions();
    const cookies = await cookiesSetBy(() => signIn(browser, tryIt, 'tu_anna'));
    expect(cookies.filter((name) => name.startsWith('sg_sandbox_session'))).toEqual([]);
    expect(await storedSessions()).toBe(before);
    expect(await silently(browser, app)).toBe('login_required');
  });

  test('a console cannot ask silently, even where somebody is signed in', async () => {
    const browser = newBrowser(server.baseUrl);
    await signIn(browser, app, 'tu_anna');
    for (const client of isConsole())
      expect(await silently(browser, client)).toBe('login_required');
    expect(await silently(browser, app)).toBe('tu_anna');
  });

  test('two pop-ups open at once both finish, each as whom it was told', async () => {
    const browser = newBrowser(server.baseUrl);
    const [one, two] = [ask(tryIt, { state: 'one' }), ask(testApplication, { state: 'two' })];
    const [first, second] = [await browser.open(one.url), await browser.open(two.url)];
    const [backTwo, backOne] = [
      await submit(browser, second, as('tu_tom')),
      await submit(browser, first, as('tu_anna')),
    ];
    expect([backOne, backTwo].map((page) => answerOf(page).get('state'))).toEqual(['one', 'two']);
    expect(subjectOf(await tokens(one, backOne))).toBe('tu_anna');
    expect(subjectOf(await tokens(two, backTwo))).toBe('tu_tom');
  });

  test.each(['a b+c/d=e&f?g#h%20ü~"<', 'state+/=', '{"page":"/try?x=1&y=2"}'])(
    'the state comes back as it went: %s',
    async (state) => {
      const browser = newBrowser(server.baseUrl);
      const page = await browser.open(ask(tryIt, { state }).url);
      const back = answerOf(await submit(browser, page, as('tu_anna')));
      expect(back.get('state')).toBe(state);
      const again = await browser.open(ask(tryIt, { state }).url);
      const refused = answerOf(await submit(browser, again, { decision: 'cancel' }));
      expect(refused.get('state')).toBe(state);
    },
  );

  test('only a console gets a refresh token that nobody asked for', async () => {
    for (const client of isConsole()) {
      const { refresh_token = '' } = await signIn(newBrowser(server.baseUrl), client, 'tu_anna');
      const form = { grant_type: 'refresh_token', refresh_token };
      expect(await post(`${server.sandbox}/token`, client, form)).toMatchObject({ status: 200 });
    }
    expect(await signIn(newBrowser(server.baseUrl), app, 'tu_anna')).not.toHaveProperty(
      'refresh_token',
    );
  });

  describe('other applications of the sandbox follow OpenID Connect', () => {
    test('a live session with an unchanged consent passes without the page', async () => {
      const browser = newBrowser(server.baseUrl);
      await signIn(browser, app, 'tu_anna', { scope: 'openid read write' });
      for (const scope of ['openid read write', 'openid read']) {
        const asked = ask(app, { scope });
        expect(subjectOf(await tokens(asked, await browser.open(asked.url)))).toBe('tu_anna');
      }
    });

    test('more scopes than before ask again, and the answer is kept', async () => {
      const browser = newBrowser(server.baseUrl);
      await signIn(browser, app, 'tu_anna', { scope: 'openid read' });
      const scope = 'openid read write';
      const page = await browser.open(ask(app, { scope }).url);
      expect(page).toMatchObject({ status: 200 });
      expect(page.text).toContain('Write examples');
      await submit(browser, page, as('tu_anna'));
      const asked = ask(app, { scope });
      expect(await tokens(asked, await browser.open(asked.url))).toMatchObject({
        scope: 'read write',
      });
    });

    test('an application that nobody consented to asks, with whoever is signed in on top', async () => {
      const browser = newBrowser(server.baseUrl);
      await signIn(browser, app, 'tu_tom');
      const page = await browser.open(ask(otherApp).url);
      expect(page.status).toBe(200);
      expect(page.text.indexOf('Tom Persona')).toBeLessThan(page.text.indexOf('Anna Persona'));
      await submit(browser, page, as('tu_tom'));
      expect(await silently(browser, otherApp)).toBe('tu_tom');
    });

    test('choosing someone else on the page ends the session of whoever was there', async () => {
      const browser = newBrowser(server.baseUrl);
      const before = await signIn(browser, app, 'tu_anna');
      const asked = ask(otherApp);
      const page = await browser.open(asked.url);
      const change = await submit(browser, page, as('tu_tom')); // a page that sends itself
      const back = await submit(browser, change, { logout: 'yes' });
      expect(subjectOf(await tokens(asked, back))).toBe('tu_tom');
      expect(await silently(browser, otherApp)).toBe('tu_tom');
      const token = before.access_token ?? '';
      const introspected = await post(`${server.sandbox}/token/introspection`, app, { token });
      expect(introspected.body).toEqual({ active: false });
    });

    test('a product that does not take whoever is signed in asks for another sign-in', async () => {
      const browser = newBrowser(server.baseUrl);
      await signIn(browser, app, 'tu_anna');
      expect(await silently(browser, accountsOnly)).toBe('login_required');
      const page = await browser.open(ask(accountsOnly).url);
      expect(page.status).toBe(200);
      expect(page.text).toMatch(/name="username"[\s\S]*name="password"/);
      expect(page.text).not.toContain('Anna Persona');
      expect(await silently(browser, app)).toBe('tu_anna');
    });
  });
});
