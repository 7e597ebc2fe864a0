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
  submit,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('what the issuers put on the trail', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: CodeClient;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await aTestUser(server.pool, {
      id: 'tu_gp',
      username: 'gp',
      password: 'published',
      role: 'gp',
    });
    const subscriptions = [
      await aSubscription(server.pool, { product: await aProduct(server.pool, { id: 'records' }) }),
    ];
    const made = await aClient(server.pool, { id: 'ward-app', subscriptions });
    client = { ...made, redirectUri: made.redirectUris[0] ?? '' };
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    const { rows } = await server.pool.query('select max(id) as last from audit');
    last = rows[0].last ?? '0';
  });

  let last: string;
  /** In order, since the test began. */
  const acts = async () =>
    (
      await server.pool.query(
        `select action, actor_kind, actor_id, subject_id, environment, address, reason, detail
         from audit where id > $1 order by id`,
        [last],
      )
    ).rows;
  const told = async () => (await acts()).map(({ action }) => action);
  const offline = { scope: 'openid offline_access read' };
  const tokenUrl = () => `${server.sandbox}/token`;

  test('a click in the pop-up is a sign-in and a consent; the token is metered elsewhere', async () => {
    await buyTokens(server.sandbox, client, asTestUser('tu_gp'), { scope: 'openid read' });
    const common = { actor_kind: 'test_user', actor_id: 'tu_gp', environment: 'sandbox' };
    expect(await acts()).toEqual([
      expect.objectContaining({
        ...common,
        action: 'sign_in.succeeded',
        address: '127.0.0.1',
        detail: { client: 'ward-app', by: 'persona' },
      }),
      expect.objectContaining({
        ...common,
        action: 'consent.given',
        subject_id: 'ward-app',
        detail: { product: 'records', scopes: ['openid', 'read'] },
      }),
    ]);
  });

  test('a wrong password in the pop-up is on it, and so is the one that had to wait', async () => {
    const { challenge } = pkce();
    const browser = newBrowser(server.baseUrl);
    let page = await browser.open(authorizationUrl(server.sandbox, client, challenge));
    for (let n = 0; n < 21; n += 1) {
      page = await submit(browser, page, asAccount('someone', 'mistyped secret'));
    }
    expect(page.status).toBe(429);
    const noted = await acts();
    expect(noted).toHaveLength(21);
    expect(noted[0]).toMatchObject({
      action: 'sign_in.failed',
      actor_kind: 'stranger',
      reason: 'wrong username or password',
      detail: { client: 'ward-app' },
    });
    expect(noted[20].reason).toBe('too many attempts');
    expect(JSON.stringify(noted)).not.toMatch(/mistyped|someone/);
  });

  test('the password grant notes what failed, not what went well', async () => {
    const grant = (password: string) =>
      post(tokenUrl(), client, { grant_type: 'password', username: 'gp', password });
    expect((await grant('published')).status).toBe(200);
    expect(await acts()).toEqual([]);
    expect((await grant('mistyped')).status).toBe(400);
    expect(await acts()).toEqual([
      expect.objectContaining({ action: 'sign_in.failed', actor_id: 'ward-app' }),
    ]);
  });

  test('a code that comes twice is told of', async () => {
    const form = await buyCode(server.sandbox, client, asTestUser('tu_gp'), offline);
    expect((await post(tokenUrl(), client, form)).status).toBe(200);
    expect((await post(tokenUrl(), client, form)).status).toBe(400);
    expect((await told()).slice(2)).toEqual(['code.reused']);
  });

  test('a refresh token that comes twice is told of, with whose it was', async () => {
    const { body } = await buyTokens(server.sandbox, client, asTestUser('tu_gp'), offline);
    const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    expect((await post(tokenUrl(), client, form)).status).toBe(200);
    expect(await told()).toHaveLength(2);
    expect((await post(tokenUrl(), client, form)).status).toBe(400);
    expect((await acts())[2]).toMatchObject({
      action: 'refresh_token.reused',
      actor_kind: 'client',
      actor_id: 'ward-app',
      subject_id: 'tu_gp',
    });
  });

  test('of refresh tokens used at once the losers are told of', async () => {
    const { body } = await buyTokens(server.sandbox, client, asTestUser('tu_gp'), offline);
    const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => post(tokenUrl(), client, form)),
    );
    const won = answers.filter(({ status }) => status === 200).length;
    expect(won).toBeLessThanOrEqual(1);
    expect((await told()).filter((one) => one === 'refresh_token.reused').length).toBeGreaterThan(
      0,
    );
  });

  test('tokens that their client gives back are told of, and nobody else’s', async () => {
    const other = await aClient(server.pool);
    const revoke = (token: unknown, by: { id: string; secret?: string | null } = client) =>
      post(`${tokenUrl()}/revocation`, by, { token: String(token) });
    const { body } = await buyTokens(server.sandbox, client, asTestUser('tu_gp'), offline);
    for (const token of ['made-up', body.access_token, body.refresh_token]) {
      expect((await revoke(token, other)).status).toBe(200);
    }
    expect((await revoke('made-up')).status).toBe(200);
    expect((await told()).slice(2)).toEqual([]);
    await revoke(body.access_token);
    await revoke(body.refresh_token);
    const by = { action: 'token.revoked', actor_id: 'ward-app', subject_id: 'tu_gp' };
    expect((await acts()).slice(2)).toEqual([
      expect.objectContaining({ ...by, detail: { kind: 'access' } }),
      expect.objectContaining({ ...by, detail: { kind: 'refresh' } }),
    ]);
  });

  test('signing out of an issuer is told of, once it is confirmed', async () => {
    const { challenge } = pkce();
    const browser = newBrowser(server.baseUrl);
    const page = await browser.open(authorizationUrl(server.sandbox, client, challenge));
    await submit(browser, page, asTestUser('tu_gp'));
    const asked = await browser.open(`${server.sandbox}/session/end`);
    expect(await told()).toHaveLength(2);
    await submit(browser, asked, { logout: 'yes' });
    expect((await acts())[2]).toMatchObject({
      action: 'sign_out',
      actor_kind: 'test_user',
      actor_id: 'tu_gp',
      environment: 'sandbox',
    });
  });

  test('what machines get by themselves is not on it', async () => {
    const answer = await post(tokenUrl(), client, { grant_type: 'client_credentials' });
    expect(answer.status).toBe(200);
    expect(await acts()).toEqual([]);
  });
});
