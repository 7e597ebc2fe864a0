import { register } from '../../src/accounts/registration-service.ts';
import { createPasswords, type Passwords } from '../../src/base/passwords.ts';
import type { Throttle } from '../../src/db/throttle.ts';
import { foundTeam } from '../../src/teams/service.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asAccount, authorizationUrl, newBrowser, pkce, submit } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  accountAt,
  expectSameTime,
  fromLetter,
  goodPassword,
  lastLetter,
  lettersTo,
  opens,
  registerAt,
  samePage,
  sessionsOf,
  submitTo,
  typed,
} from './register-support.ts';

describe('registering', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let baseUrl: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    baseUrl = server.baseUrl;
  });
  afterAll(() => server?.close());

  test('makes an account when the code is typed, signs the person in and goes back to the start', async () => {
    const email = 'by.code@larkfield.example';
    const given = { email, team: 'Larkfield Software' };
    const returnTo = '/?from=catalogue#api';
    const { browser, page } = await registerAt(baseUrl, given, { returnTo });
    expect(page.url).toBe(`${baseUrl}/register/check-your-mail`);
    expect(page.text).toContain(email);
    expect(await accountAt(server.pool, email)).toBeUndefined();
    expect(await opens(baseUrl, email, goodPassword)).toBe(false);

    const code = await fromLetter(server.pool, email, 'code');
    const action = '/register/check-your-mail';
    const landed = await submitTo(browser, page, action, {
      code: `${code.slice(0, 3)} ${code.slice(3)}`,
    });
    expect(landed.url).toBe(`${baseUrl}/?from=catalogue#api`);
    expect(landed.text).toContain('Priya Nair');
    expect(await accountAt(server.pool, email)).toMatchObject({
      name: 'Priya Nair',
      verified: true,
      team: 'Larkfield Software',
    });
    expect(await sessionsOf(server.pool, email)).toBe(1);
    expect(await opens(baseUrl, email, goodPassword)).toBe(true);
  });

  test('without a team name the team is called after its one member', async () => {
    const email = 'alone@larkfield.example';
    const { browser, page } = await registerAt(baseUrl, { email, name: 'Ada Alone' });
    const code = await fromLetter(server.pool, email, 'code');
    await submitTo(browser, page, '/register/check-your-mail', { code });
    expect(await accountAt(server.pool, email)).toMatchObject({ team: 'Ada Alone' });
  });

  test('begun in a pop-up it ends in that pop-up, which still knows its opener', async () => {
    const product = await aProduct(server.pool, {
      subjects: 'accounts',
      grantTypes: ['authorization_code'],
    });
    const client = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { product })],
    });
    const browser = newBrowser(baseUrl);
    const request = authorizationUrl(
      server.sandbox,
      { id: client.id, redirectUri: 'https://client.example/callback' },
      pkce().challenge,
      { scope: 'openid' },
    );
    const popup = await browser.open(request);
    const linkTo = (page: string) =>
      baseUrl + new RegExp(`href="(/${page}\\?return_to=[^"]+)"`).exec(popup.text)?.[1];
    const forgotten = await browser.open(linkTo('forgot'));

    const email = 'popup@larkfield.example';
    const form = await browser.open(linkTo('register'));
    const wrong = await submit(browser, form, typed({ email, password: 'short' }));
    const page = await submit(browser, wrong, typed({ email }));
    const guess = await submitTo(browser, page, '/register/check-your-mail', { code: 'no' });
    const code = await fromLetter(server.pool, email, 'code');
    const landed = await submitTo(browser, guess, '/register/check-your-mail', { code });
    for (const { headers } of [forgotten, form, wrong, page, guess, landed]) {
      expect(headers.get('cross-origin-opener-policy')).toBeNull();
    }
    // the bar leads back into the interaction too, and not out of it
    const back = new URL(popup.url).pathname;
    for (const { text, url } of [forgotten, form, wrong, page, guess]) {
      const bar = /<header[\s\S]*?<\/header>/.exec(text)?.[0] ?? '';
      expect([url, /href="([^"]+)"[^>]*>Sign in</.exec(bar)?.[1]]).toEqual([url, back]);
    }
    const stranger = await newBrowser(baseUrl).open(linkTo('register'));
    expect(stranger.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(landed.url).toBe(popup.url);
    expect(landed.url).toContain('/sandbox/interaction/');

    const answer = await submit(browser, landed, asAccount(email, goodPassword));
    expect(answer.location).toMatch(/^https:\/\/client\.example\/callback\?code=/);
  });

  test('outside a pop-up nothing lets a page keep its opener', async () => {
    const uid = 'a'.repeat(43);
    const places = [
      `/sandbox/interaction/${uid}`, // no browser here was sent from there
      '/apis',
      '/sandbox',
      '/sandbox/x',
      '/sandbox/auth?client_id=x',
      '/live/interaction',
      '/sandbox/interaction/',
      '/sandbox/interaction/abc',
      `/sandbox/interaction/${uid}b`,
      `/sandbox/interaction/${uid}/more`,
      `/sandbox/interaction/${uid}?more`,
      `/sandbox/interaction/..%2f${uid}`,
      `/elsewhere/interaction/${uid}`,
      `//sandbox/interaction/${uid}`,
    ].map((place) => `?${new URLSearchParams({ return_to: place })}`);
    const doors = ['/register', '/forgot', '/forgot/sent', '/forgot/done'];
    const paths = ['/verify/nothing', ...doors, ...doors.flatMap((d) => places.map((p) => d + p))];
    for (const path of paths) {
      const { headers } = await newBrowser(baseUrl).open(baseUrl + path);
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    }
  });

  test('says what is wrong beside each field, and keeps what was typed but the password', async () => {
    const given = {
      name: '',
      email: 'not an address',
      password: 'ninechars',
      terms: '',
      team: 'Lark',
    };
    const { browser, page } = await registerAt(baseUrl, given);
    expect(page.status).toBe(422);
    expect(page.text).toContain('<title>Error: Register');
    expect(page.text).toContain('Too short: 9 characters. Add six more.');
    expect(page.text).toContain('4 things to correct');
    expect(page.text).toContain('value="not an address"');
    expect(page.text).toContain('value="Lark"');
    expect(page.text).not.toContain('ninechars');
    const again = await submit(browser, page, typed({ email: 'second@larkfield.example' }));
    expect(again.url).toContain('check-your-mail');
  });

  test('a wrong address can be changed, by the browser that typed it', async () => {
    const { browser } = await registerAt(baseUrl, {
      email: 'wronk@larkfield.example',
      team: 'Lark',
    });
    const form = await browser.open(`${baseUrl}/register?change`);
    expect(form.text).toContain('value="wronk@larkfield.example"');
    expect((await newBrowser(baseUrl).open(`${baseUrl}/register?change`)).text).not.toContain(
      'wronk',
    );
  });

  test.each([
    ['name', 'Priya\r\nBcc: all@example.com'],
    ['name', 'Priya\u2028Nair'],
    ['name', 'Win a prize at https://evil.example/now'],
    ['name', 'x'.repeat(101)],
    ['email', 'priya@larkfield.example\r\nBcc: all@example.com'],
    ['email', 'priya@larkfield.example\n'],
    ['email', 'priya@larkfield.example,all@example.com'],
    ['email', `${'x'.repeat(250)}@larkfield.example`],
    ['team', 'Lark\u202Efield'],
    ['terms', 'no'],
  ])('a %s of %j is refused, and no letter goes out', async (field, value) => {
    const before = await server.pool.query('select 1 from letters');
    const { page } = await registerAt(baseUrl, { [field]: value });
    expect(page.status).toBe(422);
    expect(page.text).toContain(`id="${field}-error"`);
    expect((await server.pool.query('select 1 from letters')).rowCount).toBe(before.rowCount);
  });

  test.each([
    ['a short sentence in another script', 'Семь цапель перелетели реку'],
    ['sixty-four and more characters', `${goodPassword} `.repeat(8)],
    ['spaces at both ends', `  ${goodPassword}  `],
    ['emoji, which are one character each', '🦊🚲🌧️🎻🍋🧭🪁🦉🎈🥁🪵🧶🐌🧊🛶🌶'],
  ])('%s is a password, and opens the account as it was typed', async (_, password) => {
    const email = `${Buffer.from(password).toString('hex').slice(0, 12)}@larkfield.example`;
    const { browser, page } = await registerAt(baseUrl, { email, password });
    const code = await fromLetter(server.pool, email, 'code');
    await submitTo(browser, page, '/register/check-your-mail', { code });
    expect(await opens(baseUrl, email, password)).toBe(true);
    expect(await opens(baseUrl, email, `${password}x`)).toBe(false);
    if (password.trim() !== password) {
      expect(await opens(baseUrl, email, password.trim())).toBe(false);
    }
  });

  test.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/%2Fevil.example',
    '/%5Cevil.example',
    '/\t/evil.example',
    '/.//evil.example',
    'javascript:alert(1)',
    'evil.example',
  ])('no return to %j', async (returnTo) => {
    const email = `${Buffer.from(returnTo).toString('hex')}@larkfield.example`;
    const browser = newBrowser(baseUrl);
    const form = await browser.open(`${baseUrl}/register`);
    const page = await submit(browser, form, typed({ email, return_to: returnTo }));
    const code = await fromLetter(server.pool, email, 'code');
    const landed = await submitTo(browser, page, '/register/check-your-mail', { code });
    expect(landed.url).toBe(`${baseUrl}/`);
    expect(landed.location).toBeNull();
    const shown = await browser.open(
      `${baseUrl}/register?${new URLSearchParams({ return_to: returnTo })}`,
    );
    expect(shown.text).toContain('name="return_to" value="/"');
  });

  test('a form without its token, or from another site, changes nothing', async () => {
    const email = 'forged@larkfield.example';
    const body = () => new URLSearchParams(typed({ email }));
    const browser = newBrowser(baseUrl);
    await browser.open(`${baseUrl}/register`);
    const bare = await browser.open(`${baseUrl}/register`, { method: 'POST', body: body() });
    expect(bare.status).toBe(403);
    const form = await browser.open(`${baseUrl}/register`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    const withToken = body();
    withToken.set('csrf', csrf);
    const foreign = await browser.open(`${baseUrl}/register`, {
      method: 'POST',
      body: withToken,
      headers: { origin: 'https://evil.example' },
    });
    expect(foreign.status).toBe(403);
    expect(await lettersTo(server.pool, email)).toEqual([]);
  });

  test('a forged host is in no link', async () => {
    const email = 'host@larkfield.example';
    const browser = newBrowser(baseUrl);
    const form = await browser.open(`${baseUrl}/register`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    await browser.open(`${baseUrl}/register`, {
      method: 'POST',
      body: new URLSearchParams({ ...typed({ email }), csrf }),
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    });
    expect(await fromLetter(server.pool, email, 'link')).toMatch(
      new RegExp(`^${baseUrl}/verify/[\\w-]{43}$`),
    );
  });

  test('after five letters to one recipient we ask to wait, whether they are known or not', async () => {
    await anAccount(server.pool, { email: 'known.often@larkfield.example' });
    for (const email of ['known.often@larkfield.example', 'unknown.often@larkfield.example']) {
      for (let time = 0; time < 5; time += 1) {
        expect((await registerAt(baseUrl, { email })).page.status).toBe(200);
      }
      const { page } = await registerAt(baseUrl, { email: email.toUpperCase() });
      expect(page.status).toBe(429);
      expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await lettersTo(server.pool, email)).toHaveLength(5);
    }
  });

  describe('with an address that has an account', () => {
    test('gets the same pages as any other, code entry and resend included; its owner is told', async () => {
      await anAccount(server.pool, { email: 'owner@larkfield.example', name: 'Olga Owner' });
      const journey = async (email: string) => {
        const { browser, page } = await registerAt(baseUrl, { email });
        const pages = [page, await browser.open(`${baseUrl}/register?change`)];
        for (let guess = 0; guess < 6; guess += 1) {
          const code = String(guess).padStart(6, '9');
          pages.push(await submitTo(browser, page, '/register/check-your-mail', { code }));
        }
        pages.push(await submitTo(browser, page, '/register/resend'));
        pages.push(await submitTo(browser, page, '/register/check-your-mail', { code: '999990' }));
        return pages.map((one) => samePage(one, email));
      };
      const known = await journey('owner@larkfield.example');
      expect(known).toEqual(await journey('nobody@larkfield.example'));
      expect(known.some((page) => page.includes('too many wrong tries'))).toBe(true);

      const told = await lettersTo(server.pool, 'owner@larkfield.example');
      expect(told.map(({ template }) => template)).toEqual(Array(2).fill('already-registered'));
      expect(told[0]?.data).toEqual({
        name: 'Olga Owner',
        signInLink: `${baseUrl}/sign-in`,
        resetLink: `${baseUrl}/forgot`,
      });
      expect((await lastLetter(server.pool, 'nobody@larkfield.example')).template).toBe(
        'verify-email',
      );
    });

    test('costs as many hashes and statements', async () => {
      const passwords = createPasswords();
      const free: Throttle = {
        attempt: async () => {},
        succeeded: async () => {},
        clear: async () => {},
      };
      await anAccount(server.pool, { email: 'counted@larkfield.example' });
      const cost = async (email: string) => {
        const hashed: string[] = [];
        const counting = new Proxy(passwords, {
          get:
            (real, name: keyof Passwords) =>
            (...given: [string, string]) => {
              hashed.push(name);
              return (real[name] as (...all: string[]) => unknown)(...given);
            },
        });
        const throttles = { register: free, resend: free, code: free };
        const parts = {
          pool: server.pool,
          keyring,
          passwords: counting,
          baseUrl,
          throttles,
          foundTeam,
        };
        const given = { name: 'Ada', email, teamName: '', password: goodPassword, returnTo: '/' };
        const statements = await countStatements(server, () =>
          register(parts, given, { address: '127.0.0.1', requestId: 'req_1', userAgent: '' }),
        );
        return { hashed, statements };
      };
      const known = await cost('counted@larkfield.example');
      expect(known).toEqual(await cost('not.counted@larkfield.example'));
      expect(known.hashed).toEqual(['hash']);
      passwords.close();
    });

    test('takes as long', async () => {
      const browser = newBrowser(baseUrl);
      const form = await browser.open(`${baseUrl}/register`);
      const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
      const ask = async (email: string) => {
        const body = new URLSearchParams({ ...typed({ email }), csrf });
        const page = await browser.open(`${baseUrl}/register`, { method: 'POST', body });
        expect(page.status).toBe(200);
      };
      for (let n = 0; n < 100; n += 1)
        await anAccount(server.pool, { email: `t${n}@known.example` });
      await expectSameTime(
        (n) => ask(`t${n % 100}@known.example`),
        (n) => ask(`t${n % 100}@unknown.example`),
      );
    }, 60_000);
  });
});

async function countStatements(
  { pool }: TestServer,
  work: () => Promise<unknown>,
): Promise<number> {
  let count = 0;
  const ofPool = new Set<unknown>(); // the heartbeat has a connection of its own
  const acquired = (client: unknown) => ofPool.add(client);
  pool.on('acquire', acquired);
  const client = await pool.connect();
  const prototype = Object.getPrototypeOf(client);
  client.release();
  const { query } = prototype;
  prototype.query = function counted(this: unknown, ...given: unknown[]) {
    if (ofPool.has(this)) count += 1;
    return query.apply(this, given);
  };
  try {
    await work();
  } finally {
    prototype.query = query;
    pool.off('acquire', acquired);
  }
  return count;
}
