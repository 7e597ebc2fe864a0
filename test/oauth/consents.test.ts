import { createPasswords } from '../../src/base/passwords.ts';
import { listConsents } from '../../src/oauth/consents.ts';
import { csrfIn } from '../accounts/doors.ts';
import { actsOf, aPerson, type Person, password, send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asAccount,
  asTestUser,
  authorizationUrl,
  buyCode,
  buyTokens,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  sentBack,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';
const scope = 'openid profile email offline_access read';

describe('what an account allowed to applications', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await aTestUser(server.pool, { id: 'tu_gp' });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const person = async (): Promise<Person> => {
    const someone = await aPerson(server, passwords);
    await server.pool.query(
      `insert into profiles (environment, account_id, role)
       values ('sandbox', $1, 'gp'), ('live', $1, 'gp')`,
      [someone.account.id],
    );
    return someone;
  };

  type Environment = 'sandbox' | 'live';
  const application = async (environment: Environment, name: string): Promise<CodeClient> => {
    const product = await aProduct(server.pool, { environment, name: `${name} records` });
    const team = await aTeam(server.pool, { name: 'Bramble Health' });
    const subscriptions = [await aSubscription(server.pool, { product, team })];
    return { ...(await aClient(server.pool, { subscriptions, name })), redirectUri };
  };
  const authorize = async (someone: Person, client: CodeClient, environment: Environment) =>
    (
      await buyTokens(server[environment], client, asAccount(someone.account.email, password), {
        scope,
        prompt: 'consent',
      })
    ).body as { access_token: string; refresh_token: string };

  const introspect = async (environment: Environment, client: CodeClient, token: string) =>
    (await post(`${server[environment]}/token/introspection`, client, { token })).body.active;
  const userinfo = async (environment: Environment, token: string) =>
    (await fetch(`${server[environment]}/me`, { headers: { authorization: `Bearer ${token}` } }))
      .status;
  const refresh = (environment: Environment, client: CodeClient, token: string) =>
    post(`${server[environment]}/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: token,
    });
  const withdraw = (
    someone: Person,
    csrf: string,
    client: string,
    environment: string,
  ): Promise<{ status: number; text: string }> =>
    someone.browser.open(`${server.baseUrl}/profile/consents/withdraw`, {
      method: 'POST',
      body: new URLSearchParams({ csrf, client, environment }),
      headers: { origin: server.baseUrl },
    });

  test('is listed for both environments: who, what, since when, and nobody else’s', async () => {
    const someone = await person();
    const other = await person();
    const sandbox = await application('sandbox', 'Ward Round Helper');
    const live = await application('live', 'Night Batch');
    const foreign = await application('sandbox', 'Not Mine');
    await authorize(someone, sandbox, 'sandbox');
    await authorize(someone, live, 'live');
    await authorize(other, foreign, 'sandbox');
    await buyTokens(server.sandbox, foreign, asTestUser('tu_gp'), { scope });

    const [first, second, ...rest] = await listConsents(server.pool, someone.account.id);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({
      environment: 'live',
      clientId: live.id,
      clientName: 'Night Batch',
      teamName: 'Bramble Health',
      products: ['Night Batch records'],
      since: expect.any(Date),
      until: expect.any(Date),
    });
    expect(first?.scopes).toEqual([
      'See your name and profile',
      'See your email address',
      'Keep this access while you are away',
      'Read examples',
    ]);
    expect(second).toMatchObject({ environment: 'sandbox', clientId: sandbox.id });

    const { text } = await someone.open('/profile');
    for (const word of ['Ward Round Helper', 'Night Batch', 'Bramble Health', 'Read examples'])
      expect(text).toContain(word);
    expect(text).not.toContain('Not Mine');
  });

  test('one that was authorized twice is listed once, with all that it may do', async () => {
    const someone = await person();
    const client = await application('sandbox', 'Twice');
    const by = asAccount(someone.account.email, password);
    await buyTokens(server.sandbox, client, by, { scope: 'openid email' });
    await buyTokens(server.sandbox, client, by, { scope: 'read' });
    const consents = await listConsents(server.pool, someone.account.id);
    expect(consents.map(({ scopes }) => [...scopes].sort())).toEqual([
      ['Read examples', 'See your email address'],
    ]);
  });

  test('a scope that the role does not have is not listed', async () => {
    const someone = await aPerson(server, passwords); // without a profile, so without a role
    const client = await application('sandbox', 'Asks Too Much');
    const by = asAccount(someone.account.email, password);
    await buyTokens(server.sandbox, client, by, { scope: 'openid read' });
    const [consent] = await listConsents(server.pool, someone.account.id);
    expect(consent?.scopes).toEqual(['Know that you signed in']);
  });

  test.each(['sandbox', 'live'] as const)(
    'withdrawn in %s: access token, userinfo, refresh and an unused code end at once',
    async (environment) => {
      const someone = await person();
      const other = await person();
      const client = await application(environment, 'Ward Round Helper');
      const kept = await application(environment, 'Kept');
      const tokens = await authorize(someone, client, environment);
      const keptTokens = await authorize(someone, kept, environment);
      const foreignTokens = await authorize(other, client, environment);
      const by = asAccount(someone.account.email, password);
      const code = await buyCode(server[environment], client, by, { scope });
      expect(await introspect(environment, client, tokens.access_token)).toBe(true);
      expect(await userinfo(environment, tokens.access_token)).toBe(200);

      const page = await someone.open('/profile');
      const form = page.text
        .split(/(?=<form)/)
        .find((part) => part.includes(`name="client" value="${client.id}"`));
      const csrf = csrfIn(form ?? '');
      const answer = await withdraw(someone, csrf, client.id, environment);
      expect(answer.status).toBe(200);
      expect(answer.text).toContain('The access is withdrawn.');
      expect(answer.text).not.toContain('Ward Round Helper');

      const { rows: left } = await server.pool.query(
        `select kind from oidc_records
         where kind <> 'Session' and payload ->> 'accountId' = $1 and payload ->> 'clientId' = $2`,
        [someone.account.id, client.id],
      );
      expect(left).toEqual([]); // codes and refresh tokens too, not only what they hang on
      expect(await introspect(environment, client, tokens.access_token)).toBe(false);
      expect(await introspect(environment, client, tokens.refresh_token)).toBe(false);
      expect(await userinfo(environment, tokens.access_token)).toBe(401);
      expect(await refresh(environment, client, tokens.refresh_token)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      expect(await post(`${server[environment]}/token`, client, code)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      expect(await introspect(environment, kept, keptTokens.access_token)).toBe(true);
      expect(await introspect(environment, client, foreignTokens.access_token)).toBe(true);
      expect((await refresh(environment, kept, keptTokens.refresh_token)).status).toBe(200);

      expect(await actsOf(server.pool, someone.account.id)).toContain('consent.withdrawn');
      const { rows } = await server.pool.query(
        `select subject_id, environment from audit
         where actor_id = $1 and action = 'consent.withdrawn'`,
        [someone.account.id],
      );
      expect(rows).toEqual([{ subject_id: client.id, environment }]);

      const again = await authorize(someone, client, environment); // it may ask again
      expect(await introspect(environment, client, again.access_token)).toBe(true);
    },
  );

  test('a live session with the issuer asks again after a withdrawal', async () => {
    const someone = await person();
    const client = await application('sandbox', 'Session App');
    const browser = newBrowser(server.baseUrl);
    const url = authorizationUrl(server.sandbox, client, pkce().challenge, {
      scope: 'openid read',
    });
    await sentBack(browser, url, asAccount(someone.account.email, password));
    expect((await browser.open(url)).location).toContain('code='); // unchanged consent: no page
    await send(someone, '/profile', {}, '/profile/consents/withdraw');
    const page = await browser.open(url);
    expect([page.status, page.location]).toEqual([200, null]);
    expect(page.text).toContain('Session App asks for access');
  });

  test('what is not mine to withdraw is not found', async () => {
    const someone = await person();
    const other = await person();
    const client = await application('sandbox', 'Theirs');
    const tokens = await authorize(other, client, 'sandbox');
    const csrf = csrfIn((await someone.open('/profile')).text);
    for (const [id, environment, status] of [
      [client.id, 'sandbox', 404],
      [client.id, 'live', 404],
      ['no-such-client', 'sandbox', 404],
      [client.id, 'elsewhere', 422],
    ] as const) {
      expect((await withdraw(someone, csrf, id, environment)).status).toBe(status);
    }
    expect(await introspect('sandbox', client, tokens.access_token)).toBe(true);
    expect(await actsOf(server.pool, someone.account.id)).not.toContain('consent.withdrawn');
  });
});
