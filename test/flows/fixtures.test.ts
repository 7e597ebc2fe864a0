import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { createPasswords, type Passwords } from '../../src/base/passwords.ts';
import { type ClientFixture, type Fixtures, makeFixtures } from '../../src/commands/fixtures.ts';
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
import { keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What a program that tests us from outside would do with the file, by HTTP alone. */
/** The answer, as soon as it is this one: within a second, by which every instance knows a change. */
async function eventually<T>(ask: () => Promise<T>, wanted: T): Promise<T> {
  const end = Date.now() + 1000;
  let answer = await ask();
  while (answer !== wanted && Date.now() < end) {
    await sleep(20);
    answer = await ask();
  }
  return answer;
}

describe('the fixtures for black-box checks', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let passwords: Passwords;
  let fixtures: Fixtures;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    passwords = createPasswords();
    const place = { baseUrl: server.baseUrl, logFile: 'sandgate.log' };
    fixtures = await makeFixtures(server.pool, keyring, passwords, place);
  });
  afterAll(async () => {
    passwords.close();
    await server.close();
  });

  const credentials = (client: ClientFixture) => ({
    id: client.client_id,
    secret: client.client_secret,
    redirectUri: client.redirect_uri ?? '',
  });

  async function signIn(
    client: ClientFixture,
    user: { username: string; password: string },
    scope: Record<string, string> = {},
  ): Promise<{ page: Page; verifier: string }> {
    const browser = newBrowser(server.baseUrl);
    const { verifier, challenge } = pkce();
    const url = authorizationUrl(fixtures.issuer, credentials(client), challenge, scope);
    const form = { username: user.username, password: user.password, decision: 'authorize' };
    return { page: await submit(browser, await browser.open(url), form), verifier };
  }

  async function tokens(
    client: ClientFixture,
    user: { username: string; password: string },
    scope: Record<string, string> = {},
  ) {
    const { page, verifier } = await signIn(client, user, scope);
    return post(`${fixtures.issuer}/token`, credentials(client), {
      grant_type: 'authorization_code',
      code: answerOf(page).get('code') ?? '',
      redirect_uri: client.redirect_uri ?? '',
      code_verifier: verifier,
    });
  }

  test.each(['confidential', 'other', 'public'] as const)(
    'an account signs in through %s; without a scope it gets openid, email and the defaults',
    async (name) => {
      const { body } = await tokens(fixtures.clients[name], fixtures.users.regular);
      expect(body).toMatchObject({ token_type: 'Bearer', id_token: expect.any(String) });
      expect(body.refresh_token).toBeUndefined();
      const me = await fetch(`${fixtures.issuer}/me`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(await me.json()).toMatchObject({ email: fixtures.users.regular.email });
      expect(String(body.scope).split(' ')).not.toContain(fixtures.scopes.extra);
      expect(String(body.scope)).not.toBe('');
    },
  );

  test('what is no default may be asked for, and offline_access brings a refresh token', async () => {
    const scope = `openid offline_access ${fixtures.scopes.extra}`;
    const client = fixtures.clients.confidential;
    const { body } = await tokens(client, fixtures.users.regular, { scope });
    expect(body.scope).toBe(fixtures.scopes.extra);
    const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    const refreshed = await post(`${fixtures.issuer}/token`, credentials(client), form);
    expect(refreshed).toMatchObject({ status: 200, body: { refresh_token: expect.any(String) } });
  });

  test('a test user signs in through sandbox and by the password grant, with a long password too', async () => {
    const { sandbox, password } = fixtures.clients;
    const { body } = await tokens(sandbox, fixtures.users.test_user, { scope: 'openid' });
    expect(decodeJwt(String(body.access_token))).toMatchObject({ test_user: true });
    for (const user of [fixtures.users.test_user, fixtures.users.long_password]) {
      const { username } = user;
      const form = { grant_type: 'password', username, password: user.password };
      const granted = await post(`${fixtures.issuer}/token`, credentials(password), form);
      expect(granted.status).toBe(200);
      const cut = { ...form, password: user.password.slice(0, -1) };
      const refused = await post(`${fixtures.issuer}/token`, credentials(password), cut);
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    }
  });

  test.each([
    ['an account whose address is not verified', 'confidential', 'unverified'],
    ['an account where test users are taken', 'sandbox', 'regular'],
    ['a test user where accounts are taken', 'confidential', 'test_user'],
  ] as const)('%s does not get in', async (_, client, user) => {
    const { page } = await signIn(fixtures.clients[client], fixtures.users[user]);
    expect(page.location).toBeNull();
    expect(page).toMatchObject({ status: 422, text: expect.stringContaining('is wrong') });
  });

  test('systems get theirs, and the client of a cancelled subscription none', async () => {
    const form = { grant_type: 'client_credentials' };
    const ask = (client: ClientFixture) =>
      post(`${fixtures.issuer}/token`, credentials(client), form);
    const served = await ask(fixtures.clients.service);
    expect(served.status).toBe(200);
    expect(decodeJwt(String(served.body.access_token)).sub).toBe(
      fixtures.clients.service.client_id,
    );
    expect(await ask(fixtures.clients.cancelled)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    for (const scope of [fixtures.scopes.unassigned, fixtures.scopes.live]) {
      const foreign = await post(
        `${fixtures.issuer}/token`,
        credentials(fixtures.clients.service),
        {
          ...form,
          scope,
        },
      );
      expect(foreign.body.error).toBe('invalid_scope');
    }
  });

  test('wrong passwords are slowed down for one name, and no other name pays for it', async () => {
    const client = credentials(fixtures.clients.password);
    const guess = (username: string, password: string) =>
      post(`${fixtures.issuer}/token`, client, { grant_type: 'password', username, password });
    const { bruteforce, test_user: other } = fixtures.users;
    const statuses = [];
    for (let i = 0; i < 25; i += 1)
      statuses.push((await guess(bruteforce.username, `no ${i}`)).status);
    expect(statuses.slice(0, 20)).toEqual(Array(20).fill(400));
    expect(statuses.slice(20)).toEqual(Array(5).fill(429));
    expect((await guess(other.username, other.password)).status).toBe(200);
  });

  test.each(['live', 'ready'] as const)('health says that it is %s', async (probe) => {
    expect((await fetch(`${server.baseUrl}${fixtures.health[probe]}`)).status).toBe(200);
  });

  describe('what another team has', () => {
    type Name = 'regular' | 'other_team';
    const browsers = new Map<Name, Browser>();
    beforeAll(async () => {
      for (const name of ['regular', 'other_team'] as const) {
        const { email, password } = fixtures.users[name];
        const browser = newBrowser(server.baseUrl);
        const form = await browser.open(`${server.baseUrl}/sign-in`);
        await submit(browser, form, { email, password });
        browsers.set(name, browser);
      }
    });

    const statusOf = async (name: Name, path: string, form?: Record<string, string>) => {
      const browser = browsers.get(name) as Browser; // signed in above
      const { text } = await browser.open(`${server.baseUrl}/teams/new`);
      const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
      const page = await browser.open(`${server.baseUrl}${path}`, {
        headers: { origin: server.baseUrl },
        ...(form && { method: 'POST', body: new URLSearchParams({ csrf, ...form }) }),
      });
      return page.status;
    };

    test('is not found, and stands there for its owner', async () => {
      const paths = fixtures.foreign_objects;
      const seen = async (name: Name) => {
        const statuses = [];
        for (const path of paths) statuses.push([path, await statusOf(name, path)]);
        return statuses;
      };
      expect(await seen('regular')).toEqual(paths.map((path) => [path, 404]));
      expect(await seen('other_team')).toEqual(paths.map((path) => [path, 200]));
    });

    test('cannot be changed', async () => {
      for (const { path, form } of fixtures.foreign_changes) {
        expect([path, await statusOf('regular', path, form)]).toEqual([path, 404]);
      }
    });

    test('includes a key that does open', async () => {
      const reveal = fixtures.foreign_changes.find(({ path }) => path.endsWith('/keys/reveal'));
      if (!reveal) throw new Error('the fixtures name no key');
      expect(await statusOf('other_team', reveal.path, reveal.form)).toBe(200);
    });
  });

  describe('subscription keys', () => {
    type Name =
      | 'valid'
      | 'sandbox'
      | 'revocable'
      | 'revoked'
      | 'expired'
      | 'cancelled_subscription';
    type Place = 'product' | 'other_product' | 'live_product';
    const statusAt = async (key: string, place: Place, headers?: Record<string, string>) => {
      const { method, url, ...given } = fixtures.keys.verify;
      const filled = url.replace('{{product}}', fixtures.keys[place]).replace('{{key}}', key);
      return (await fetch(filled, { method, headers: headers ?? given.headers })).status;
    };
    const revoke = async () => {
      const { url, ...request } = fixtures.keys.revoke;
      return (await fetch(url, { ...request, redirect: 'manual' })).status;
    };

    test.each<[Name, Place, 'active' | 'refused']>([
      ['valid', 'product', 'active'],
      ['sandbox', 'product', 'active'],
      ['revocable', 'product', 'active'],
      ['valid', 'other_product', 'refused'],
      ['valid', 'live_product', 'refused'],
      ['sandbox', 'live_product', 'refused'],
      ['revoked', 'product', 'refused'],
      ['expired', 'product', 'refused'],
      ['cancelled_subscription', 'product', 'refused'],
    ])('%s at %s is %s', async (name, place, expected) => {
      const status = await statusAt(fixtures.keys[name], place);
      expect(status === fixtures.keys.active_when.status ? 'active' : 'refused').toBe(expected);
      if (expected === 'refused') expect(status).toBe(401);
    });

    test('open nothing to whoever is no gateway', async () => {
      expect(await statusAt(fixtures.keys.valid, 'product', {})).toBe(401);
    });

    test('revoke takes one away, an hour later too, and again after another run', async () => {
      const { rowCount } = await server.pool.query(
        `update account_sessions set authenticated_at = now() - interval '61 minutes',
           created_at = now() - interval '61 minutes', seen_at = now() - interval '61 minutes'
         where user_agent = 'Fixtures'`,
      );
      expect([rowCount, await revoke()]).toEqual([1, 303]);
      const gone = await eventually(() => statusAt(fixtures.keys.revocable, 'product'), 401);
      expect(gone).toBe(401);
      expect(await statusAt(fixtures.keys.valid, 'product')).toBe(200);

      const before = fixtures.keys;
      const place = { baseUrl: server.baseUrl, logFile: 'sandgate.log' };
      fixtures = await makeFixtures(server.pool, keyring, passwords, place);
      const { revocable } = fixtures.keys;
      expect([revocable === before.revocable, revocable !== before.revoked]).toEqual([false, true]);
      expect(await eventually(() => statusAt(revocable, 'product'), 200)).toBe(200);
      expect(await eventually(() => statusAt(fixtures.keys.revoked, 'product'), 401)).toBe(401);
      expect(await statusAt(revocable, 'product', before.verify.headers)).toBe(401);
      expect(await statusAt(fixtures.keys.expired, 'product')).toBe(401);
    });
  });

  test('closed paths are closed to strangers', async () => {
    for (const path of fixtures.closed_paths) {
      const { status } = await fetch(`${server.baseUrl}${path}`, { redirect: 'manual' });
      expect([401, 403, 404]).toContain(status);
    }
  });
});
