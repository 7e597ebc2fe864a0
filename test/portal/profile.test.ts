import { createPasswords } from '../../src/base/passwords.ts';
import { csrfIn } from '../accounts/doors.ts';
import { submitTo } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, type Page } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  actsOf,
  aPerson,
  isSignedIn,
  makeStale,
  type Person,
  password,
  send,
  signInAs,
} from './profile-support.ts';

describe('the profile', () => {
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

  const person = (given: Parameters<typeof aPerson>[2] = {}) => aPerson(server, passwords, given);

  /** A post of our own making. */
  const post = (
    { browser }: Pick<Person, 'browser'>,
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = { origin: server.baseUrl },
  ): Promise<Page> =>
    browser.open(`${server.baseUrl}${path}`, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers,
    });

  test('says who I am: name, email, teams, roles', async () => {
    const passwordHash = await passwords.hash(password);
    const { account, open } = await person({ name: 'Joan Whitlock', team: 'Larkfield Software' });
    await anAccount(server.pool, {
      ...{ email: account.email, name: 'Joan Whitlock', passwordHash },
      roles: ['approver', 'auditor'],
    });
    const { status, text } = await open('/profile');
    expect(status).toBe(200);
    for (const word of ['Joan Whitlock', account.email, 'Larkfield Software'])
      expect(text).toContain(word);
    expect(text).toContain('approver and auditor');
    expect(text).toContain('No application has access');
  });

  test('the name changes for good, in one line of plain text', async () => {
    const someone = await person({ name: 'Ada Example', team: 'Larkfield' });
    const page = await send(someone, '/profile/name', { name: '  Ada <Lovelace> ' });
    expect(page.url).toBe(`${server.baseUrl}/profile?done=name`);
    expect(page.text).toContain('Your name is changed.');
    expect(page.text).toContain('Ada &lt;Lovelace&gt;');
    expect(page.text).not.toContain('Ada Example');
    expect(await actsOf(server.pool, someone.account.id)).toEqual(['account.name_changed']);
    for (const name of ['', '  ', 'see www.spam.example/x', 'a'.repeat(101)]) {
      const again = await send(someone, '/profile/name', { name });
      expect([again.status, /class="error"/.test(again.text)]).toEqual([422, true]);
    }
    expect(await actsOf(server.pool, someone.account.id)).toHaveLength(1);
  });

  test('lists my sessions and nobody else’s, and says which is this one', async () => {
    const { account, open } = await person();
    await person({ name: 'Somebody Else' });
    await signInAs(server, account.email, { userAgent: 'Mozilla/5.0 (iPhone) Safari/605' });
    const { text } = await open('/profile');
    const rows = text.split('<tr>').filter((row) => row.includes('data-label="Last seen"'));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain('Firefox on Linux');
    expect(rows[0]).toContain('This one');
    expect(rows[1]).toContain('Safari on iPhone');
    expect(rows[1]).toContain('127.0.0.1');
    expect(rows[1]).not.toContain('This one');
  });

  test('ends one other session, and only that', async () => {
    const someone = await person();
    const { account, browser } = someone;
    const phone = await signInAs(server, account.email);
    const page = await send(someone, '/profile', {}, '/profile/sessions/end');
    expect(page.text).toContain('That browser is signed out.');
    expect(await isSignedIn(phone, server)).toBe(false);
    expect(await isSignedIn(browser, server)).toBe(true);
    expect(await actsOf(server.pool, account.id)).toEqual(['session.ended']);
  });

  test('ends all others at once', async () => {
    const someone = await person();
    const bystander = await person();
    const others = [
      await signInAs(server, someone.account.email),
      await signInAs(server, someone.account.email),
    ];
    await send(someone, '/profile', {}, '/profile/sessions/end-others');
    for (const other of others) expect(await isSignedIn(other, server)).toBe(false);
    expect(await isSignedIn(someone.browser, server)).toBe(true);
    expect(await isSignedIn(bystander.browser, server)).toBe(true);
  });

  test('somebody else’s session is not found, and goes on', async () => {
    const victim = await person();
    const thief = await person();
    const { rows } = await server.pool.query(
      'select id from account_sessions where account_id = $1',
      [victim.account.id],
    );
    const csrf = csrfIn((await thief.open('/profile')).text);
    for (const session of [rows[0].id, 'no-such-session', '']) {
      expect((await post(thief, '/profile/sessions/end', { csrf, session })).status).toBe(404);
    }
    expect(await isSignedIn(victim.browser, server)).toBe(true);
    expect(await actsOf(server.pool, thief.account.id)).toEqual([]);
  });

  const pages = [
    '',
    '/name',
    '/password',
    '/email',
    '/email/confirm',
    '/email/some-token',
    '/delete',
  ];
  const deeds: [string, Record<string, string>][] = [
    ['/name', { name: 'Mallory' }],
    ['/sessions/end', { session: 'any' }],
    ['/sessions/end-others', {}],
    ['/consents/withdraw', { environment: 'sandbox', client: 'any' }],
    ['/password', { password: 'nine copper kettles under snow' }],
    ['/email', { email: 'mallory@larkfield.example' }],
    ['/email/confirm', { code: '123456' }],
    ['/email/cancel', {}],
    ['/email/some-token', {}],
    ['/delete', { email: 'ada@larkfield.example' }],
  ];

  test.each(pages)('/profile%s shows a stranger the sign-in form in its place', async (path) => {
    const stranger = newBrowser(server.baseUrl);
    const page = await stranger.open(`${server.baseUrl}/profile${path}`);
    expect([page.status, page.url]).toEqual([401, `${server.baseUrl}/profile${path}`]);
    const back = path === '/email/some-token' ? '/email/opened' : path; // a link is a secret
    expect(page.text).toContain(`name="return_to" value="/profile${back}"`);
  });

  test('every form tells a stranger nothing but to sign in', async () => {
    const stranger = { browser: newBrowser(server.baseUrl) };
    for (const [path, fields] of deeds) {
      const page = await post(stranger, `/profile${path}`, { csrf: 'x', ...fields });
      expect([path, page.status]).toEqual([path, 401]);
      expect(page.text).toContain('action="/sign-in"');
    }
  });

  test('no form is taken without its token, with another’s, or from another site', async () => {
    const someone = await person();
    const other = await person();
    const csrf = csrfIn((await someone.open('/profile')).text);
    const foreign = csrfIn((await other.open('/profile')).text);
    for (const [path, fields] of deeds) {
      const tries = [
        await post(someone, `/profile${path}`, fields),
        await post(someone, `/profile${path}`, { ...fields, csrf: foreign }),
        await post(
          someone,
          `/profile${path}`,
          { ...fields, csrf },
          { origin: 'https://evil.example' },
        ),
        await post(
          someone,
          `/profile${path}`,
          { ...fields, csrf },
          { 'sec-fetch-site': 'cross-site' },
        ),
      ];
      expect([path, ...tries.map(({ status }) => status)]).toEqual([path, 403, 403, 403, 403]);
    }
    expect(await actsOf(server.pool, someone.account.id)).toEqual([]);
    expect(await isSignedIn(someone.browser, server)).toBe(true);
  });

  test('password, email and deletion ask for the password again after ten minutes', async () => {
    const someone = await person();
    const csrf = csrfIn((await someone.open('/profile')).text);
    await makeStale(server.pool, someone.account.id);
    for (const path of ['/password', '/email', '/delete']) {
      const page = await someone.open(`/profile${path}`);
      expect([path, page.status]).toEqual([path, 401]);
      expect(page.text).toContain('Give your password again');
      const fields = deeds.find(([one]) => one === path)?.[1] ?? {};
      const sent = await post(someone, `/profile${path}`, { ...fields, csrf });
      expect([path, sent.status]).toEqual([path, 401]);
    }
    expect((await someone.open('/profile')).status).toBe(200);
    expect(await actsOf(server.pool, someone.account.id)).toEqual([]);

    const form = await someone.open('/profile/password');
    const { email } = someone.account;
    const page = await submitTo(someone.browser, form, '/sign-in', { email, password });
    expect([page.status, page.url]).toEqual([200, `${server.baseUrl}/profile/password`]);
    expect(page.text).toContain('Change my password');
  });
});
