import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const scope = (name: string, isDefault = true) => ({ scope: name, description: name, isDefault });

describe('the client credentials grant (RFC 6749 section 4.4)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(() => server.close());

  const scopes = [
    scope('appointments'),
    scope('system/Observation.rs'),
    scope('system/Patient.rs', false),
    scope('user/Observation.rs'),
    scope('patient/Observation.rs'),
  ];
  const ask = (
    client: { id: string; secret: string },
    more: Record<string, string> = {},
    issuer = server.sandbox,
  ) => post(`${issuer}/token`, client, { grant_type: 'client_credentials', ...more });
  const aSubscribed = async (product: Awaited<ReturnType<typeof aProduct>>) => {
    const subscription = await aSubscription(server.pool, { product });
    return { subscription, client: await aClient(server.pool, { subscriptions: [subscription] }) };
  };

  test.each(['sandbox', 'live'] as const)(
    'a machine in %s gets a token of RFC 9068 about itself',
    async (environment) => {
      const product = await aProduct(server.pool, { environment, scopes });
      const { subscription, client } = await aSubscribed(product);
      const issuer = server[environment];
      const { body, status } = await ask(client, {}, issuer);
      expect(status).toBe(200);
      expect(body).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 600,
        scope: 'appointments system/Observation.rs',
      });

      const { payload, protectedHeader } = await jwtVerify(
        String(body.access_token),
        createRemoteJWKSet(new URL(`${issuer}/jwks`)),
        { issuer, audience: product.audience },
      );
      expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) });
      expect(payload).toEqual({
        iss: issuer,
        aud: product.audience,
        sub: client.id,
        client_id: client.id,
        scope: 'appointments system/Observation.rs',
        env: environment,
        product: product.id,
        subscription_id: subscription.id,
        jti: expect.any(String),
        iat: expect.any(Number),
        exp: Number(payload.iat) + 600,
      });
    },
  );

  test('an empty scope means the default ones, which for a machine are no user’s and no patient’s', async () => {
    const { client } = await aSubscribed(await aProduct(server.pool, { scopes }));
    expect((await ask(client, { scope: '' })).body.scope).toBe(
      'appointments system/Observation.rs',
    );
    expect((await ask(client, { scope: 'system/Patient.rs' })).body.scope).toBe(
      'system/Patient.rs',
    );
  });

  test.each(['openid', 'offline_access', 'openid appointments'])(
    'a machine has no subject: %s is refused',
    async (asked) => {
      const { client } = await aSubscribed(await aProduct(server.pool, { scopes }));
      expect(await ask(client, { scope: asked })).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
    },
  );

  test('a product chooses its algorithm and type', async () => {
    const { client } = await aSubscribed(
      await aProduct(server.pool, { signingAlg: 'ES256', tokenTyp: 'JWT' }),
    );
    const { body } = await ask(client);
    const keys = createRemoteJWKSet(new URL(`${server.sandbox}/jwks`));
    const { protectedHeader } = await jwtVerify(String(body.access_token), keys);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT' });
    const introspected = await post(`${server.sandbox}/token/introspection`, client, {
      token: String(body.access_token),
    });
    expect(introspected.body).toMatchObject({ active: true, client_id: client.id });
  });

  test('a first-party client has no subscription, and its token says so', async () => {
    const product = await aProduct(server.pool);
    const client = await aClient(server.pool, { products: [product] });
    const claims = decodeJwt(String((await ask(client)).body.access_token));
    expect(claims).toMatchObject({ product: product.id, aud: product.audience });
    expect(claims).not.toHaveProperty('subscription_id');
  });

  test('a product without this grant is not to be had by it', async () => {
    const { client } = await aSubscribed(
      await aProduct(server.pool, { grantTypes: ['authorization_code'] }),
    );
    expect(await ask(client)).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    });

    const open = await aSubscription(server.pool, { product: await aProduct(server.pool) });
    const closed = await aProduct(server.pool, { grantTypes: ['authorization_code'] });
    const shut = await aSubscription(server.pool, {
      product: closed,
      team: { id: open.teamId } as never,
    });
    const both = await aClient(server.pool, { subscriptions: [open, shut] });
    expect((await ask(both)).status).toBe(200);
    expect(await ask(both, { resource: closed.audience })).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    });
  });

  test('a subscription that ends takes the next token with it', async () => {
    const { client, subscription } = await aSubscribed(await aProduct(server.pool));
    expect((await ask(client)).status).toBe(200);
    await server.pool.query(`update subscriptions set expires_at = now() where id = $1`, [
      subscription.id,
    ]);
    expect(await ask(client)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('two secrets may be live at once, and one that has run out opens nothing', async () => {
    const { client } = await aSubscribed(await aProduct(server.pool));
    const second = await aClient(server.pool);
    await server.pool.query('update client_secrets set client_id = $1 where client_id = $2', [
      client.id,
      second.id,
    ]);
    const both = [client, { id: client.id, secret: second.secret }];
    for (const one of both) expect((await ask(one)).status).toBe(200);
    await server.pool.query('update client_secrets set expires_at = now() where client_id = $1', [
      client.id,
    ]);
    for (const one of both) expect((await ask(one)).status).toBe(401);
  });

  test.each(['user/Observation.rs', 'patient/Observation.rs', 'appointments user/Observation.rs'])(
    'a machine has no user and no patient: %s is refused, though the product has it',
    async (asked) => {
      const { client } = await aSubscribed(await aProduct(server.pool, { scopes }));
      const answer = await ask(client, { scope: asked });
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
      expect(answer.body.error_description).toContain('system/');
    },
  );

  test('an application without a secret proves nothing, and may not act for itself', async () => {
    const subscriptions = [await aSubscription(server.pool)];
    const { id } = await aClient(server.pool, { subscriptions, authMethod: 'none' });
    const form = { grant_type: 'client_credentials' };
    expect(await post(`${server.sandbox}/token`, { id }, form)).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    });
  });
});
