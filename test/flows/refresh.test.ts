import { decodeJwt } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { asTestUser, buyTokens, type CodeClient, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const scope = (name: string) => ({ scope: name, description: name, isDefault: true });
const redirectUri = 'https://client.example/callback';
const asked = 'openid offline_access read write';

describe('the refresh token grant (RFC 6749 section 6)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await aTestUser(server.pool, { id: 'tu_gp', role: 'gp' });
  });
  afterAll(() => server.close());

  /** A client of its own product, since these tests take products and subscriptions away. */
  async function aSubscribedClient(columns: Parameters<typeof aClient>[1] = {}) {
    const scopes = [scope('read'), scope('write')];
    const product = await aProduct(server.pool, { scopes, roleScopes: { gp: ['read', 'write'] } });
    const subscription = await aSubscription(server.pool, { product });
    const made = await aClient(server.pool, { subscriptions: [subscription], ...columns });
    const secret = made.authMethod === 'none' ? null : made.secret;
    return { product, subscription, client: { ...made, secret, redirectUri } as CodeClient };
  }
  const buy = async (client: CodeClient, more: Record<string, string> = { scope: asked }) =>
    (await buyTokens(server.sandbox, client, asTestUser('tu_gp'), more)).body;
  const refresh = (client: CodeClient, token: unknown, more: Record<string, string> = {}) =>
    post(`${server.sandbox}/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: String(token),
      ...more,
    });
  const isActive = async (client: CodeClient, token: unknown) =>
    (await post(`${server.sandbox}/token/introspection`, client, { token: String(token) })).body
      .active;

  test('offline_access buys a refresh token without prompt=consent, and each use a new one', async () => {
    const { client } = await aSubscribedClient();
    const first = await buy(client);
    const second = (await refresh(client, first.refresh_token)).body;
    expect(second).toMatchObject({
      scope: 'read write',
      expires_in: 600,
      id_token: expect.any(String),
    });
    expect(second.refresh_token).not.toBe(first.refresh_token);
    const third = (await refresh(client, second.refresh_token)).body;
    const [before, after] = [first, third].map((one) => decodeJwt(String(one.access_token)));
    expect(after).toMatchObject({
      sub: 'tu_gp',
      gid: before?.gid,
      aud: before?.aud,
      test_user: true,
    });
    expect(after?.jti).not.toBe(before?.jti);
  });

  test('without offline_access there is none, except for a console', async () => {
    const { client } = await aSubscribedClient();
    expect(await buy(client, { scope: 'openid read' })).not.toHaveProperty('refresh_token');
    const { client: inConsole } = await aSubscribedClient({
      kind: 'console',
      id: `console_${Date.now()}`,
      authMethod: 'none',
    });
    const bought = await buy(inConsole, { scope: 'openid read' });
    expect((await refresh(inConsole, bought.refresh_token)).status).toBe(200);
  });

  test('a client that was not made for it gets none, whatever it asks', async () => {
    const { client } = await aSubscribedClient({ grantTypes: ['authorization_code'] });
    const bought = await buy(client);
    expect(bought).toMatchObject({ access_token: expect.any(String) });
    expect(bought).not.toHaveProperty('refresh_token');
  });

  test('a replay within ten seconds kills the family, its access tokens included', async () => {
    const { client } = await aSubscribedClient();
    const first = await buy(client);
    const second = (await refresh(client, first.refresh_token)).body;
    expect(await isActive(client, second.access_token)).toBe(true);

    expect(await refresh(client, first.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await refresh(client, second.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    for (const token of [first.access_token, second.access_token]) {
      expect(await isActive(client, token)).toBe(false);
      const me = await fetch(`${server.sandbox}/me`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(me.status).toBe(401);
    }
    expect((await buy(client)).refresh_token).toBeTruthy(); // whoever starts over succeeds
  });

  test('a refresh may ask for less, and later for all of it again', async () => {
    const { client } = await aSubscribedClient();
    const less = (await refresh(client, (await buy(client)).refresh_token, { scope: 'read' })).body;
    expect(less.scope).toBe('read');
    expect((await refresh(client, less.refresh_token)).body.scope).toBe('read write');
  });

  test('what the role lost since is not in the next token', async () => {
    const { client, product } = await aSubscribedClient();
    const first = await buy(client);
    await server.pool.query(
      `delete from product_role_scopes where product_id = $1 and scope = 'write'`,
      [product.id],
    );
    const { body } = await refresh(client, first.refresh_token);
    expect(body.scope).toBe('read');
    expect(decodeJwt(String(body.access_token)).scope).toBe('read');
  });

  test('what the product lost since is not in the next token', async () => {
    const { client, product } = await aSubscribedClient();
    const first = await buy(client);
    await server.pool.query(
      `delete from product_role_scopes where product_id = $1 and scope = 'write'`,
      [product.id],
    );
    await server.pool.query(
      `delete from product_scopes where product_id = $1 and scope = 'write'`,
      [product.id],
    );
    expect((await refresh(client, first.refresh_token)).body.scope).toBe('read');
  });

  test('what the subject’s role allows is asked anew when the role itself changed', async () => {
    const { client } = await aSubscribedClient();
    await aTestUser(server.pool, { id: 'tu_changing', role: 'gp' });
    const bought = (
      await buyTokens(server.sandbox, client, asTestUser('tu_changing'), { scope: asked })
    ).body;
    expect(bought.scope).toBe('read write');
    await aTestUser(server.pool, { id: 'tu_changing', role: 'visitor' });
    const { body } = await refresh(client, bought.refresh_token);
    expect(decodeJwt(String(body.access_token))).not.toHaveProperty('scope');
  });

  test.each(['suspended', 'cancelled', 'expired'])(
    'a subscription that is %s ends it at once',
    async (state) => {
      const { client, subscription } = await aSubscribedClient();
      const first = await buy(client);
      await server.pool.query('update subscriptions set state = $2 where id = $1', [
        subscription.id,
        state,
      ]);
      expect(await refresh(client, first.refresh_token)).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
    },
  );

  test('of two subscriptions the one it was for must hold', async () => {
    const { client, subscription, product } = await aSubscribedClient();
    const other = await aSubscription(server.pool, { team: { id: subscription.teamId } as never });
    await server.pool.query(
      `insert into client_subscriptions (client_id, subscription_id, environment, team_id) values ($1, $2, 'sandbox', $3)`,
      [client.id, other.id, subscription.teamId],
    );
    const first = await buy(client, { scope: asked, resource: product.audience });
    const become = (state: string) =>
      server.pool.query('update subscriptions set state = $2 where id = $1', [
        subscription.id,
        state,
      ]);
    await become('suspended');
    const answer = await refresh(client, first.refresh_token);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    expect(answer.body.error_description).toContain('no longer active');

    await become('active'); // what was refused was not used up
    expect((await refresh(client, first.refresh_token)).status).toBe(200);
  });

  test('the family ends thirty days after its first token, however often it was rotated', async () => {
    const { client } = await aSubscribedClient();
    const second = (await refresh(client, (await buy(client)).refresh_token)).body;
    const day = 24 * 3600;
    const age = (seconds: number) =>
      server.pool.query(
        `update oidc_records set payload = payload || jsonb_build_object('iiat', (payload->>'iiat')::int - $1::int)
         where kind = 'RefreshToken' and payload->>'clientId' = $2 and consumed_at is null`,
        [seconds, client.id],
      );
    await age(29 * day);
    const third = (await refresh(client, second.refresh_token)).body;
    const { rows } = await server.pool.query(
      `select extract(epoch from expires_at - now())::int as left from oidc_records
       where kind = 'RefreshToken' and payload->>'clientId' = $1 and consumed_at is null`,
      [client.id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].left).toBeGreaterThan(day - 60);
    expect(rows[0].left).toBeLessThanOrEqual(day);

    await server.pool.query(
      `update oidc_records set expires_at = now() where kind = 'RefreshToken' and payload->>'clientId' = $1`,
      [client.id],
    );
    expect(await refresh(client, third.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  test('revoking a refresh token ends its access tokens, and only its own client can', async () => {
    const { client } = await aSubscribedClient();
    const { client: stranger } = await aSubscribedClient();
    const first = await buy(client);
    const revoke = (as: CodeClient) =>
      post(`${server.sandbox}/token/revocation`, as, {
        token: String(first.refresh_token),
        token_type_hint: 'access_token',
      });
    expect((await revoke(stranger)).status).toBe(200);
    expect(await isActive(client, first.access_token)).toBe(true);
    expect((await revoke(client)).status).toBe(200);
    expect(await isActive(client, first.access_token)).toBe(false);
    expect((await refresh(client, first.refresh_token)).status).toBe(400);
    expect((await revoke(client)).status).toBe(200);
  });

  test('a confidential client must prove itself, and a stranger’s attempt harms nobody', async () => {
    const { client } = await aSubscribedClient();
    const { client: stranger } = await aSubscribedClient();
    const first = await buy(client);
    expect((await refresh({ ...client, secret: null }, first.refresh_token)).status).toBe(401);
    expect(await refresh(stranger, first.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await refresh(client, first.refresh_token)).status).toBe(200);
  });

  describe('when the store fails after the old token was marked', () => {
    /** The next `insert` of a refresh token fails, once; a sequence counts through a rollback. */
    beforeEach(() =>
      server.pool.query(`
        create sequence stored;
        create function fail_once() returns trigger language plpgsql as $$
          begin
            if nextval('stored') = 1 then raise exception 'the disk is full'; end if;
            return new;
          end $$;
      `),
    );
    afterEach(() =>
      server.pool.query('drop function fail_once() cascade; drop sequence stored cascade;'),
    );
    const failOnce = () =>
      server.pool.query(
        `create trigger fail_once before insert on oidc_records
         for each row when (new.kind = 'RefreshToken') execute function fail_once()`,
      );

    test('the same token still works', async () => {
      const { client } = await aSubscribedClient();
      const first = await buy(client);
      await failOnce();
      const failed = await refresh(client, first.refresh_token);
      expect(failed).toMatchObject({ status: 500, body: { error: 'server_error' } });
      expect(await isActive(client, first.access_token)).toBe(true);

      const { status, body } = await refresh(client, first.refresh_token);
      expect(status).toBe(200);
      expect((await refresh(client, body.refresh_token)).status).toBe(200);
    });

    test('and counts once: of twenty at once one wins', async () => {
      const { client } = await aSubscribedClient();
      const { refresh_token } = await buy(client);
      await failOnce();
      expect((await refresh(client, refresh_token)).status).toBe(500);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => refresh(client, refresh_token)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(400)]);
    });
  });

  test.each(['https://elsewhere.example', 'nonsense'])(
    'a refresh for the resource “%s” is refused, and the corrected one works',
    async (resource) => {
      const { client, product } = await aSubscribedClient();
      const first = await buy(client);
      const mistaken = await refresh(client, first.refresh_token, { resource });
      expect(mistaken).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
      const corrected = await refresh(client, first.refresh_token, { resource: product.audience });
      expect(corrected.status).toBe(200);
      expect(decodeJwt(String(corrected.body.access_token)).aud).toBe(product.audience);
    },
  );

  test('a refresh for another product of the client is refused, and uses nothing up', async () => {
    const { client, subscription, product } = await aSubscribedClient();
    const other = await aProduct(server.pool);
    const team = { id: subscription.teamId } as never;
    const { id } = await aSubscription(server.pool, { team, product: other });
    await server.pool.query(
      `insert into client_subscriptions (client_id, subscription_id, environment, team_id) values ($1, $2, 'sandbox', $3)`,
      [client.id, id, subscription.teamId],
    );
    const first = await buy(client, { scope: asked, resource: product.audience });
    const mistaken = await refresh(client, first.refresh_token, { resource: other.audience });
    expect(mistaken).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    expect((await refresh(client, first.refresh_token)).status).toBe(200);
  });
});
