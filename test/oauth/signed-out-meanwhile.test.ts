import pg from 'pg';
import { createPasswords } from '../../src/base/passwords.ts';
import { endAccess } from '../../src/oauth/consents.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  asAccount,
  authorizationUrl,
  type Browser,
  newBrowser,
  type Page,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';
const password = 'lantern harbour violin';
type App = { id: string; secret: string; redirectUri: string };

describe('an issuer’s session that is signed out while a request with it is under way', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let passwordHash: string;
  let [app, other]: App[] = [];
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const passwords = createPasswords();
    passwordHash = await passwords.hash(password);
    passwords.close();
    const team = await aTeam(server.pool);
    const subscription = await aSubscription(server.pool, {
      team,
      product: await aProduct(server.pool),
    });
    const made = () => aClient(server.pool, { subscriptions: [subscription] });
    [app, other] = [
      { ...(await made()), redirectUri },
      { ...(await made()), redirectUri },
    ];
  });
  afterAll(() => server.close());

  const url = (client: App | undefined, more: Record<string, string> = {}) =>
    authorizationUrl(server.sandbox, client as App, pkce().challenge, { scope: 'openid', ...more });
  const offline = 'openid offline_access read';

  const next = (browser: Browser, page: Page): Promise<Page> =>
    browser.open(new URL(page.location ?? '', page.url).href);

  /** Signed in at the issuer, with both applications; one of them may go on without the session. */
  async function someone(browser = newBrowser(server.baseUrl)) {
    const { id, email } = await anAccount(server.pool, { passwordHash });
    for (const [client, scope] of [
      [app, offline],
      [other, 'openid'],
    ] as const) {
      let page = await browser.open(url(client, { scope, prompt: 'consent' }));
      while (!page.location?.startsWith(redirectUri)) {
        const form = client === app ? asAccount(email, password) : { decision: 'authorize' };
        page = page.location ? await next(browser, page) : await submit(browser, page, form);
      }
      expect(answerOf(page).get('code')).toBeTruthy();
    }
    return { id, browser };
  }
  const isSignedIn = async (browser: Browser): Promise<boolean> =>
    answerOf(await browser.open(url(app, { prompt: 'none' }))).has('code');
  const sessionsOf = async (id: string): Promise<number> =>
    (
      await server.pool.query(
        `select from oidc_records where kind = 'Session' and payload ->> 'accountId' = $1`,
        [id],
      )
    ).rows.length;
  const signOut = async (browser: Browser): Promise<Page> =>
    submit(browser, await browser.open(`${server.sandbox}/session/end`), { logout: 'yes' });

  /** Runs `meanwhile` while whatever `begin` sends waits in the database for that lock. */
  async function held<T>(
    lock: string,
    begin: () => Promise<T>,
    meanwhile: () => Promise<unknown>,
    waiting = 1,
  ): Promise<T> {
    const holder = new pg.Client({ connectionString: databaseUrl });
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query(lock);
      const answer = begin();
      for (let tries = 0; (await blocked()) < waiting; tries += 1) {
        if (tries > 200) throw new Error('the request came through without waiting');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await meanwhile();
      await holder.query('commit');
      return await answer;
    } finally {
      await holder.end();
    }
  }
  const blocked = async (): Promise<number> =>
    (
      await server.pool.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )
    ).rows.length;
  /** Every authorization looks whether its subject is still there: after the session was loaded. */
  const subjects = 'lock table accounts in access exclusive mode';

  const ends: [what: string, end: (who: { id: string; browser: Browser }) => Promise<unknown>][] = [
    ['signed out', ({ browser }) => signOut(browser)],
    ['ended by us', ({ id }) => endAccess(server.pool, id)],
  ];
  describe.each(ends)('%s', (_what, end) => {
    test.each(['none', 'consent'])(
      'prompt=%s: no code, no page, and no session',
      async (prompt) => {
        const who = await someone();
        expect(await sessionsOf(who.id)).toBe(1);
        const answer = await held(
          subjects,
          () => who.browser.open(url(app, { scope: offline, prompt })),
          () => end(who),
        );
        expect(Object.fromEntries(answerOf(answer))).toMatchObject({
          error: 'login_required',
          state: 'state+/=',
          iss: server.sandbox,
        });
        expect(answer.location).not.toContain('code=');
        expect(await sessionsOf(who.id)).toBe(0);
        expect(await isSignedIn(who.browser)).toBe(false);
      },
    );

    test('after the page was answered: no code, and no session under a new id', async () => {
      const who = await someone(newBrowser('nowhere')); // goes on when it is told to
      const asked = await who.browser.open(url(app, { scope: offline, prompt: 'consent' }));
      const page = await next(who.browser, asked);
      const answered = await submit(who.browser, page, { decision: 'authorize' });
      const answer = await held(
        subjects,
        () => next(who.browser, answered),
        () => end(who),
      );
      expect(Object.fromEntries(answerOf(answer))).toMatchObject({ error: 'login_required' });
      expect(answer.location).not.toContain('code=');
      expect(await sessionsOf(who.id)).toBe(0);
      expect(await isSignedIn(who.browser)).toBe(false);
    });
  });

  test('a sign-out finds the session under whatever id it was given meanwhile', async () => {
    const { id, browser } = await someone();
    const page = await browser.open(url(app, { scope: offline, prompt: 'consent' }));
    const grants = `select from oidc_records where kind = 'Grant' and payload ->> 'clientId' = '${other?.id}' for update`;
    let back: Page | undefined;
    const ask = await browser.open(`${server.sandbox}/session/end`);
    await held(
      grants,
      () => submit(browser, ask, { logout: 'yes' }),
      async () => {
        back = await submit(browser, page, { decision: 'authorize' });
      },
    );
    expect(back?.location).toContain('code='); // it was first
    expect(await sessionsOf(id)).toBe(0);
    expect(await isSignedIn(browser)).toBe(false);
  });

  test('two tabs that come back at once both get their code, and the browser keeps its session', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id, browser } = await someone();
      const pages = [
        await browser.open(url(app, { scope: offline, prompt: 'consent' })),
        await browser.open(url(other, { prompt: 'consent' })),
      ];
      const codes = await held(
        subjects,
        () => Promise.all(pages.map((page) => submit(browser, page, { decision: 'authorize' }))),
        async () => {},
        2,
      );
      for (const page of codes) expect(answerOf(page).get('code')).toBeTruthy();
      expect(await sessionsOf(id)).toBe(1);
      expect(await isSignedIn(browser)).toBe(true);
    }
  });

  test('what was given before the sign-out is as it was', async () => {
    const { browser } = await someone();
    const { verifier, challenge } = pkce();
    const client = app as App;
    const back = await browser.open(
      authorizationUrl(server.sandbox, client, challenge, { scope: offline }),
    );
    await signOut(browser);
    const { status } = await post(`${server.sandbox}/token`, client, {
      grant_type: 'authorization_code',
      code: answerOf(back).get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    expect(status).toBe(200); // offline access outlives the session
  });
});
