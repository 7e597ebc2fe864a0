import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import Koa from 'koa';
import { answerAsTold, wrongAudience } from '../../src/oauth/behaviours.ts';
import type { Behaviour } from '../../src/test-users/behaviour.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  asAccount,
  asTestUser,
  authorizationUrl,
  buyCode,
  buyTokens,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  sentBack,
  submit,
  type TokenAnswer,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';
const password = 'a password of the team';
const scope = 'openid profile email offline_access read write';
const scopes = ['read', 'write'].map((name) => ({
  scope: name,
  description: `May ${name}`,
  isDefault: name === 'read',
}));
/** Milliseconds that a test of ten seconds may take. */
const tenSeconds = 30_000;

type Client = CodeClient & { id: string; secret: string };

describe('what a team’s own test user does on purpose', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: Client;
  let sub: string;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const team = await aTeam(server.pool);
    const product = await aProduct(server.pool, {
      subjects: 'test_users',
      scopes,
      roleScopes: { gp: ['read', 'write'] },
    });
    const subscriptions = [await aSubscription(server.pool, { product, team })];
    client = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
    sub = (await aTestUser(server.pool, { team, username: 'own', password })).id;
  });
  afterAll(() => server.close());
  beforeEach(() => behave(null));

  const behave = (behaviour: Behaviour | null) =>
    server.pool.query('update test_users set behaviour = $2 where id = $1', [sub, behaviour]);

  const token = (form: Record<string, string>) => post(`${server.sandbox}/token`, client, form);
  const byPassword = () => token({ grant_type: 'password', username: 'own', password, scope });
  const byCode = () => buyTokens(server.sandbox, client, asAccount('own', password), { scope });
  const refreshed = ({ body }: TokenAnswer) =>
    token({ grant_type: 'refresh_token', refresh_token: String(body.refresh_token) });
  const introspected = async ({ body }: TokenAnswer) =>
    (
      await post(`${server.sandbox}/token/introspection`, client, {
        token: String(body.access_token),
      })
    ).body;
  const me = async ({ body }: TokenAnswer) => {
    const headers = { authorization: `Bearer ${body.access_token}` };
    return fetch(`${server.sandbox}/me`, { headers });
  };
  const claimsOf = ({ body }: TokenAnswer) => decodeJwt(String(body.access_token));

  /** The page, with the choice made on it. */
  const pageOf = async (choice: Record<string, string>) => {
    const browser = newBrowser(server.baseUrl);
    const url = authorizationUrl(server.sandbox, client, pkce().challenge, { scope });
    return submit(browser, await browser.open(url), choice);
  };

  /** Every way to a token: the page with a password, the password grant, and refreshing the one before. */
  const ways: [string, () => Promise<() => Promise<TokenAnswer>>][] = [
    ['the page', async () => byCode],
    ['the password grant', async () => byPassword],
    [
      'a refresh',
      async () => {
        const before = await byCode();
        return () => refreshed(before);
      },
    ],
  ];

  describe.each(ways)('by way of %s', (_way, prepare) => {
    test('none: its tokens are like anybody’s', async () => {
      const answer = await (await prepare())();
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ expires_in: 600, scope: 'read write' });
      expect(await introspected(answer)).toMatchObject({ active: true, sub });
      expect((await me(answer)).status).toBe(200);
    });

    test('token already expired: it says so, and counts nowhere; the ID token is a good one', async () => {
      const ask = await prepare();
      await behave('token_expired');
      const answer = await ask();
      expect(answer.status).toBe(200);
      expect(answer.body.expires_in).toBe(0);
      const { iat = 0, exp = 0 } = claimsOf(answer);
      const now = Date.now() / 1000;
      expect(exp).toBeLessThan(now - 5 * 60);
      expect(exp).toBe(iat + 600);
      expect(decodeJwt(String(answer.body.id_token)).exp).toBeGreaterThan(now);
      expect(await introspected(answer)).toEqual({ active: false });
      expect((await me(answer)).status).toBe(401);
    });

    test('wrong audience: for nobody, and inactive to those who ask', async () => {
      const ask = await prepare();
      await behave('wrong_audience');
      const answer = await ask();
      expect([answer.status, answer.body.expires_in]).toEqual([200, 600]);
      expect(claimsOf(answer).aud).toBe(wrongAudience);
      expect(await introspected(answer)).toEqual({ active: false });
      expect((await me(answer)).status).toBe(401);
    });

    test('too little scope: none of the product’s, and the answer says so', async () => {
      const ask = await prepare();
      await behave('too_little_scope');
      const answer = await ask();
      expect([answer.status, answer.body.scope]).toEqual([200, 'openid profile email']);
      expect(claimsOf(answer).scope).toBeUndefined();
      const seen = await introspected(answer);
      expect([seen.active, seen.scope]).toEqual([true, undefined]);
      expect((await me(answer)).status).toBe(200);
      await behave(null); // the grant was whole, so the next token is
      expect((await refreshed(answer)).body.scope).toBe('read write');
    });
  });

  test('too little scope: where nothing else was asked for, the answer says that nothing is left', async () => {
    await behave('too_little_scope');
    const form = { grant_type: 'password', username: 'own', password };
    const answer = await token({ ...form, scope: 'read' });
    expect([answer.status, answer.body.scope]).toEqual([200, '']);
    expect((await introspected(answer)).scope).toBeUndefined();
  });

  test('consent denied: the page answers like Cancel, and nobody is signed in by it', async () => {
    const url = (more = {}) =>
      authorizationUrl(server.sandbox, client, pkce().challenge, { scope, ...more });
    const browser = newBrowser(server.baseUrl);
    const cancelled = await sentBack(browser, url(), { decision: 'cancel' });
    await behave('consent_denied');
    const denied = await sentBack(browser, url(), asAccount('own', password));
    expect(denied.searchParams.get('error')).toBe('access_denied');
    expect(denied.search).toBe(cancelled.search);
    await behave(null);
    const silent = await sentBack(browser, url({ prompt: 'none' }), {});
    expect(silent.searchParams.get('error')).toBe('login_required');
  });

  test('consent denied: whoever is signed in already is refused without a page, too', async () => {
    const browser = newBrowser(server.baseUrl);
    const url = () => authorizationUrl(server.sandbox, client, pkce().challenge, { scope: 'read' });
    const first = await sentBack(browser, url(), asAccount('own', password));
    expect(first.searchParams.get('code')).toBeTruthy();
    await behave('consent_denied');
    expect(answerOf(await browser.open(url())).get('error')).toBe('access_denied');
    await behave(null);
    expect(answerOf(await browser.open(url())).get('code')).toBeTruthy();
  });

  test('consent denied: at the token endpoint it is invalid_grant, and nothing is used up by it', async () => {
    const before = await byCode();
    await behave('consent_denied');
    for (const { status, body } of [await byPassword(), await refreshed(before)]) {
      expect([status, body.error]).toEqual([400, 'invalid_grant']);
      expect(body.error_description).toMatch(/denies access on purpose/);
    }
    await behave(null);
    expect((await refreshed(before)).status).toBe(200);
  });

  test('sign-in fails: the right password is answered like a wrong one', async () => {
    const wrongOnPage = await pageOf(asAccount('own', 'not the password'));
    const wrong = await token({
      ...{ grant_type: 'password', username: 'own', password: 'not the password', scope },
    });
    const before = await byCode();
    await behave('sign_in_fails');
    const right = await pageOf(asAccount('own', password));
    expect([right.status, wrongOnPage.status]).toEqual([422, 422]);
    const sentence = 'Username or password is wrong. This product takes test users only.';
    expect(right.text).toContain(sentence);
    expect(wrongOnPage.text).toContain(sentence);
    const { status, body } = await byPassword();
    expect([status, body]).toEqual([wrong.status, wrong.body]);
    expect((await refreshed(before)).status).toBe(200); // nobody signs in for a refresh
  });

  test(
    'slow: the page and every token come ten seconds late, and others meanwhile',
    async () => {
      const code = await buyCode(server.sandbox, client, asAccount('own', password), { scope });
      const before = await byCode();
      const other = await aTestUser(server.pool, { password });
      await behave('slow');
      const begun = Date.now();
      const lateBy = async <T>(answer: Promise<T>) => ({
        answer: await answer,
        late: Date.now() - begun > 9_900,
      });
      const many = Array.from({ length: 12 }, byPassword); // more than there are connections
      const slow = [token(code), refreshed(before), ...many].map(lateBy);
      const page = lateBy(pageOf(asAccount('own', password)));

      const { username } = other;
      const prompt = await token({ grant_type: 'password', username, password, scope });
      expect((await me(prompt)).status).toBe(200);
      expect(Date.now() - begun).toBeLessThan(8_000);

      for (const { answer, late } of await Promise.all(slow)) {
        expect([answer.status, answer.body.expires_in, late]).toEqual([200, 600, true]);
      }
      const { answer, late } = await page;
      expect([Boolean(answerOf(answer).get('code')), late]).toEqual([true, true]);
    },
    tenSeconds,
  );

  test('a machine’s own token is nobody’s business', async () => {
    await behave('wrong_audience');
    const { status, body } = await token({ grant_type: 'client_credentials', scope: 'read' });
    expect([status, body.expires_in]).toEqual([200, 600]);
  });

  test('no shared one is asked for a behaviour at all', async () => {
    const { id } = await aTestUser(server.pool, { password });
    expect((await buyTokens(server.sandbox, client, asTestUser(id), { scope })).status).toBe(200);
  });
});

describe('answers that come late', () => {
  const waits = async (given: { ms: number; atOnce: number }) => {
    const app = new Koa();
    app.use(answerAsTold(given));
    app.use((ctx) => {
      ctx.state.late = ctx.path === '/late';
      ctx.body = 'answered';
    });
    const server = createServer(app.callback());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const close = () => {
      server.closeAllConnections();
      server.close();
    };
    return { address, close };
  };
  const timed = async (url: string, init: RequestInit = {}): Promise<number> => {
    const begun = Date.now();
    await (await fetch(url, init)).text();
    return Date.now() - begun;
  };

  test('are so many at once and no more: the rest is answered at once', async () => {
    const { address, close } = await waits({ ms: 700, atOnce: 2 });
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => timed(`${address}/late`)));
    expect(all.filter((ms) => ms >= 690)).toHaveLength(2);
    expect(await timed(`${address}/prompt`)).toBeLessThan(500);
    expect(await timed(`${address}/late`)).toBeGreaterThanOrEqual(690); // the places are free again
    close();
  });

  test('give their place back when nobody waits for them any more', async () => {
    const { address, close } = await waits({ ms: 20_000, atOnce: 1 });
    const signal = AbortSignal.timeout(200);
    await expect(timed(`${address}/late`, { signal })).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const next = AbortSignal.timeout(400);
    await expect(timed(`${address}/late`, { signal: next })).rejects.toThrow(); // it waits, so the place was free
    close();
  });
});
