import type pg from 'pg';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { type Browser, newBrowser, type Page, submit } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  anotherPassword,
  fromLetter,
  goodPassword,
  lettersTo,
  registerAt,
  submitTo,
} from './register-support.ts';

describe('what strangers try with an address that is not theirs', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let baseUrl: string;
  let pool: pg.Pool;
  let passwordHash: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl, trustProxy: true, limitAddresses: true });
    ({ baseUrl, pool } = server);
    const passwords = createPasswords();
    passwordHash = await passwords.hash(goodPassword);
    passwords.close();
  });
  afterAll(() => server?.close());

  let last = 0;
  const someone = async (): Promise<{ id: string; email: string }> =>
    anAccount(pool, { email: `someone${++last}@larkfield.example`, passwordHash });
  /** A browser at that network address. */
  function at(address: string): Browser {
    const browser = newBrowser(baseUrl);
    return {
      open: (url, init = {}) =>
        browser.open(url, { ...init, headers: { 'x-forwarded-for': address, ...init.headers } }),
    };
  }
  const askAt = async (browser: Browser, email: string): Promise<Page> =>
    submit(browser, await browser.open(`${baseUrl}/forgot`), { email });
  const signInAt = async (browser: Browser, email: string, password: string): Promise<Page> =>
    submit(browser, await browser.open(`${baseUrl}/sign-in`), { email, password });
  const isIn = ({ status, text }: Page): boolean =>
    status === 200 && !text.includes('type="password"');

  describe('letters', () => {
    const home = '198.51.100.7';
    /** As many as three strangers can have sent, from different networks. */
    async function flood(email: string): Promise<number[]> {
      const statuses = [];
      for (const stranger of ['192.0.2.1', '192.0.2.2', '2001:db8:1::1']) {
        for (let n = 0; n < 6; n += 1) statuses.push((await askAt(at(stranger), email)).status);
      }
      return statuses;
    }

    test('one stranger has five sent in an hour, and leaves the owner theirs', async () => {
      const { email } = await someone();
      const statuses = [];
      for (let n = 0; n < 8; n += 1) statuses.push((await askAt(at('192.0.2.9'), email)).status);
      expect(statuses).toEqual([...Array(5).fill(200), ...Array(3).fill(429)]);
      for (let n = 0; n < 5; n += 1) expect((await askAt(at(home), email)).status).toBe(200);
    });

    test('many strangers keep the owner waiting for ten minutes, however often the owner tries', async () => {
      const { email } = await someone();
      const sent = (await flood(email)).filter((status) => status === 200);
      expect(sent).toHaveLength(10);
      expect(await lettersTo(pool, email)).toHaveLength(10);
      for (let n = 0; n < 8; n += 1) {
        const page = await askAt(at(home), email);
        expect(page.status).toBe(429);
        expect(Number(page.headers.get('retry-after'))).toBeLessThanOrEqual(600);
      }
      await pool.query(`update throttles set expire = 0 where key like 'reset:name:%'`); // ten minutes later
      expect((await askAt(at(home), email)).status).toBe(200);
      expect((await askAt(at('192.0.2.1'), email)).status).toBe(429); // their hour goes on
    });

    test('and not at all in a browser in which the owner signed in before', async () => {
      const { email } = await someone();
      const known = at(home);
      expect(isIn(await signInAt(known, email, goodPassword))).toBe(true);
      await known.open(`${baseUrl}/profile`).then((page) => submitTo(known, page, '/sign-out'));
      await flood(email);
      expect((await askAt(at('198.51.100.8'), email)).status).toBe(429);
      expect((await askAt(known, email)).status).toBe(200);
      expect((await askAt(known, `x${email}`)).status).toBe(200);
    });

    test('to register with it, likewise', async () => {
      const { email } = await someone();
      const statuses = [];
      for (let n = 0; n < 6; n += 1) {
        const browser = at('192.0.2.30');
        statuses.push((await registerAt(baseUrl, { email }, { browser })).page.status);
      }
      expect(statuses).toEqual([...Array(5).fill(200), 429]);
      expect((await registerAt(baseUrl, { email }, { browser: at(home) })).page.status).toBe(200);
    });
  });

  describe('wrong passwords', () => {
    const guess = async (browser: Browser, email: string): Promise<void> => {
      for (let n = 0; n < 20; n += 1) await signInAt(browser, email, 'wrong');
      expect((await signInAt(browser, email, goodPassword)).status).toBe(429);
    };

    test('count no more once the owner has set a new one by the link, in browsers known and new', async () => {
      const { email } = await someone();
      const known = at('198.51.100.20');
      await signInAt(known, email, goodPassword);
      await known.open(`${baseUrl}/profile`).then((page) => submitTo(known, page, '/sign-out'));
      await guess(known, email);
      await guess(at('192.0.2.40'), email);

      const anywhere = at('198.51.100.21');
      await askAt(anywhere, email);
      const form = await anywhere.open(await fromLetter(pool, email, 'link'));
      const weak = await submit(anywhere, form, { password: 'short' });
      expect(weak.status).toBe(422);
      expect((await signInAt(anywhere, email, goodPassword)).status).toBe(429); // nothing is shown yet
      await submit(anywhere, form, { password: anotherPassword });
      expect(isIn(await signInAt(anywhere, email.toUpperCase(), anotherPassword))).toBe(true);
      expect(isIn(await signInAt(known, email, anotherPassword))).toBe(true);
    });

    test('nor once it was changed in a session', async () => {
      const { email } = await someone();
      const inside = at('198.51.100.22');
      await signInAt(inside, email, goodPassword);
      const elsewhere = at('198.51.100.23');
      await guess(elsewhere, email);
      const form = await inside.open(`${baseUrl}/profile/password`);
      await submitTo(inside, form, '/profile/password', { password: anotherPassword });
      expect(isIn(await signInAt(elsewhere, email, anotherPassword))).toBe(true);
    });

    test('with another’s address go on counting', async () => {
      const [one, other] = [await someone(), await someone()];
      await guess(at('192.0.2.50'), other.email);
      const browser = at('198.51.100.24');
      await askAt(browser, one.email);
      const form = await browser.open(await fromLetter(pool, one.email, 'link'));
      await submit(browser, form, { password: anotherPassword });
      expect((await signInAt(browser, other.email, goodPassword)).status).toBe(429);
    });
  });

  test('codes block codes and no link, and the page says so', async () => {
    const email = `new${++last}@larkfield.example`;
    for (let stranger = 1; stranger <= 4; stranger += 1) {
      const browser = at(`192.0.2.${60 + stranger}`);
      const { page } = await registerAt(baseUrl, { email }, { browser });
      for (let n = 0; n < 5; n += 1) {
        await submitTo(browser, page, '/register/check-your-mail', { code: '000000' });
      }
    }
    const owner = at('198.51.100.60');
    const { page } = await registerAt(baseUrl, { email }, { browser: owner });
    const code = await fromLetter(pool, email, 'code');
    const refused = await submitTo(owner, page, '/register/check-your-mail', { code });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3600);
    expect(refused.text).toMatch(/Try again in 2[34] hours\. The link in our email still works/);
    const again = await submitTo(owner, refused, '/register/resend');
    expect([again.status, again.text.includes('We sent another email')]).toEqual([200, true]);
    const link = await owner.open(await fromLetter(pool, email, 'link'));
    const made = await submit(owner, link, {});
    expect(made.text).toContain('action="/sign-out"');
  });
});
