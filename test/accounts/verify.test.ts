import type pg from 'pg';
import { deleteExpiredRegistrations } from '../../src/accounts/registration-store.ts';
import { digest } from '../../src/base/secrets.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { type Browser, newBrowser, submit } from '../support/flow.ts';
import { anAccount, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  accountAt,
  anotherPassword,
  fromLetter,
  goodPassword,
  lettersTo,
  opens,
  registerAt,
  samePage,
  sessionsOf,
  submitTo,
} from './register-support.ts';

const codeForm = '/register/check-your-mail';

describe('verifying an address', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let baseUrl: string;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    ({ baseUrl, pool } = server);
  });
  afterAll(() => server?.close());

  let last = 0;
  const newAddress = () => `person${++last}@larkfield.example`;

  describe('remembers the browser it was done in', () => {
    const firefox = 'Mozilla/5.0 (X11; Linux) Firefox/130.0';
    const safari =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1';
    const aBrowser = (userAgent: string): Browser => {
      const browser = newBrowser(baseUrl);
      return {
        open: (url, init = {}) =>
          browser.open(url, { ...init, headers: { 'user-agent': userAgent, ...init.headers } }),
      };
    };
    const signInWith = async (browser: Browser, email: string, password: string) => {
      const form = await browser.open(`${baseUrl}/sign-in`);
      const page = await submit(browser, form, { email, password });
      expect(page.text).toContain('action="/sign-out"');
      return page;
    };
    const toldOfDevices = async (email: string) =>
      (await lettersTo(pool, email)).filter(({ template }) => template === 'new-device').length;

    test('by code: the first sign-in elsewhere brings a letter, the first one there does not', async () => {
      const email = newAddress();
      const here = aBrowser(firefox);
      const { page } = await registerAt(baseUrl, { email }, { browser: here });
      const code = await fromLetter(pool, email, 'code');
      const landed = await submitTo(here, page, codeForm, { code });
      await submitTo(here, landed, '/sign-out');
      await signInWith(aBrowser(firefox), email, goodPassword);
      expect(await toldOfDevices(email)).toBe(1);
      await signInWith(here, email, goodPassword);
      expect(await toldOfDevices(email)).toBe(1);
    });

    test('by link: the browser that proved the address, not the one that somebody typed in', async () => {
      const email = newAddress();
      const typedIn = aBrowser(firefox);
      await typedIn.open(`${baseUrl}/sign-in`);
      await registerAt(baseUrl, { email }, { browser: typedIn });
      const proving = aBrowser(safari);
      const link = await proving.open(await fromLetter(pool, email, 'link'));
      const given = { name: 'Priya', password: anotherPassword };
      const landed = await submit(proving, link, given);
      await submitTo(proving, landed, '/sign-out');
      await signInWith(typedIn, email, anotherPassword);
      expect(await toldOfDevices(email)).toBe(1);
      await signInWith(proving, email, anotherPassword);
      expect(await toldOfDevices(email)).toBe(1);
    });
  });

  describe('by the link', () => {
    test('needs no more than the button in the browser that registered', async () => {
      const email = newAddress();
      const { browser } = await registerAt(baseUrl, { email }, { returnTo: '/?tab=keys' });
      const page = await browser.open(await fromLetter(pool, email, 'link'));
      expect(page.text).not.toContain('type="password"');
      const landed = await submit(browser, page, {});
      expect(landed.url).toBe(`${baseUrl}/?tab=keys`);
      expect(await sessionsOf(pool, email)).toBe(1);
      expect(await opens(baseUrl, email, goodPassword)).toBe(true);
    });

    test('opening it changes nothing, however often a mail scanner does', async () => {
      const email = newAddress();
      const { browser } = await registerAt(baseUrl, { email });
      const link = await fromLetter(pool, email, 'link');
      const rows = () => pool.query('select * from registrations where email = $1', [email]);
      const before = (await rows()).rows;
      for (const method of ['GET', 'GET', 'HEAD']) {
        expect((await newBrowser(baseUrl).open(link, { method })).status).toBe(200);
        expect((await browser.open(link, { method })).status).toBe(200);
      }
      expect((await rows()).rows).toEqual(before);
      expect(await accountAt(pool, email)).toBeUndefined();
      await submit(browser, await browser.open(link), {});
      expect(await accountAt(pool, email)).toMatchObject({ verified: true });
    });

    test('in another browser it asks for a password of its own', async () => {
      const email = newAddress();
      await registerAt(baseUrl, { email, team: 'Lark' }, { returnTo: '/?tab=keys' });
      const phone = newBrowser(baseUrl);
      const page = await phone.open(await fromLetter(pool, email, 'link'));
      expect(page.text).toContain('type="password"');

      const empty = await submit(phone, page, { name: '' });
      expect(empty.status).toBe(422);
      const weak = await submit(phone, page, { name: 'Priya', password: 'passwordpassword' });
      expect(weak.text).toContain('guessed first');
      expect(await accountAt(pool, email)).toBeUndefined();

      const landed = await submit(phone, weak, { name: 'Priya N', password: anotherPassword });
      expect(landed.url).toBe(`${baseUrl}/?tab=keys`);
      expect(await accountAt(pool, email)).toMatchObject({ name: 'Priya N', team: 'Priya N' });
      expect(await opens(baseUrl, email, goodPassword)).toBe(false);
      expect(await opens(baseUrl, email, anotherPassword)).toBe(true);
    });

    test('another browser is not sent to an interaction that it did not begin', async () => {
      const email = newAddress();
      const returnTo = `/sandbox/interaction/${'a'.repeat(43)}`;
      await registerAt(baseUrl, { email }, { returnTo });
      const phone = newBrowser(baseUrl);
      const page = await phone.open(await fromLetter(pool, email, 'link'));
      const landed = await submit(phone, page, { name: 'Priya', password: anotherPassword });
      expect(landed.url).toBe(`${baseUrl}/`);
    });

    test('where somebody else is signed in it verifies its own address and nothing of theirs', async () => {
      const theirs = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email: theirs, name: 'Bea' });
      const code = await fromLetter(pool, theirs, 'code');
      await submitTo(browser, page, codeForm, { code });
      const bea = await accountAt(pool, theirs);

      const email = newAddress();
      await registerAt(baseUrl, { email });
      const link = await fromLetter(pool, email, 'link');
      const form = await browser.open(link);
      const own = { name: 'Ann', password: anotherPassword };
      await submitTo(browser, form, new URL(link).pathname, own);
      expect(await accountAt(pool, email)).toMatchObject({ name: 'Ann', verified: true });
      expect(await accountAt(pool, theirs)).toEqual(bea);
      expect(await opens(baseUrl, theirs, goodPassword)).toBe(true);
      const landed = await browser.open(baseUrl);
      expect(landed.text).toContain('Ann');
      expect(landed.text).not.toContain('Bea');
    });

    test('works once, also when pressed twice at the same moment', async () => {
      const email = newAddress();
      const { browser } = await registerAt(baseUrl, { email });
      const link = await fromLetter(pool, email, 'link');
      const page = await browser.open(link);
      const both = await Promise.all([submit(browser, page, {}), submit(browser, page, {})]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 410]);
      expect(await accountAt(pool, email)).toMatchObject({ verified: true });
      expect((await browser.open(link)).status).toBe(410);
    });

    test('used, expired, replaced, cut short or never made: the same page, which helps', async () => {
      const email = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email });
      const replaced = await fromLetter(pool, email, 'link');
      await submitTo(browser, page, '/register/resend');
      const expired = await fromLetter(pool, email, 'link');
      await pool.query(`update registrations set expires_at = now() where email = $1`, [email]);
      const pages = await Promise.all(
        [replaced, expired, expired.slice(0, -1), `${baseUrl}/verify/${'x'.repeat(43)}`].map(
          async (link) => samePage(await browser.open(link)),
        ),
      );
      expect(new Set(pages).size).toBe(1);
      expect(pages[0]).toMatch(/^410/);
      expect(pages[0]).toContain('href="/register"');
      expect((await browser.open(`${baseUrl}${codeForm}`)).url).toBe(`${baseUrl}/register`);
    });

    test('of the kind for a forgotten password is not one for this, nor the reverse', async () => {
      const email = newAddress();
      await anAccount(pool, { email });
      const browser = newBrowser(baseUrl);
      await submit(browser, await browser.open(`${baseUrl}/forgot`), { email });
      const reset = (await fromLetter(pool, email, 'link')).replace('/reset/', '/verify/');
      expect((await browser.open(reset)).status).toBe(410);

      const other = newAddress();
      await registerAt(baseUrl, { email: other });
      const verify = (await fromLetter(pool, other, 'link')).replace('/verify/', '/reset/');
      expect((await browser.open(verify)).status).toBe(410);
    });

    test('its token is in no title, and its digest is all that the table knows', async () => {
      const email = newAddress();
      const { browser } = await registerAt(baseUrl, { email });
      const link = await fromLetter(pool, email, 'link');
      const token = link.slice(link.lastIndexOf('/') + 1);
      const code = await fromLetter(pool, email, 'code');
      const page = await browser.open(link);
      expect(/<title>([^<]*)/.exec(page.text)?.[1]).not.toContain(token);
      expect(page.headers.get('referrer-policy')).toBe('same-origin');
      expect(page.headers.get('cache-control')).toBe('no-store');
      const { rows } = await pool.query('select * from registrations where email = $1', [email]);
      expect(rows[0].link_digest).toEqual(digest(token));
      const { id, ...row } = rows[0];
      const kept = JSON.stringify(row, (_, value) =>
        value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
      );
      expect(kept).not.toContain(token);
      expect(kept).not.toContain(code);
      // a million codes are soon tried: without the server's key they must not lead to the digest
      for (const guess of [code, `${id}:${code}`, `registration-code:${id}:${code}`]) {
        expect(rows[0].code_digest).not.toEqual(digest(guess));
      }
    });
  });

  describe('by the code', () => {
    const wrongOf = (code: string, n: number) =>
      String((Number(code) + n) % 1_000_000).padStart(6, '0');

    test('a code takes five wrong tries; then neither it nor any other helps, but a new one does', async () => {
      const email = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email });
      const code = await fromLetter(pool, email, 'code');
      for (let n = 1; n <= 5; n += 1) {
        const guess = await submitTo(browser, page, codeForm, { code: wrongOf(code, n) });
        expect(guess.status).toBe(422);
      }
      const right = await submitTo(browser, page, codeForm, { code });
      expect(right.text).toContain('too many wrong tries');
      expect(await accountAt(pool, email)).toBeUndefined();

      await submitTo(browser, page, '/register/resend');
      const old = await submitTo(browser, page, codeForm, { code });
      expect(old.status).toBe(422);
      const fresh = await fromLetter(pool, email, 'code');
      await submitTo(browser, page, codeForm, { code: fresh });
      expect(await accountAt(pool, email)).toMatchObject({ verified: true });
    });

    test('guesses sent all at once are counted too', async () => {
      const email = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email });
      const code = await fromLetter(pool, email, 'code');
      const guesses = await Promise.all(
        Array.from({ length: 15 }, (_, n) =>
          submitTo(browser, page, codeForm, { code: wrongOf(code, n + 1) }),
        ),
      );
      const looked = guesses.filter(({ text }) => text.includes('not the code of our last email'));
      expect(looked).toHaveLength(5);
    });

    test('new registrations bring no new guesses beyond twenty a day; the link still works', async () => {
      const email = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email });
      const link = await fromLetter(pool, email, 'link');
      for (let round = 0; round < 4; round += 1) {
        const other = await registerAt(baseUrl, { email });
        const code = await fromLetter(pool, email, 'code');
        for (let n = 1; n <= 5; n += 1) {
          await submitTo(other.browser, other.page, codeForm, { code: wrongOf(code, n) });
        }
      }
      const refused = await submitTo(browser, page, codeForm, { code: '000000' });
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3600);
      await submit(browser, await browser.open(link), {});
      expect(await accountAt(pool, email)).toMatchObject({ verified: true });
    });

    test('is of use to no other browser and no other registration', async () => {
      const email = newAddress();
      await registerAt(baseUrl, { email });
      const code = await fromLetter(pool, email, 'code');
      const other = await registerAt(baseUrl, { email: newAddress() });
      expect((await submitTo(other.browser, other.page, codeForm, { code })).status).toBe(422);
      const third = await registerAt(baseUrl, { email }); // the same address, another row
      expect((await submitTo(third.browser, third.page, codeForm, { code })).status).toBe(422);
      const nobody = newBrowser(baseUrl);
      expect((await nobody.open(`${baseUrl}${codeForm}`)).url).toBe(`${baseUrl}/register`);
      expect(await accountAt(pool, email)).toBeUndefined();
    });

    test('its digest opens nothing in another row', async () => {
      const email = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email });
      await registerAt(baseUrl, { email: newAddress() });
      const code = await fromLetter(pool, `person${last}@larkfield.example`, 'code');
      const moved = await pool.query(
        `update registrations set code_digest = other.code_digest from registrations other
         where registrations.email = $1 and other.email = $2`,
        [email, `person${last}@larkfield.example`],
      );
      expect(moved.rowCount).toBe(1);
      await submitTo(browser, page, codeForm, { code });
      expect(await accountAt(pool, email)).toBeUndefined();
    });

    test('sent again, the old link ends with the old code, and after five letters we ask to wait', async () => {
      const email = newAddress();
      const { browser, page } = await registerAt(baseUrl, { email });
      const link = await fromLetter(pool, email, 'link');
      const again = await submitTo(browser, page, '/register/resend');
      expect(again.text).toContain('We sent another email.');
      expect((await browser.open(link)).status).toBe(410);
      for (let time = 0; time < 4; time += 1) await submitTo(browser, page, '/register/resend');
      const refused = await submitTo(browser, page, '/register/resend');
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await lettersTo(pool, email)).toHaveLength(6);
    });
  });

  describe('where somebody else registered the address first', () => {
    const attack = { name: 'Mallory', team: 'Evil team' };

    test('the owner who opens that one’s link gets an account with nothing of theirs', async () => {
      const email = newAddress();
      const mallory = await registerAt(baseUrl, { email, ...attack });
      const owner = newBrowser(baseUrl);
      const page = await owner.open(await fromLetter(pool, email, 'link'));
      expect(page.text).not.toContain('Mallory');
      await submit(owner, page, { name: 'Olga Owner', password: anotherPassword });

      expect(await accountAt(pool, email)).toMatchObject({
        name: 'Olga Owner',
        team: 'Olga Owner',
      });
      expect(await opens(baseUrl, email, goodPassword)).toBe(false);
      const code = await fromLetter(pool, email, 'code');
      const late = await submitTo(mallory.browser, mallory.page, codeForm, { code });
      expect(late.text).toContain('not the code of our last email'); // and not that the owner came
      expect(await sessionsOf(pool, email)).toBe(1);
    });

    test('an owner who registers too is not disturbed, and the first one’s link and code end', async () => {
      const email = newAddress();
      const mallory = await registerAt(baseUrl, { email, ...attack });
      const theirs = await fromLetter(pool, email, 'link');
      const theirCode = await fromLetter(pool, email, 'code');
      const owner = await registerAt(baseUrl, { email, name: 'Olga', password: anotherPassword });
      const code = await fromLetter(pool, email, 'code');
      await submitTo(mallory.browser, mallory.page, codeForm, { code: '123123' });
      await submitTo(owner.browser, owner.page, codeForm, { code });

      expect(await accountAt(pool, email)).toMatchObject({ name: 'Olga', team: 'Olga' });
      expect((await mallory.browser.open(theirs)).status).toBe(410);
      const late = await submitTo(mallory.browser, mallory.page, codeForm, { code: theirCode });
      expect(late.status).toBe(422);
      expect(await opens(baseUrl, email, goodPassword)).toBe(false);
      expect(await opens(baseUrl, email, anotherPassword)).toBe(true);
      await submitTo(mallory.browser, mallory.page, '/register/resend');
      expect((await lettersTo(pool, email)).at(-1)?.template).toBe('already-registered');
    });

    test('of two proofs at the same moment one makes the account, and the other finds it made', async () => {
      const email = newAddress();
      const people = [];
      for (const name of ['Olga', 'Otto', 'Orla']) {
        const { browser } = await registerAt(baseUrl, { email, name });
        people.push({ browser, page: await browser.open(await fromLetter(pool, email, 'link')) });
      }
      const answers = await Promise.all(
        people.map(({ browser, page }) => submit(browser, page, {})),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
      expect(await accountAt(pool, email)).toMatchObject({ verified: true });
      expect(await sessionsOf(pool, email)).toBe(1);
    });

    test('an account row that nobody verified counts as none, and passes nothing on', async () => {
      const email = newAddress();
      const former = await anAccount(pool, { email, emailVerified: false, roles: ['owner'] });
      await aTeam(pool, { members: [former], name: 'Former team' });
      const { browser, page } = await registerAt(baseUrl, { email: email.toUpperCase() });
      const code = await fromLetter(pool, email, 'code');
      await submitTo(browser, page, codeForm, { code });
      const account = await accountAt(pool, email);
      expect(account).toMatchObject({ verified: true, team: 'Priya Nair' });
      expect(account?.id).not.toBe(former.id);
      const { rows } = await pool.query('select * from account_roles where account_id = $1', [
        account?.id,
      ]);
      expect(rows).toEqual([]);
    });
  });

  test('a week after they expired, registrations are deleted', async () => {
    const old = newAddress();
    const young = newAddress();
    await registerAt(baseUrl, { email: old });
    await registerAt(baseUrl, { email: young });
    const age = `update registrations set expires_at = now() - make_interval(days => $2)
      where email = $1`;
    await pool.query(age, [old, 8]);
    await pool.query(age, [young, 6]);
    expect(await deleteExpiredRegistrations(pool, 7)).toBe(1);
    const { rows } = await pool.query('select email from registrations where email in ($1, $2)', [
      old,
      young,
    ]);
    expect(rows).toEqual([{ email: young }]);
  });

  test('the trail says that it was made', async () => {
    const email = newAddress();
    const { browser, page } = await registerAt(baseUrl, { email });
    const code = await fromLetter(pool, email, 'code');
    await submitTo(browser, page, codeForm, { code });
    const account = await accountAt(pool, email);
    const { rows } = await pool.query('select action, address from audit where actor_id = $1', [
      account?.id,
    ]);
    expect(rows).toContainEqual({
      action: 'account.registered',
      address: expect.stringMatching(/127\.0\.0\.1/),
    });
  });
});
