import request from 'supertest';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';
import { aCaller, aStage, type Caller, callAs, type Stage } from './stage.ts';

describe('who may call the management API', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let stage: Stage;
  let sandbox: Caller & { token: string };

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    stage = await aStage(server.pool);
    sandbox = await aCaller(server, stage, { on: 'sandbox' });
  });
  afterAll(() => server.close());

  const problem = {
    type: expect.stringMatching(/^urn:sandgate:problem:[a-z_]+$/),
    title: expect.any(String),
    detail: expect.any(String),
    request_id: expect.stringMatching(/^req_/),
  };

  test('a token of a team lists the products of its environment', async () => {
    const { status, headers, body } = await sandbox.call('GET', '/products');
    expect({ status, body }).toEqual({
      status: 200,
      body: { items: [expect.objectContaining({ id: 'manage-sandbox' })], next: null },
    });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    const live = await aCaller(server, stage, { on: 'live', team: sandbox.team });
    const { body: there } = await live.call('GET', '/products');
    expect(there.items.map(({ id }: { id: string }) => id)).toEqual(['manage-live']);
  });

  test('a scope of the programme counts for no team, whatever its product says', async () => {
    // their products name these scopes: see stage.ts
    const live = await aCaller(server, stage, { on: 'live' });
    for (const caller of [sandbox, live]) {
      const { status, body } = await caller.call('GET', '/programme/teams');
      expect({ status, code: body.code }).toEqual({ status: 403, code: 'insufficient_scope' });
    }
  });

  test('the programme’s own client has no team, and so nothing of one', async () => {
    const programme = await aCaller(server, stage, { on: 'programme' });
    expect((await programme.call('GET', '/programme/teams')).status).toBe(200);
    expect((await programme.call('GET', '/subscriptions')).status).toBe(403);
    const inSandbox = await aClient(server.pool, {
      products: [stage.products.sandbox],
      grantTypes: ['client_credentials'],
    });
    const { body } = await post(`${server.sandbox}/token`, inSandbox, {
      grant_type: 'client_credentials',
      scope: 'programme:read subscriptions:read',
    });
    const call = callAs(server, String(body.access_token));
    expect((await call('GET', '/programme/teams')).status).toBe(403);
    expect((await call('GET', '/subscriptions')).status).toBe(403);
  });

  test('a token that does not count is refused with its reason and one challenge', async () => {
    const team = sandbox.team;
    const product = await aProduct(server.pool);
    const elsewhere = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { team, product })],
    });
    const { body } = await post(`${server.sandbox}/token`, elsewhere, {
      grant_type: 'client_credentials',
    });
    const [head, claims, signature] = sandbox.token.split('.');
    const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    const refusals: [token: string, code: string][] = [
      [String(body.access_token), 'token_other_product'],
      ['nonsense', 'token_malformed'],
      [`${head}.${claims}.${signature?.slice(0, -6)}AAAAAA`, 'token_forged'],
      [`${unsigned}.${claims}.`, 'token_forged'],
    ];
    for (const [token, code] of refusals) {
      const told = await callAs(server, token)('GET', '/products');
      expect(told.body).toEqual({ ...problem, status: 401, code });
      expect(told.headers.get('content-type')).toBe('application/problem+json');
      expect(told.headers.get('www-authenticate')).toMatch(
        /^Bearer realm="management", error="invalid_token", error_description="[^"]+"$/,
      );
    }
  });

  test('a revoked token is refused at once by every instance, as is one of a subscription that is over', async () => {
    const second = await startInstance({ databaseUrl, baseUrl: server.baseUrl });
    const caller = await aCaller(server, stage, { on: 'sandbox' });
    const there = () =>
      request(second.address)
        .get('/api/v1/teams')
        .set('Host', new URL(server.baseUrl).host)
        .set('Authorization', `Bearer ${caller.token}`);
    try {
      expect((await there()).status).toBe(200);
      const client = { id: caller.clientId, secret: caller.secret };
      await post(`${server.sandbox}/token/revocation`, client, { token: caller.token });
      expect((await there()).body.code).toBe('token_revoked');
      const other = await aCaller(server, stage, { on: 'sandbox' });
      const { body } = await other.call('GET', '/subscriptions');
      await other.call('POST', `/subscriptions/${body.items[0].id}/cancel`);
      expect((await other.call('GET', '/teams')).body.code).toBe('token_client_stopped');
    } finally {
      await second.close();
    }
  });

  test('an address, a method or a form that is none is told in the same way, to a browser too', async () => {
    const asked: [method: string, path: string, headers: Record<string, string>, status: number][] =
      [
        ['GET', '/nothing', {}, 404],
        ['GET', '/', {}, 404],
        ['GET', '/nothing', { accept: 'text/html,*/*' }, 404],
        ['PUT', '/subscriptions', {}, 405],
        ['OPTIONS', '/subscriptions', {}, 405],
        ['GET', '/products', { accept: 'text/html' }, 406],
        ['GET', '/products/%zz', {}, 400],
        ['GET', '/products/a%00b', {}, 400],
      ];
    for (const [method, path, headers, status] of asked) {
      const told = await sandbox.call(method, path, { headers });
      expect({ path, body: told.body }).toEqual({
        path,
        body: { ...problem, status, code: expect.any(String) },
      });
      expect(told.headers.get('content-type')).toBe('application/problem+json');
    }
    const { headers } = await sandbox.call('PUT', '/subscriptions');
    expect(headers.get('allow')).toBe('GET, HEAD, POST');
  });

  test('no cookie is set, and none is read', async () => {
    const headers = { cookie: 'sg_session=anything; sg_csrf=anything' };
    const told = await callAs(server, null)('GET', '/products', { headers });
    expect(told.status).toBe(401);
    expect(told.headers.getSetCookie()).toEqual([]);
  });

  test('calls are limited as the product says, and counted as those of any API', async () => {
    await server.pool.query(
      `update products set rate_calls = 3, rate_seconds = 3600 where id = 'manage-live'`,
    );
    const caller = await aCaller(server, stage, { on: 'live' });
    const told = [];
    for (let i = 0; i < 5; i += 1) told.push(await caller.call('GET', '/teams'));
    expect(told.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(told[0]?.headers.get('ratelimit-policy')).toBe('"rate";q=3;w=3600');
    expect(Number(told[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(told[3]?.body).toEqual({ ...problem, status: 429, code: 'rate_exceeded' });
    await caller.call('GET', '/programme/teams');
    await new Promise((resolve) => setTimeout(resolve, 1500)); // written down every second
    const { rows } = await server.pool.query(
      `select operation, outcome, calls::int from use_hours where client_id = $1 order by 1, 2`,
      [caller.clientId],
    );
    expect(rows).toEqual([
      { operation: 'GET /programme/teams', outcome: 'forbidden', calls: 1 },
      { operation: 'GET /teams', outcome: 'allowed', calls: 3 },
      { operation: 'GET /teams', outcome: 'rate_limited', calls: 2 },
    ]);
    await server.pool.query(`update products set rate_calls = null, rate_seconds = null`);
    const { body } = await caller.call('GET', '/use');
    const { items } = body as { items: { outcome: string; calls: number; operation: string }[] };
    expect(items.find((one) => one.outcome === 'rate_limited')).toMatchObject({
      operation: 'GET /teams',
      calls: 2,
    });
  });
});
