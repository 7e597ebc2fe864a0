import { decodeJwt } from 'jose';
import { upsertAccountProfile } from '../../src/accounts/profile-store.ts';
import type { Environment } from '../../src/base/environment.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { samePage, submitTo } from '../accounts/register-support.ts';
import {
  codeOf,
  forgetSteps,
  type Kept,
  path,
  setUp,
  stepBegins,
} from '../accounts/second-factor-support.ts';
import { aPerson, type Person, password } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  asAccount,
  asTestUser,
  authorizationUrl,
  type Browser,
  buyTokens,
  type CodeClient,
  newBrowser,
  type Page,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('an account with a second factor, in the pop-up', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let clients: Record<Environment, CodeClient>;
  let someone: Person & Kept;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const of = async (environment: Environment) => {
      const product = await aProduct(server.pool, { environment });
      const subscriptions = [await aSubscription(server.pool, { product })];
      const client = await aClient(server.pool, { subscriptions, name: 'Ward app' });
      return { ...client, redirectUri: client.redirectUris[0] ?? '' };
    };
    clients = { sandbox: await of('sandbox'), live: await of('live') };
    await aTestUser(server.pool, { id: 'tu_gp' });
  });
  beforeEach(async () => {
    await stepBegins();
    await server.pool.query('delete from throttles');
    someone = await prepared();
  }, 20_000);
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  async function prepared(): Promise<Person & Kept> {
    const person = await aPerson(server, passwords);
    for (const environment of ['sandbox', 'live'] as const) {
      const place = { accountId: person.account.id, environment };
      await upsertAccountProfile(server.pool, place, { role: 'gp', claims: {}, patient: null });
    }
    return { ...person, ...(await setUp(person.browser, server.baseUrl)) };
  }

  const issuers = ['sandbox', 'live'] as const;
  const ask = async (issuer: Environment, browser: Browser, more: Record<string, string> = {}) => {
    const { verifier, challenge } = pkce();
    const scope = { scope: 'openid read', ...more };
    const url = authorizationUrl(server[issuer], clients[issuer], challenge, scope);
    return { verifier, page: await browser.open(url) };
  };
  const credentials = () => asAccount(someone.account.email, password);
  /** The page that asks for the code. */
  async function askedFor(issuer: Environment, browser = newBrowser(server.baseUrl)) {
    const { page: first, verifier } = await ask(issuer, browser);
    return { browser, first, verifier, page: await submit(browser, first, credentials()) };
  }
  const prove = (fields: Record<string, string>) => ({ decision: 'prove', ...fields });
  const idTokenOf = async (issuer: Environment, verifier: string, back: Page) => {
    const { body } = await post(`${server[issuer]}/token`, clients[issuer], {
      grant_type: 'authorization_code',
      code: answerOf(back).get('code') ?? '',
      redirect_uri: clients[issuer].redirectUri,
      code_verifier: verifier,
    });
    return decodeJwt(String(body.id_token));
  };
  const actsOf = async (id: string) =>
    (
      await server.pool.query(
        `select action, environment, detail from audit
         where (actor_id = $1 or subject_id = $1) and environment is not null order by id`,
        [id],
      )
    ).rows;

  test.each(issuers)(
    '%s: no code for the password alone; the code of the app gives one',
    async (issuer) => {
      const { browser, first, verifier, page } = await askedFor(issuer);
      expect(page).toMatchObject({ status: 200, url: first.url, location: null });
      expect(page.text).toContain('autocomplete="one-time-code"');
      expect(page.text).toContain('Ward app');
      expect(page.text).not.toMatch(/name="password"|<script/);
      expect(page.headers.get('content-security-policy')).toContain('https://client.example');

      const back = await submit(browser, page, prove({ code: codeOf(someone.seed) }));
      expect(answerOf(back).get('iss')).toBe(server[issuer]);
      const claims = await idTokenOf(issuer, verifier, back);
      expect(claims).toMatchObject({ sub: someone.account.id, amr: ['pwd', 'otp', 'mfa'] });
      expect(await actsOf(someone.account.id)).toEqual([
        expect.objectContaining({ action: 'second_factor.asked', environment: issuer }),
        expect.objectContaining({
          action: 'sign_in.succeeded',
          detail: expect.objectContaining({ by: 'second factor' }),
        }),
        expect.objectContaining({ action: 'consent.given' }),
      ]);
    },
  );

  test('without one, the password is enough and says so', async () => {
    const { account } = await aPerson(server, passwords);
    const choice = asAccount(account.email, password);
    const scope = { scope: 'openid' };
    const { body } = await buyTokens(server.live, clients.live, choice, scope);
    expect(decodeJwt(String(body.id_token)).amr).toEqual(['pwd']);
  });

  test.each(issuers)('%s: a recovery code does as well, once', async (issuer) => {
    const [code = ''] = someone.recoveryCodes;
    const { browser, page } = await askedFor(issuer);
    const back = await submit(browser, page, prove({ recovery_code: code }));
    expect(answerOf(back).get('code')).toBeTruthy();
    const next = await askedFor(issuer);
    const again = await submit(next.browser, next.page, prove({ recovery_code: code }));
    expect(again).toMatchObject({ status: 422, location: null });
    expect(await actsOf(someone.account.id)).toContainEqual(
      expect.objectContaining({ action: 'recovery_code.used', environment: issuer }),
    );
  });

  test('who has a session with the issuer is not asked for it again', async () => {
    const { browser, page } = await askedFor('live');
    await submit(browser, page, prove({ code: codeOf(someone.seed) }));
    const { page: second, verifier } = await ask('live', browser);
    const claims = await idTokenOf('live', verifier, second);
    expect(claims).toMatchObject({ sub: someone.account.id, amr: ['pwd', 'otp', 'mfa'] });
  });

  test('but for a new sign-in that the client asks for', async () => {
    const { browser, page } = await askedFor('live');
    await submit(browser, page, prove({ code: codeOf(someone.seed) }));
    const { page: form } = await ask('live', browser, { prompt: 'login' });
    const asked = await submit(browser, form, credentials());
    expect(asked.text).toContain('one-time-code');
    expect(asked.location).toBeNull();
  });

  test('a session from before it was set up counts no more', async () => {
    const person = await aPerson(server, passwords);
    const browser = newBrowser(server.baseUrl);
    const { page } = await ask('live', browser, { scope: 'openid' });
    const choice = asAccount(person.account.email, password);
    expect(answerOf(await submit(browser, page, choice)).get('code')).toBeTruthy();
    await setUp(person.browser, server.baseUrl);
    const { page: again } = await ask('live', browser, { scope: 'openid' });
    expect(again.location).toBeNull();
    expect(again.text).toContain('name="password"');
    const silent = await ask('live', browser, { scope: 'openid', prompt: 'none' });
    expect(answerOf(silent.page).get('error')).toBe('login_required');
  });

  test.each([
    ['a wrong code', () => ({ code: '000000' }), 'This code is wrong'],
    ['nothing', () => ({}), 'Type the six digits'],
    ['a used code', () => ({ code: codeOf(someone.seed, -1) }), 'it was used before'],
    [
      'somebody’s password',
      () => ({ code: '', ...credentials(), decision: 'prove' }),
      'Type the six',
    ],
  ])('%s: no code, and the page goes on', async (_, fields, words) => {
    const { browser, page } = await askedFor('sandbox');
    const answer = await submit(browser, page, prove(fields()));
    expect(answer).toMatchObject({ status: 422, location: null });
    expect(answer.text).toContain(words);
    expect(answer.text).toContain('<title>Error: ');
    const right = await submit(browser, answer, prove({ code: codeOf(someone.seed) }));
    expect(answerOf(right).get('code')).toBeTruthy();
  });

  test('no form, however it is put together, gives a code for the password alone', async () => {
    for (const fields of [
      { ...credentials() },
      { ...credentials(), decision: 'prove' },
      { ...credentials(), decision: 'prove', code: '000000' },
      { decision: 'authorize', username: '', password: '' },
      { decision: 'authorize' },
      { decision: 'restart' },
      { ...credentials(), use_test_user: 'yes', test_user: someone.account.id },
    ] as Record<string, string>[]) {
      const { browser, page, first } = await askedFor('sandbox');
      const answer = await submit(browser, page, fields);
      expect(answer.location).toBeNull();
      // nor does the library's own way on
      const resumed = await browser.open(first.url.replace('/interaction/', '/auth/'));
      expect(resumed.location ?? '').not.toContain('code=');
    }
  });

  test('a code without the password before it gives none', async () => {
    const browser = newBrowser(server.baseUrl);
    const { page } = await ask('live', browser);
    const answer = await submit(browser, page, prove({ code: codeOf(someone.seed) }));
    expect(answer).toMatchObject({ status: 422, location: null });
    expect(answer.text).toContain('This sign-in has ended.');
  });

  test('it is this interaction’s: not another one’s, not another browser’s', async () => {
    const { browser, page } = await askedFor('live');
    const { page: other } = await ask('live', browser);
    const elsewhere = await submit(browser, other, prove({ code: codeOf(someone.seed) }));
    expect(elsewhere).toMatchObject({ status: 422, location: null });
    const thief = newBrowser(server.baseUrl);
    const stolen = await submit(thief, page, prove({ code: codeOf(someone.seed) }));
    expect(stolen).toMatchObject({ status: 403, location: null });
    const forged = { ...prove({ code: codeOf(someone.seed) }), csrf: 'forged' };
    expect(await submit(browser, page, forged)).toMatchObject({ status: 403, location: null });
    const right = await submit(browser, page, prove({ code: codeOf(someone.seed) }));
    expect(answerOf(right).get('code')).toBeTruthy();
  });

  test('a reload asks again; somebody else may sign in; cancelling tells the client', async () => {
    const { browser, page, first } = await askedFor('sandbox');
    expect((await browser.open(first.url)).text).toContain('one-time-code');
    const restarted = await submit(browser, page, { decision: 'restart' });
    expect(restarted.text).toContain('name="password"');
    expect((await browser.open(first.url)).text).toContain('name="password"');
    const asTest = await submit(browser, restarted, asTestUser('tu_gp'));
    expect(answerOf(asTest).get('code')).toBeTruthy();

    const next = await askedFor('live');
    const cancelled = await submit(next.browser, next.page, { decision: 'cancel' });
    expect(answerOf(cancelled).get('error')).toBe('access_denied');
  });

  test('ends with five wrong codes, with time, and with a change of the account', async () => {
    const ways: (() => Promise<unknown>)[] = [
      () => server.pool.query(`update waiting_sign_ins set expires_at = now()`),
      () => server.pool.query(`update waiting_sign_ins set tries_left = 0`),
      () =>
        server.pool.query(
          `update accounts set password_hash = password_hash || ' ' where id = $1`,
          [someone.account.id],
        ),
    ];
    for (const way of ways) {
      await server.pool.query('delete from throttles');
      const { browser, page } = await askedFor('live');
      await way();
      await forgetSteps(server.pool, someone.account.id);
      const late = await submit(browser, page, prove({ code: codeOf(someone.seed) }));
      expect(late).toMatchObject({ status: 422, location: null });
      expect(late.text).toContain('This sign-in has ended. Give your password again.');
      expect(late.text).toContain('name="password"');
    }
  });

  test('set up while the pop-up was at its last step, ends it: the next one asks for both', async () => {
    const person = await aPerson(server, passwords);
    const browser = newBrowser('http://follows.nothing.example');
    const hop = (url: string | null, from: Page) => browser.open(new URL(url ?? '', from.url).href);
    const { page: first } = await ask('live', browser, { scope: 'openid' });
    const form = await hop(first.location, first);
    const sent = await submit(browser, form, asAccount(person.account.email, password));
    expect(sent.location).toContain('/live/auth/'); // to the library, which would give the code
    await setUp(person.browser, server.baseUrl);
    const last = await hop(sent.location, sent);
    expect(last).toMatchObject({ status: 400, location: null });
    const { page: second } = await ask('live', browser, { scope: 'openid' });
    const again = await submit(browser, await hop(second.location, second), {
      ...asAccount(person.account.email, password),
    });
    expect((await hop(again.location, again)).text).toContain('one-time-code');
  });

  test('what the account is throttled by is counted together with our own pages', async () => {
    const guesses = async (n: number) => {
      const { browser, page } = await askedFor('live');
      const statuses: number[] = [];
      for (let at = 0; at < n; at += 1) {
        statuses.push((await submit(browser, page, prove({ code: '000000' }))).status);
      }
      return statuses;
    };
    for (let round = 0; round < 4; round += 1) expect(await guesses(5)).toEqual(Array(5).fill(422));
    expect(await guesses(1)).toEqual([429]);
  });

  test('a wrong password, right name or not, is answered as for everybody', async () => {
    const refused = async (name: string) => {
      const browser = newBrowser(server.baseUrl);
      const { page } = await ask('live', browser);
      const answer = await submit(browser, page, asAccount(name, 'wrong'));
      const uid = /interaction\/([\w-]+)/.exec(page.url)?.[1] ?? '';
      return samePage(answer, name, uid, encodeURIComponent(uid));
    };
    expect(await refused(someone.account.email)).toBe(await refused('nobody@example.com'));
  });

  test('given up, the password is enough again', async () => {
    await submitTo(someone.browser, await someone.open(path), `${path}/remove`);
    const browser = newBrowser(server.baseUrl);
    const { page } = await ask('live', browser);
    expect(answerOf(await submit(browser, page, credentials())).get('code')).toBeTruthy();
  });

  test('the password grant takes no account, with or without one', async () => {
    for (const code of ['', codeOf(someone.seed)]) {
      const answer = await post(`${server.sandbox}/token`, clients.sandbox, {
        grant_type: 'password',
        username: someone.account.email,
        password: `${password}${code}`,
      });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    }
  });
});
