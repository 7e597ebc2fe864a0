import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  asAccount,
  asTestUser,
  authorizationUrl,
  type CodeClient,
  newBrowser,
  type Page,
  pkce,
  submit,
} from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';
const password = 'correct horse battery';
type At = 'sandbox' | 'live';

describe('a session that is still live', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let passwordHash: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const passwords = createPasswords();
    passwordHash = await passwords.hash(password);
    await passwords.close();
  });
  afterAll(() => server.close());

  const sql = (text: string, ...values: string[]) => server.pool.query(text, values);
  const aSubscribed = async (environment: At): Promise<CodeClient> => {
    const product = await aProduct(server.pool, { environment });
    const subscriptions = [await aSubscription(server.pool, { product })];
    return { ...(await aClient(server.pool, { subscriptions })), redirectUri };
  };
  const asking = (at: At, client: CodeClient, more: Record<string, string> = {}) =>
    authorizationUrl(server[at], client, pkce().challenge, { scope: 'openid', ...more });
  const none = { prompt: 'none' };

  /** A browser that follows no redirect by itself, so that something may happen in between. */
  function newStepper() {
    const browser = newBrowser('nowhere');
    const next = (page: Page) => browser.open(new URL(page.location ?? '', page.url).href);
    return { ...browser, next };
  }

  type Person = { sub: string; choice: Record<string, string> };
  const aPersona = async (): Promise<Person> => {
    const { id } = await aTestUser(server.pool);
    return { sub: id, choice: asTestUser(id) };
  };
  const aVerifiedAccount = async (): Promise<Person> => {
    const { id, email } = await anAccount(server.pool, { passwordHash });
    return { sub: id, choice: asAccount(email, password) };
  };

  describe.each<
    [what: string, at: At, make: () => Promise<Person>, end: (sub: string) => Promise<unknown>]
  >([
    [
      'a deleted test user',
      'sandbox',
      aPersona,
      (sub) => sql('delete from test_users where id = $1', sub),
    ],
    [
      'an account that is verified no more, in the sandbox',
      'sandbox',
      aVerifiedAccount,
      (sub) => sql('update accounts set email_verified_at = null where id = $1', sub),
    ],
    [
      'an account that is verified no more, in live',
      'live',
      aVerifiedAccount,
      (sub) => sql('update accounts set email_verified_at = null where id = $1', sub),
    ],
    [
      'a deleted account',
      'live',
      aVerifiedAccount,
      (sub) => sql('delete from accounts where id = $1', sub),
    ],
  ])('of %s', (_what, at, make, end) => {
    test('is nobody’s: the page asks who it is, and prompt=none hears login_required', async () => {
      const client = await aSubscribed(at);
      const { sub, choice } = await make();
      const browser = newBrowser(server.baseUrl);
      await submit(browser, await browser.open(asking(at, client)), choice);
      expect(answerOf(await browser.open(asking(at, client, none))).get('code')).toBeTruthy();

      await end(sub);
      const silent = answerOf(await browser.open(asking(at, client, none)));
      expect(Object.fromEntries(silent)).toMatchObject({
        error: 'login_required',
        state: 'state+/=',
        iss: server[at],
      });
      const page = await browser.open(asking(at, client));
      expect([page.status, page.location]).toEqual([200, null]);
      expect(page.url).toContain(`/${at}/interaction/`);

      // the library ends the session of whom it was before, by a form that sends itself
      const other = await make();
      const swap = await submit(browser, page, other.choice);
      expect(answerOf(await submit(browser, swap, {})).get('code')).toBeTruthy();
      expect(answerOf(await browser.open(asking(at, client, none))).get('code')).toBeTruthy();
    });

    /** The page, its form sent, and then nobody any more: what the browser gets where it is sent on to. */
    async function goneBeforeTheEnd(client: CodeClient, { signedIn = false } = {}) {
      const { sub, choice } = await make();
      const browser = newStepper();
      const first = await browser.next(await browser.open(asking(at, client)));
      const sent = await submit(browser, first, choice);
      if (!signedIn) {
        await end(sub);
        return { browser, resumed: await browser.next(sent) };
      }
      await browser.next(sent);
      const url = asking(at, client, { prompt: 'consent' });
      const again = await browser.next(await browser.open(url));
      const sentAgain = await submit(browser, again, { ...choice, username: '', password: '' });
      expect(sentAgain.location).toContain(`/${at}/auth/`);
      await end(sub);
      return { browser, resumed: await browser.next(sentAgain) };
    }

    test.each([{ signedIn: false }, { signedIn: true }])(
      'who goes between the form and what follows it is asked for again (%j)',
      async (given) => {
        const { browser, resumed } = await goneBeforeTheEnd(await aSubscribed(at), given);
        expect([resumed.status, resumed.location]).toEqual([
          303,
          expect.stringContaining(`/${at}/interaction/`),
        ]);
        const page = await browser.next(resumed);
        expect([page.status, page.location]).toEqual([200, null]);
        const { choice } = await make();
        let last = await submit(browser, page, choice);
        for (let hops = 0; hops < 5 && !last.location?.startsWith(redirectUri); hops += 1) {
          last = await browser.next(last);
          if (!last.location) last = await submit(browser, last, {}); // the session of whom it was before ends
        }
        expect(answerOf(last).get('code')).toBeTruthy();
      },
    );

    if (at === 'sandbox') {
      test('a console, which has one page, is told instead', async () => {
        const made = await aClient(server.pool, {
          id: `console_${crypto.randomUUID()}`,
          kind: 'console',
          authMethod: 'none',
          subscriptions: [await aSubscription(server.pool)],
        });
        const { resumed } = await goneBeforeTheEnd({ id: made.id, redirectUri });
        expect(Object.fromEntries(answerOf(resumed))).toMatchObject({
          error: 'login_required',
          error_description: expect.stringContaining('Start again'),
          state: 'state+/=',
          iss: server[at],
        });
      });
    }

    test('who goes while their own page is open cannot go on with it', async () => {
      const client = await aSubscribed(at);
      const { sub, choice } = await make();
      const browser = newBrowser(server.baseUrl);
      await submit(browser, await browser.open(asking(at, client)), choice);
      const again = await browser.open(asking(at, client, { prompt: 'consent' }));
      expect(again.status).toBe(200);
      await end(sub);
      const answer = await submit(browser, again, { ...choice, username: '', password: '' });
      expect([answer.status, answer.location]).toEqual([422, null]);
    });
  });

  test('asks once about each product, and about none for another', async () => {
    const team = await aTeam(server.pool);
    const products = [await aProduct(server.pool), await aProduct(server.pool)] as const;
    const subscriptions = [
      await aSubscription(server.pool, { team, product: products[0] }),
      await aSubscription(server.pool, { team, product: products[1] }),
    ];
    const defaultProductId = products[0].id;
    const made = await aClient(server.pool, { subscriptions, defaultProductId });
    const client = { ...made, redirectUri };
    const { choice } = await aPersona();
    const browser = newBrowser(server.baseUrl);
    const open = (more: Record<string, string>) => browser.open(asking('sandbox', client, more));
    const first = { resource: products[0].audience };
    const second = { resource: products[1].audience };

    await submit(browser, await open({ ...first, scope: 'openid read' }), choice);
    expect(answerOf(await open({ ...first, ...none })).get('code')).toBeTruthy();

    const silent = answerOf(await open({ ...second, ...none }));
    expect(Object.fromEntries(silent)).toMatchObject({
      error: 'consent_required',
      state: 'state+/=',
      iss: server.sandbox,
    });
    const page = await open(second);
    expect([page.status, page.location]).toEqual([200, null]);
    expect(answerOf(await submit(browser, page, choice)).get('code')).toBeTruthy();

    expect(answerOf(await open({ ...second, ...none })).get('code')).toBeTruthy();
    expect(answerOf(await open({ ...first, ...none })).get('code')).toBeTruthy();
    expect(answerOf(await open(second)).get('code')).toBeTruthy();
  });

  describe('and the page of an interaction', () => {
    const uidOf = (page: Page): string => new URL(page.url).pathname.split('/').pop() ?? '';
    const stored = async (): Promise<string[]> =>
      (
        await sql(`select payload::text, encode(key, 'escape') as key from oidc_records
                   where kind = 'Interaction'`)
      ).rows.map((row) => JSON.stringify(row));

    test('its id is stored nowhere, and it goes on all the same', async () => {
      await sql(`delete from oidc_records where kind = 'Interaction'`);
      const client = await aSubscribed('sandbox');
      const { choice } = await aPersona();
      const browser = newStepper();
      const page = await browser.next(await browser.open(asking('sandbox', client)));
      const uid = uidOf(page);
      expect(uid.length).toBeGreaterThan(20);
      expect(await stored()).toEqual([expect.not.stringContaining(uid)]);

      const submitted = await submit(browser, page, choice);
      expect(submitted.location).toContain(uid);
      expect(await stored()).toEqual([expect.not.stringContaining(uid)]);
      expect(answerOf(await browser.next(submitted)).get('code')).toBeTruthy();
    });

    test.each([
      '/sandbox/interaction/UID',
      '/sandbox/Interaction/UID',
      '/SANDBOX/INTERACTION/UID',
      '/sandbox/interaction/UID/',
    ])('no other site sends its form, however the address is written: %s', async (path) => {
      const client = await aSubscribed('sandbox');
      const { choice } = await aPersona();
      const cookies: string[] = [];
      const begun = await fetch(asking('sandbox', client), { redirect: 'manual' });
      for (const line of begun.headers.getSetCookie()) cookies.push(line.split(';')[0] ?? '');
      const cookie = cookies.join('; ');
      const url = new URL(begun.headers.get('location') ?? '', server.baseUrl).href;
      const text = await (await fetch(url, { headers: { cookie } })).text();
      const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
      expect(csrf).not.toBe('');

      const send = (origin: string) =>
        fetch(`${server.baseUrl}${path.replace('UID', url.split('/').pop() ?? '')}`, {
          method: 'POST',
          redirect: 'manual',
          headers: { cookie, origin },
          body: new URLSearchParams({ ...choice, csrf }),
        });
      for (const origin of ['https://evil.example', 'null']) {
        expect((await send(origin)).status).toBe(403);
      }
      expect((await send(server.baseUrl)).status).toBe(303); // all else was right
    });
  });
});
