import type pg from 'pg';
import { deleteExpiredResets } from '../../src/accounts/reset-store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, submit } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  anotherPassword,
  expectSameTime,
  fromLetter,
  goodPassword,
  lastLetter,
  lettersTo,
  opens,
  samePage,
  sessionsOf,
} from './register-support.ts';

describe('a forgotten password', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let baseUrl: string;
  let pool: pg.Pool;
  let passwordHash: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    ({ baseUrl, pool } = server);
    const passwords = createPasswords();
    passwordHash = await passwords.hash(goodPassword);
    passwords.close();
  });
  afterAll(() => server?.close());

  let last = 0;
  const someone = async () => {
    const email = `someone${++last}@larkfield.example`;
    await anAccount(pool, { email, passwordHash, name: 'Sam One' });
    return email;
  };
  const ask = async (email: string, returnTo = '') => {
    const browser = newBrowser(baseUrl);
    const form = await browser.open(
      `${baseUrl}/forgot?${new URLSearchParams({ return_to: returnTo })}`,
    );
    return submit(browser, form, { email });
  };

  test('a link and a new password, and every session of the old one has ended', async () => {
    const email = await someone();
    expect(await opens(baseUrl, email, goodPassword)).toBe(true);
    expect(await sessionsOf(pool, email)).toBe(1);
    await ask(email.toUpperCase(), '/?tab=keys');

    const browser = newBrowser(baseUrl);
    const form = await browser.open(await fromLetter(pool, email, 'link'));
    expect(form.text).toContain(email);
    const weak = await submit(browser, form, { password: 'someone someone' });
    expect(weak.status).toBe(422);
    const done = await submit(browser, weak, { password: anotherPassword });
    expect(done.text).toContain('Your password is changed');
    expect(done.text).toContain('/sign-in?return_to=%2F%3Ftab%3Dkeys');

    expect(await sessionsOf(pool, email)).toBe(0);
    expect(await opens(baseUrl, email, goodPassword)).toBe(false);
    expect(await opens(baseUrl, email, anotherPassword)).toBe(true);
    expect((await lastLetter(pool, email)).template).not.toBe('reset-password');
    expect((await lettersTo(pool, email)).map(({ template }) => template)).toContain(
      'password-changed',
    );
    const { rows } = await pool.query(
      `select action from audit a join accounts on accounts.id = a.subject_id
       where email = $1 and action like 'password.%' order by a.id`,
      [email],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'password.reset_requested',
      'password.reset',
    ]);
  });

  test('opening the link changes nothing; setting works once, also twice at the same moment', async () => {
    const email = await someone();
    await ask(email);
    const link = await fromLetter(pool, email, 'link');
    const browser = newBrowser(baseUrl);
    for (let time = 0; time < 3; time += 1) expect((await browser.open(link)).status).toBe(200);
    expect(await opens(baseUrl, email, goodPassword)).toBe(true);
    const form = await browser.open(link);
    const answers = await Promise.all(
      [anotherPassword, `${anotherPassword} again`].map((password) =>
        submit(browser, form, { password }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 410]);
    expect((await browser.open(link)).status).toBe(410);
  });

  test('a new link ends the old one; an expired one and a made-up one look the same', async () => {
    const email = await someone();
    await ask(email);
    const old = await fromLetter(pool, email, 'link');
    await ask(email);
    const link = await fromLetter(pool, email, 'link');
    const browser = newBrowser(baseUrl);
    const form = await browser.open(link);
    expect(form.status).toBe(200);
    await pool.query('update password_resets set expires_at = now()');
    const ended = [old, link, `${baseUrl}/reset/${'x'.repeat(43)}`];
    const pages = await Promise.all(ended.map(async (one) => samePage(await browser.open(one))));
    expect(new Set(pages).size).toBe(1);
    expect(pages[0]).toMatch(/^410/);
    expect((await submit(browser, form, { password: anotherPassword })).status).toBe(410);
    expect(await opens(baseUrl, email, goodPassword)).toBe(true);
  });

  test('the link is of the address it went to, and of no other account', async () => {
    const email = await someone();
    const other = await someone();
    await ask(email);
    await ask(other);
    const link = await fromLetter(pool, email, 'link');
    const browser = newBrowser(baseUrl);
    const form = await browser.open(link);
    await submit(browser, form, { password: anotherPassword });
    expect(await opens(baseUrl, other, goodPassword)).toBe(true);

    const moved = await fromLetter(pool, other, 'link');
    await pool.query(`update accounts set email = 'moved@larkfield.example' where email = $1`, [
      other,
    ]);
    expect((await browser.open(moved)).status).toBe(410);
  });

  test('is asked for with the same answer whoever it is; the letter alone differs', async () => {
    const email = await someone();
    const unverified = 'unverified@larkfield.example';
    await anAccount(pool, { email: unverified, passwordHash, emailVerified: false });
    const strangers = [unverified, 'stranger@larkfield.example'];
    const interaction = `/sandbox/interaction/${'a'.repeat(43)}`;
    const known = samePage(await ask(email, interaction));
    for (const stranger of strangers) {
      expect(samePage(await ask(stranger, interaction))).toBe(known);
      expect(await lettersTo(pool, stranger)).toEqual([
        { template: 'reset-without-account', data: { registerLink: `${baseUrl}/register` } },
      ]);
    }
    expect(known).toContain(`href="${interaction}"`);
    expect((await lastLetter(pool, email)).data).toMatchObject({ name: 'Sam One', minutes: 30 });
  });

  test.each(['', 'nobody', 'a@b.example\r\nBcc: c@d.example'])('refuses %j', async (email) => {
    const page = await ask(email);
    expect(page.status).toBe(422);
    expect(page.text).toContain('id="email-error"');
  });

  test.each(['//evil.example', 'https://evil.example', '/\\evil.example'])(
    'no way to %j',
    async (returnTo) => {
      expect((await ask('stranger.too@larkfield.example', returnTo)).text).not.toContain('evil');
    },
  );

  test('after five letters to one recipient we ask to wait, known or not', async () => {
    for (const email of [await someone(), 'often@larkfield.example']) {
      for (let time = 0; time < 5; time += 1) expect((await ask(email)).status).toBe(200);
      const refused = await ask(email);
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await lettersTo(pool, email)).toHaveLength(5);
    }
  });

  test('one network address cannot write to everybody', async () => {
    const strict = await startServer({ databaseUrl, limitAddresses: true });
    try {
      const browser = newBrowser(strict.baseUrl);
      const form = await browser.open(`${strict.baseUrl}/forgot`);
      const statuses: number[] = [];
      for (let n = 0; n < 51; n += 1) {
        statuses.push((await submit(browser, form, { email: `n${n}@larkfield.example` })).status);
      }
      expect(statuses.slice(0, 50)).toEqual(Array(50).fill(200));
      expect(statuses.at(-1)).toBe(429);
    } finally {
      await strict.close();
    }
  });

  test('what has expired is deleted', async () => {
    await ask(await someone());
    await pool.query('update password_resets set expires_at = now()');
    expect(await deleteExpiredResets(pool)).toBeGreaterThan(0);
    expect((await pool.query('select 1 from password_resets')).rowCount).toBe(0);
  });

  test('a forged host is in no link, and the token in no table', async () => {
    const email = await someone();
    const browser = newBrowser(baseUrl);
    const form = await browser.open(`${baseUrl}/forgot`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    await browser.open(`${baseUrl}/forgot`, {
      method: 'POST',
      body: new URLSearchParams({ email, csrf }),
      headers: { 'x-forwarded-host': 'evil.example' },
    });
    const link = await fromLetter(pool, email, 'link');
    expect(link.startsWith(`${baseUrl}/reset/`)).toBe(true);
    const { rows } = await pool.query('select r::text as row from password_resets r');
    expect(rows.map(({ row }) => row).join()).not.toContain(link.split('/').at(-1));
  });

  test('without the form’s token nothing is set', async () => {
    const email = await someone();
    await ask(email);
    const body = new URLSearchParams({ password: anotherPassword });
    const link = await fromLetter(pool, email, 'link');
    expect((await newBrowser(baseUrl).open(link, { method: 'POST', body })).status).toBe(403);
    expect(await opens(baseUrl, email, goodPassword)).toBe(true);
  });

  test('takes as long for an unknown address', async () => {
    const known = await Promise.all(Array.from({ length: 100 }, someone));
    const browser = newBrowser(baseUrl);
    const form = await browser.open(`${baseUrl}/forgot`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    const send = async (email: string) => {
      const body = new URLSearchParams({ email, csrf });
      const page = await browser.open(`${baseUrl}/forgot`, { method: 'POST', body });
      expect(page.status).toBe(200);
    };
    await expectSameTime(
      (n) => send(known[n % 100] ?? ''),
      (n) => send(`t${n % 100}@unknown.example`),
    );
  }, 60_000);
});
