import { randomUUID } from 'node:crypto';
import { createPasswords } from '../../src/base/passwords.ts';
import {
  fromLetter,
  lastLetter,
  lettersTo,
  opens,
  registerAt,
  samePage,
  submitTo,
} from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, submit } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { actsOf, aPerson, type Person, password, send, signInAs } from './profile-support.ts';

describe('another email address', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const person = () => aPerson(server, passwords, { name: 'Priya Nair' });
  const newAddress = () => `priya.${randomUUID()}@larkfield.example`;
  const ask = (someone: Person, email: string) => send(someone, '/profile/email', { email });
  const emailOf = async ({ account }: Person): Promise<string> =>
    (await server.pool.query('select email from accounts where id = $1', [account.id])).rows[0]
      .email;
  const pathOf = (link: string) => new URL(link).pathname;
  const confirm = '/profile/email/confirm';

  test('counts once the link was opened and its button pressed, and the old one is told', async () => {
    const someone = await person();
    const { email: old } = someone.account;
    const email = newAddress();
    const asked = await ask(someone, email);
    expect(asked.url).toBe(`${server.baseUrl}${confirm}`);
    expect(asked.text).toContain(email);
    expect((await someone.open('/profile')).text).toContain('Your new address waits.');
    expect(await lettersTo(server.pool, old)).toEqual([]);

    const link = await fromLetter(server.pool, email, 'link');
    for (let opened = 0; opened < 3; opened += 1) await someone.browser.open(link); // a scanner does
    expect(await emailOf(someone)).toBe(old);
    expect(await opens(server.baseUrl, email, password)).toBe(false);

    const done = await send(someone, pathOf(link));
    expect(done.url).toBe(`${server.baseUrl}/profile?done=email`);
    expect(await emailOf(someone)).toBe(email);
    expect(await opens(server.baseUrl, email, password)).toBe(true);
    expect(await opens(server.baseUrl, old, password)).toBe(false);
    const told = (await lettersTo(server.pool, old)).find(
      ({ template }) => template === 'email-changed',
    );
    expect(told?.data.newEmailMasked).toBe('p…@larkfield.example');
    expect(await actsOf(server.pool, someone.account.id)).toEqual([
      'email.change_requested',
      'email.changed',
    ]);
    expect((await someone.browser.open(link)).status).toBe(410);
  });

  test('counts once the code was typed', async () => {
    const someone = await person();
    const email = newAddress();
    await ask(someone, email);
    const code = await fromLetter(server.pool, email, 'code');
    const wrong = await send(someone, confirm, {
      code: String((Number(code) + 1) % 1e6).padStart(6, '0'),
    });
    expect([wrong.status, wrong.text.includes('not the code of our last email')]).toEqual([
      422,
      true,
    ]);
    const words = await send(someone, confirm, { code: 'abc' });
    expect([words.status, words.text.includes('six digits')]).toEqual([422, true]);
    const done = await send(someone, confirm, { code: `${code.slice(0, 3)} ${code.slice(3)}` });
    expect(done.text).toContain('Your email address is changed.');
    expect(await emailOf(someone)).toBe(email);
    expect((await someone.open(confirm)).url).toBe(`${server.baseUrl}/profile`); // nothing waits
  });

  test('one code takes five wrong tries, the right one after them included', async () => {
    const someone = await person();
    const email = newAddress();
    await ask(someone, email);
    const code = await fromLetter(server.pool, email, 'code');
    const wrong = code === '000000' ? '111111' : '000000';
    for (let n = 0; n < 5; n += 1) await send(someone, confirm, { code: wrong });
    const page = await send(someone, confirm, { code });
    expect([page.status, page.text.includes('too many wrong tries')]).toEqual([422, true]);
    expect(await emailOf(someone)).not.toBe(email);
    const link = await fromLetter(server.pool, email, 'link'); // still good
    await send(someone, pathOf(link));
    expect(await emailOf(someone)).toBe(email);
  });

  test('of twenty presses at once one counts', async () => {
    const someone = await person();
    const email = newAddress();
    await ask(someone, email);
    const link = await fromLetter(server.pool, email, 'link');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(someone, pathOf(link)).catch(() => ({ status: 410 }))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const acts = await actsOf(server.pool, someone.account.id);
    expect(acts.filter((action) => action === 'email.changed')).toHaveLength(1);
  });

  test('an address that another account has is answered alike, and its owner is told', async () => {
    const someone = await person();
    const owner = await person();
    const free = newAddress();
    const forFree = await ask(someone, free);
    const code = '123456';
    const wrongForFree = await send(someone, confirm, { code });
    const taken = owner.account.email;
    const forTaken = await ask(someone, taken.toUpperCase());
    const wrongForTaken = await send(someone, confirm, { code });

    expect(samePage(forTaken, taken.toUpperCase())).toBe(samePage(forFree, free));
    expect(samePage(wrongForTaken, taken.toUpperCase())).toBe(samePage(wrongForFree, free));
    expect((await lastLetter(server.pool, taken)).template).toBe('already-registered');
    const { rows } = await server.pool.query(
      'select link_digest, code_digest from email_changes where account_id = $1',
      [someone.account.id],
    );
    expect(rows).toEqual([{ link_digest: null, code_digest: null }]);
  });

  test('whoever registers with it first keeps it', async () => {
    const someone = await person();
    const email = newAddress();
    await ask(someone, email);
    const link = await fromLetter(server.pool, email, 'link');
    const { browser, page } = await registerAt(server.baseUrl, { email });
    expect(page.status).toBe(200);
    const verify = await fromLetter(server.pool, email, 'link');
    const newcomer = { browser, open: (path: string) => browser.open(`${server.baseUrl}${path}`) };
    await send(newcomer, pathOf(verify));
    expect((await send(someone, pathOf(link))).status).toBe(410);
    expect(await emailOf(someone)).toBe(someone.account.email);
  });

  test('once it is taken so, a registration that was under way with it has lost', async () => {
    const someone = await person();
    const email = newAddress();
    const { browser } = await registerAt(server.baseUrl, { email });
    const verify = await fromLetter(server.pool, email, 'link');
    await ask(someone, email);
    await send(someone, pathOf(await fromLetter(server.pool, email, 'link')));
    expect((await browser.open(verify)).status).toBe(410);
    expect(await emailOf(someone)).toBe(email);
  });

  test('the link is for the account that asked: another’s sees an ended one, a stranger the sign-in form', async () => {
    const someone = await person();
    const other = await person();
    const email = newAddress();
    await ask(someone, email);
    const link = await fromLetter(server.pool, email, 'link');
    expect((await other.browser.open(link)).status).toBe(410);
    const stranger = newBrowser(server.baseUrl);
    const form = await stranger.open(link);
    expect([form.status, form.text.includes('action="/sign-in"')]).toEqual([401, true]);
    expect(await emailOf(someone)).toBe(someone.account.email);

    const phone = await signInAs(server, someone.account.email); // another browser of the person
    const open = (path: string) => phone.open(`${server.baseUrl}${path}`);
    await send({ browser: phone, open }, pathOf(link));
    expect(await emailOf(someone)).toBe(email);
  });

  describe('a link that is opened signed out', () => {
    const tokenOf = (link: string) => pathOf(link).split('/').at(-1) ?? '';

    test('waits behind the sign-in, and stands in no other address on the way', async () => {
      const someone = await person();
      const email = newAddress();
      await ask(someone, email);
      const link = await fromLetter(server.pool, email, 'link');
      const phone = newBrowser(server.baseUrl);
      const form = await phone.open(link);
      expect(form.status).toBe(401);
      expect(form.text).toContain('name="return_to" value="/profile/email/opened"');
      expect(form.text).not.toContain(tokenOf(link));
      for (const [, href = ''] of form.text.matchAll(/(?:href|action)="([^"]+)"/g)) {
        const page = await phone.open(new URL(href, server.baseUrl).href);
        expect(page.text).not.toContain(tokenOf(link));
      }

      const wrong = await submit(phone, form, { email: someone.account.email, password: 'wrong' });
      expect(wrong.text).not.toContain(tokenOf(link));
      const given = { email: someone.account.email, password };
      const page = await submit(phone, wrong, given);
      expect([page.status, page.url]).toEqual([200, link]);
      const done = await submitTo(phone, page, pathOf(link));
      expect(done.url).toBe(`${server.baseUrl}/profile?done=email`);
      expect(await emailOf(someone)).toBe(email);
      expect((await phone.open(`${server.baseUrl}/profile/email/opened`)).url).toBe(
        `${server.baseUrl}/profile`, // the browser keeps it no longer
      );
    });

    test('waits where its own session ended before the button was pressed', async () => {
      const someone = await person();
      const email = newAddress();
      await ask(someone, email);
      const link = await fromLetter(server.pool, email, 'link');
      const page = await someone.browser.open(link);
      await server.pool.query('delete from account_sessions where account_id = $1', [
        someone.account.id,
      ]);
      const { pathname } = new URL(link);
      const form = await someone.browser.open(link, {
        method: 'POST',
        body: new URLSearchParams({
          csrf: /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '',
        }),
        headers: { origin: server.baseUrl, referer: link },
      });
      expect(form.status).toBe(401);
      expect(form.text).not.toContain(tokenOf(link));
      const given = { email: someone.account.email, password };
      const back = await submit(someone.browser, form, given);
      expect(back.text).toContain(`action="${pathname}"`);
      await submitTo(someone.browser, back, pathname);
      expect(await emailOf(someone)).toBe(email);
    });

    test('whose browser does not have it any more: the page with the code', async () => {
      const someone = await person();
      const email = newAddress();
      await ask(someone, email);
      const page = await someone.open('/profile/email/opened');
      expect(page.url).toBe(`${server.baseUrl}${confirm}`);
    });

    test('is refused with no word of it, however it is asked', async () => {
      const token = 'a'.repeat(43);
      for (const method of ['PUT', 'DELETE', 'POST'] as const) {
        const page = await newBrowser(server.baseUrl).open(
          `${server.baseUrl}/profile/email/${token}`,
          {
            method,
            headers: {
              origin: 'https://evil.example',
              referer: `${server.baseUrl}/profile/email/${token}`,
            },
          },
        );
        expect(page.status).toBeGreaterThanOrEqual(400);
        expect(page.text).not.toContain(token);
      }
    });
  });

  test('a new letter ends the one before, time ends both, and so does the person', async () => {
    const someone = await person();
    const [first, second, third] = [newAddress(), newAddress(), newAddress()];
    await ask(someone, first);
    const old = await fromLetter(server.pool, first, 'link');
    await ask(someone, second);
    expect((await someone.browser.open(old)).status).toBe(410);
    const link = await fromLetter(server.pool, second, 'link');
    await server.pool.query(
      `update email_changes set expires_at = now() - interval '1 second' where account_id = $1`,
      [someone.account.id],
    );
    expect((await someone.browser.open(link)).status).toBe(410);
    await ask(someone, third);
    const kept = await send(someone, confirm, {}, '/profile/email/cancel');
    expect(kept.text).toContain('stays as it is');
    expect((await someone.browser.open(await fromLetter(server.pool, third, 'link'))).status).toBe(
      410,
    );
    expect(await emailOf(someone)).toBe(someone.account.email);
  });

  test.each([
    ['nothing', ''],
    ['no address', 'priya at larkfield'],
    ['two lines', 'priya@larkfield.example\r\nBcc: all@larkfield.example'],
  ])('%s is refused with words', async (_, email) => {
    const someone = await person();
    const page = await ask(someone, email);
    expect([page.status, page.text.includes('id="email-error"')]).toEqual([422, true]);
    expect(await actsOf(server.pool, someone.account.id)).toEqual([]);
  });

  test('the one that the account has is not asked for again', async () => {
    const someone = await person();
    const page = await ask(someone, someone.account.email.toUpperCase());
    expect([page.status, page.text.includes('your address already')]).toEqual([422, true]);
  });

  test('only so many letters, whoever they go to', async () => {
    const someone = await person();
    for (let n = 0; n < 5; n += 1) expect((await ask(someone, newAddress())).status).toBe(200);
    expect((await ask(someone, newAddress())).status).toBe(429);
  });

  test('only so many codes in a day, over however many letters', async () => {
    const someone = await person();
    const taken = (await person()).account.email;
    const statuses: number[] = [];
    for (let letter = 0; letter < 5; letter += 1) {
      await ask(someone, taken); // never the right code
      for (let n = 0; n < 5; n += 1) {
        statuses.push((await send(someone, confirm, { code: '000000' })).status);
      }
    }
    expect(statuses).toEqual([...Array(20).fill(422), ...Array(5).fill(429)]);
  });

  test('neither link nor code is in the database but in the letter', async () => {
    const someone = await person();
    const email = newAddress();
    await ask(someone, email);
    const link = await fromLetter(server.pool, email, 'link');
    const code = await fromLetter(server.pool, email, 'code');
    const { rows } = await server.pool.query(
      `select row_to_json(e)::text as text from email_changes e
       union all select row_to_json(a)::text from audit a`,
    );
    const dump = rows.map(({ text }) => text).join('\n');
    expect(dump).toContain(email); // it is the right row
    expect(dump).not.toContain(pathOf(link).split('/').at(-1));
    expect(dump).not.toMatch(new RegExp(`"${code}"`));
  });
});
