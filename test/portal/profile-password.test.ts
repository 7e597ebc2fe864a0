import { createPasswords } from '../../src/base/passwords.ts';
import { anotherPassword, fromLetter, lettersTo, opens } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asAccount, buyTokens, newBrowser, post, submit } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { actsOf, aPerson, isSignedIn, password, send, signInAs } from './profile-support.ts';

describe('a new password, chosen on the profile', () => {
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

  test('opens the account from now on, ends every other session, and tells by letter', async () => {
    const someone = await person();
    const { email, id } = someone.account;
    const phone = await signInAs(server, email);
    const page = await send(someone, '/profile/password', { password: anotherPassword });
    expect(page.url).toBe(`${server.baseUrl}/profile?done=password`);
    expect(page.text).toContain('Your password is changed.');
    expect(await isSignedIn(phone, server)).toBe(false);
    expect(await isSignedIn(someone.browser, server)).toBe(true);
    expect(await opens(server.baseUrl, email, password)).toBe(false);
    expect(await opens(server.baseUrl, email, anotherPassword)).toBe(true);
    expect((await lettersTo(server.pool, email)).map(({ template }) => template)).toContain(
      'password-changed',
    );
    expect(await actsOf(server.pool, id)).toEqual(['password.changed']);
  });

  test('also ends a copy of this very session’s cookie', async () => {
    const { account, open, browser } = await person();
    const before = await server.pool.query(
      'select id from account_sessions where account_id = $1',
      [account.id],
    );
    await send({ open, browser }, '/profile/password', { password: anotherPassword });
    const after = await server.pool.query('select id from account_sessions where account_id = $1', [
      account.id,
    ]);
    expect(after.rows).toHaveLength(1);
    expect(after.rows).not.toEqual(before.rows);
  });

  test('ends what applications may do, and whoever is signed in at the issuer', async () => {
    const someone = await person();
    const by = asAccount(someone.account.email, password);
    const product = await aProduct(server.pool);
    const subscriptions = [await aSubscription(server.pool, { product })];
    const client = { ...(await aClient(server.pool, { subscriptions })) };
    const redirectUri = 'https://client.example/callback';
    const scope = 'openid offline_access';
    const app = { ...client, redirectUri };
    const { body } = await buyTokens(server.sandbox, app, by, { scope, prompt: 'consent' });
    const left = async () =>
      (
        await server.pool.query(
          `select kind from oidc_records where payload ->> 'accountId' = $1`,
          [someone.account.id],
        )
      ).rows.map(({ kind }) => kind);
    expect(await left()).toEqual(expect.arrayContaining(['Grant', 'RefreshToken', 'Session']));
    await send(someone, '/profile/password', { password: anotherPassword });
    expect(await left()).toEqual([]);
    const token = String(body.access_token);
    const asked = await post(`${server.sandbox}/token/introspection`, app, { token });
    expect(asked.body).toEqual({ active: false });
  });

  test('ends links that wait in a mailbox: to a reset, and to another address', async () => {
    const someone = await person();
    const { email } = someone.account;
    const elsewhere = `new-${email}`;
    await send(someone, '/profile/email', { email: elsewhere });
    const stranger = newBrowser(server.baseUrl);
    await submit(stranger, await stranger.open(`${server.baseUrl}/forgot`), { email });
    const reset = await fromLetter(server.pool, email, 'link');
    const change = await fromLetter(server.pool, elsewhere, 'link');
    expect((await stranger.open(reset)).status).toBe(200);
    expect((await someone.browser.open(change)).status).toBe(200);
    await send(someone, '/profile/password', { password: anotherPassword });
    expect((await stranger.open(reset)).status).toBe(410);
    expect((await someone.browser.open(change)).status).toBe(410);
  });

  test('a forgotten one, chosen anew, ends applications and an address that waits too', async () => {
    const someone = await person();
    const { email } = someone.account;
    const elsewhere = `new-${email}`;
    await send(someone, '/profile/email', { email: elsewhere });
    const change = await fromLetter(server.pool, elsewhere, 'link');
    const owner = newBrowser(server.baseUrl);
    await submit(owner, await owner.open(`${server.baseUrl}/forgot`), { email });
    const link = await fromLetter(server.pool, email, 'link');
    await submit(owner, await owner.open(link), { password: anotherPassword });
    const again = await signInAs(server, email, { password: anotherPassword });
    expect((await again.open(change)).status).toBe(410);
  });

  test.each([
    ['nothing', '', 'Fill this in.'],
    ['a short one', 'too short', 'Too short'],
    ['my own name', 'priya nair priya nair', 'made of your name'],
    ['a common one', 'passwordpassword', 'guessed first'],
  ])('%s is refused with words, and nothing changes', async (_, chosen, words) => {
    const someone = await person();
    const page = await send(someone, '/profile/password', { password: chosen });
    expect(page.status).toBe(422);
    expect(page.text).toContain('<title>Error: ');
    expect(page.text).toContain(words);
    expect(await opens(server.baseUrl, someone.account.email, password)).toBe(true);
    expect(await actsOf(server.pool, someone.account.id)).toEqual([]);
  });

  test('a session that was ended meanwhile changes nothing', async () => {
    const someone = await person();
    const form = await someone.open('/profile/password');
    const { email, id } = someone.account;
    const holder = await server.pool.connect();
    await holder.query('begin');
    await holder.query('select 1 from accounts where id = $1 for update', [id]);
    const sent = submitLast(someone, form, { password: anotherPassword });
    await new Promise((resolve) => setTimeout(resolve, 700)); // it waits for the row
    await holder.query('delete from account_sessions where account_id = $1', [id]);
    await holder.query('commit');
    holder.release();
    expect((await sent).status).toBe(401);
    expect(await opens(server.baseUrl, email, password)).toBe(true);
  });

  test('only so many in a row', async () => {
    const someone = await person();
    const statuses: number[] = [];
    for (let n = 0; n < 21; n += 1) {
      const page = await send(someone, '/profile/password', {
        password: `${anotherPassword} ${n}`,
      });
      statuses.push(page.status);
    }
    expect(statuses.slice(0, 20)).toEqual(Array(20).fill(200));
    expect(statuses[20]).toBe(429);
  });

  const submitLast = (
    { browser }: Awaited<ReturnType<typeof person>>,
    form: Awaited<ReturnType<ReturnType<typeof newBrowser>['open']>>,
    fields: Record<string, string>,
  ) => submit(browser, { ...form, text: form.text.slice(form.text.indexOf('<main')) }, fields);

  test('at the same moment as a reset by letter, one is after the other and neither breaks', async () => {
    for (let round = 0; round < 6; round += 1) {
      const someone = await person();
      const { email } = someone.account;
      const other = newBrowser(server.baseUrl);
      await submit(other, await other.open(`${server.baseUrl}/forgot`), { email });
      const link = await other.open(await fromLetter(server.pool, email, 'link'));
      const statuses = await Promise.all([
        send(someone, '/profile/password', { password: anotherPassword }),
        submit(other, link, { password: `${anotherPassword} by letter` }),
      ]);
      for (const { status } of statuses) expect(status).toBeLessThan(500);
    }
  }, 30_000);
});
