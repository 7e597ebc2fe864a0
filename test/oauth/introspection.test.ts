import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asAccount, asTestUser, buyTokens, type CodeClient, post } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';

describe('introspection (RFC 7662) and revocation (RFC 7009)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: CodeClient;
  let other: CodeClient;
  let browserApp: CodeClient;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const subscriptions = [
      await aSubscription(server.pool, { product: await aProduct(server.pool) }),
    ];
    client = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
    other = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
    const made = await aClient(server.pool, { subscriptions, authMethod: 'none' });
    browserApp = { id: made.id, redirectUri };
    await aTestUser(server.pool, { id: 'tu_gp' });
  });
  afterAll(() => server.close());

  const introspect = (token: unknown, as: CodeClient = client, more: Record<string, string> = {}) =>
    post(`${server.sandbox}/token/introspection`, as, { token: String(token), ...more });
  const revoke = (token: unknown, as: CodeClient = client, more: Record<string, string> = {}) =>
    post(`${server.sandbox}/token/revocation`, as, { token: String(token), ...more });
  const buy = async (as: CodeClient = client) =>
    (
      await buyTokens(server.sandbox, as, asTestUser('tu_gp'), {
        scope: 'openid offline_access read',
      })
    ).body;
  const machineToken = async (as: CodeClient = client) =>
    (await post(`${server.sandbox}/token`, as, { grant_type: 'client_credentials' })).body
      .access_token;

  test('a client learns all about its own tokens', async () => {
    const tokens = await buy();
    const { status, headers, body } = await introspect(tokens.access_token);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toMatchObject({
      active: true,
      token_type: 'Bearer',
      client_id: client.id,
      sub: 'tu_gp',
      scope: 'read',
      iss: server.sandbox,
      env: 'sandbox',
      test_user: true,
      exp: expect.any(Number),
    });
    expect((await introspect(tokens.refresh_token)).body).toMatchObject({
      active: true,
      sub: 'tu_gp',
      client_id: client.id,
    });
    expect((await introspect(await machineToken())).body).toMatchObject({
      active: true,
      sub: client.id,
    });
  });

  test.each(['access_token', 'refresh_token', 'nonsense'])(
    'the hint %s is only a hint',
    async (hint) => {
      const { access_token, refresh_token } = await buy();
      for (const token of [access_token, refresh_token]) {
        expect((await introspect(token, client, { token_type_hint: hint })).body.active).toBe(true);
      }
    },
  );

  test('whatever is not an active token of the asking client is exactly inactive', async () => {
    const tokens = await buy();
    const [head, body, signature] = String(tokens.access_token).split('.');
    const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    const live = await aProduct(server.pool, { environment: 'live' });
    const inLive = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { product: live })],
    });
    const liveToken = await post(`${server.live}/token`, inLive, {
      grant_type: 'client_credentials',
    });
    const cases: [string, unknown, CodeClient?][] = [
      ['a token of another client', tokens.access_token, other],
      ['a refresh token of another client', tokens.refresh_token, other],
      ['an ID token', tokens.id_token],
      ['another signature', `${head}.${body}.${String(signature).slice(0, -8)}AAAAAAAA`],
      ['no signature', `${unsigned}.${body}.`],
      ['nonsense', 'nonsense'],
      ['a token of the other environment', liveToken.body.access_token],
      ['an address of no token', 'https://example.com/?a=b&c'],
    ];
    for (const [what, token, as] of cases) {
      expect([what, (await introspect(token, as)).body]).toEqual([what, { active: false }]);
    }
  });

  test('a revoked token is inactive at once, and its family lives on', async () => {
    const tokens = await buy();
    expect((await revoke(tokens.access_token)).status).toBe(200);
    expect((await introspect(tokens.access_token)).body).toEqual({ active: false });
    expect((await introspect(tokens.refresh_token)).body.active).toBe(true);
    expect((await revoke(tokens.access_token)).status).toBe(200); // and again
  });

  test('a revoked machine token is inactive', async () => {
    const token = await machineToken();
    await revoke(token, client, { token_type_hint: 'refresh_token' });
    expect((await introspect(token)).body).toEqual({ active: false });
  });

  test('nobody revokes the tokens of another, and is not told so', async () => {
    const tokens = await buy();
    for (const token of [tokens.access_token, tokens.refresh_token, 'nonsense']) {
      expect(await revoke(token, other)).toMatchObject({ status: 200, body: {} });
    }
    expect((await introspect(tokens.access_token)).body.active).toBe(true);
    expect((await introspect(tokens.refresh_token)).body.active).toBe(true);
  });

  test('an application without a secret withdraws its own tokens, and asks about none', async () => {
    const { access_token, refresh_token } = await buy(browserApp);
    expect((await introspect(access_token, browserApp)).body).toMatchObject({
      error: 'invalid_client',
    });
    const me = () =>
      fetch(`${server.sandbox}/me`, { headers: { authorization: `Bearer ${access_token}` } });
    expect((await me()).status).toBe(200);
    expect((await revoke(access_token, browserApp)).status).toBe(200);
    expect((await me()).status).toBe(401);
    expect((await revoke(refresh_token, browserApp)).status).toBe(200);
  });

  describe('what no longer holds of a token about somebody', () => {
    const scope = (name: string) => ({ scope: name, description: name, isDefault: true });
    let passwordHash: string;
    beforeAll(async () => {
      const passwords = createPasswords();
      passwordHash = await passwords.hash('correct horse battery');
      await passwords.close();
    });

    /** A token about a subject of its own, and how to ask about it. */
    async function aToken(kind: 'test user' | 'account', environment: 'sandbox' | 'live') {
      const scopes = [scope('read'), scope('write')];
      const roleScopes = { gp: ['read', 'write'] };
      const product = await aProduct(server.pool, { environment, scopes, roleScopes });
      const subscriptions = [await aSubscription(server.pool, { product })];
      const own = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
      const email = `${own.id.toLowerCase()}@example.com`;
      const { id: sub } =
        kind === 'account'
          ? await anAccount(server.pool, { email, passwordHash })
          : await aTestUser(server.pool);
      const choice =
        kind === 'account' ? asAccount(email, 'correct horse battery') : asTestUser(sub);
      const asked = { scope: 'openid offline_access read write' };
      const { body } = await buyTokens(server[environment], own, choice, asked);
      const ask = async (which: 'access_token' | 'refresh_token' = 'access_token') => {
        const token = String(body[which]);
        return (await post(`${server[environment]}/token/introspection`, own, { token })).body;
      };
      return { ask, sub, product };
    }
    const sql = (text: string, ...values: string[]) => server.pool.query(text, values);

    test.each<
      [
        what: string,
        kind: Parameters<typeof aToken>[0],
        environment: Parameters<typeof aToken>[1],
        change: (of: { sub: string; product: { id: string } }) => Promise<unknown>,
      ]
    >([
      [
        'a deleted test user',
        'test user',
        'sandbox',
        ({ sub }) => sql('delete from test_users where id = $1', sub),
      ],
      [
        'an account that is verified no more',
        'account',
        'sandbox',
        ({ sub }) => sql('update accounts set email_verified_at = null where id = $1', sub),
      ],
      [
        'a live account that is verified no more',
        'account',
        'live',
        ({ sub }) => sql('update accounts set email_verified_at = null where id = $1', sub),
      ],
      [
        'a deleted live account',
        'account',
        'live',
        ({ sub }) => sql('delete from accounts where id = $1', sub),
      ],
      [
        'a test user whom the product takes no more',
        'test user',
        'sandbox',
        ({ product }) =>
          sql(
            `update products set subjects = 'accounts', grant_types = array_remove(grant_types, 'password') where id = $1`,
            product.id,
          ),
      ],
      [
        'an account that the product takes no more',
        'account',
        'sandbox',
        ({ product }) =>
          sql(`update products set subjects = 'test_users' where id = $1`, product.id),
      ],
    ])('a token about %s is exactly inactive', async (_what, kind, environment, change) => {
      const { ask, sub, product } = await aToken(kind, environment);
      const tokens = ['access_token', 'refresh_token'] as const;
      for (const token of tokens) expect(await ask(token)).toMatchObject({ active: true, sub });
      await change({ sub, product });
      for (const token of tokens) expect(await ask(token)).toEqual({ active: false });
    });

    test('it names the scopes that the role still has', async () => {
      const { ask, sub, product } = await aToken('test user', 'sandbox');
      expect(await ask()).toMatchObject({ active: true, scope: 'read write' });
      await sql(
        `delete from product_role_scopes where product_id = $1 and scope = 'write'`,
        product.id,
      );
      expect(await ask()).toMatchObject({ active: true, sub, scope: 'read' });
      await sql('delete from product_role_scopes where product_id = $1', product.id);
      const none = await ask();
      expect(none).toMatchObject({ active: true, sub });
      expect(none).not.toHaveProperty('scope');
    });
  });
});
