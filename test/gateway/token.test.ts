import { createSign, generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Team } from '../../src/teams/team.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aGateway, aKeyed, anApi, keysOf, type Question, tokenOf, verify } from './stage.ts';

const databaseUrl = useDatabaseUrl();
let server: TestServer;
let gateway: string;
let both: Awaited<ReturnType<typeof aKeyed>>;
let client: Awaited<ReturnType<typeof aClient>>;
let token: string;

beforeAll(async () => {
  server = await startServer({ databaseUrl });
  gateway = await aGateway(server.pool);
  both = await aKeyed(server.pool, { credentials: 'key_and_token' });
  client = await aClient(server.pool, { subscriptions: [both.subscription] });
  token = (await tokenOf(server.baseUrl, client)).access_token;
});
afterAll(() => server.close());

const ask = (more: Partial<Question> = {}) =>
  verify(server.baseUrl, { api: both.api.id, key: both.key, token, gateway, ...more });

/** What introspection says of it, to the client that it was issued to. */
async function introspects(given: string, of = client): Promise<boolean> {
  const answer = await fetch(`${server.sandbox}/token/introspection`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${of.id}:${of.secret}`)}` },
    body: new URLSearchParams({ token: given }),
  });
  return ((await answer.json()) as { active: boolean }).active;
}

describe('key and token', () => {
  test('of one subscription pass, and the API is told whose they are', async () => {
    const told = await ask();
    expect(told).toMatchObject({ status: 200, text: '' });
    expect(told.headers).toMatchObject({
      'x-subscription-id': both.subscription.id,
      'x-developer-id': both.subscription.teamId,
      'x-auth-subject': '',
      'x-auth-client-id': client.id,
      'x-auth-scope': 'read',
      'x-auth-test-user': 'false',
      'x-auth-environment': 'sandbox',
    });
    expect(await introspects(token)).toBe(true);
  });

  test('about a test user say so', async () => {
    const username = 'ward.round';
    const { id } = await aTestUser(server.pool, { username, password: 'published password' });
    const { access_token } = await tokenOf(server.baseUrl, client, {
      username,
      password: 'published password',
    });
    const { headers } = await ask({ token: access_token });
    expect(headers).toMatchObject({ 'x-auth-subject': id, 'x-auth-test-user': 'true' });
  });

  test.each(['bearer', 'BEARER'])('the scheme is read as %s too', async (scheme) => {
    const told = await ask({ token: undefined, headers: { Authorization: `${scheme} ${token}` } });
    expect(told.status).toBe(200);
  });
});

describe('each token that does not count is refused for its own reason', () => {
  const refused = async (given: string | undefined, more: Partial<Question> = {}) => {
    const told = await ask({ ...more, token: given });
    expect(told.status).toBe(401);
    expect(told.headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+"/);
    if (given) expect(JSON.stringify(told)).not.toContain(given);
    return told.body.reason;
  };
  const encoded = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  /** The token with another header, signed by a key of our own making. */
  const signedAs = (header: object, claims: object = {}): string => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const body = `${encoded({ ...decodeProtectedHeader(token), ...header })}.${encoded({ ...decodeJwt(token), ...claims })}`;
    return `${body}.${createSign('RSA-SHA256').update(body).sign(privateKey, 'base64url')}`;
  };

  test('none, or several', async () => {
    expect(await refused(undefined)).toBe('token_missing');
    expect(await refused(undefined, { headers: { Authorization: 'Basic abc' } })).toBe(
      'token_missing',
    );
    const twice = { Authorization: [`Bearer ${token}`, `Bearer ${token}`] };
    expect(await refused(undefined, { headers: twice })).toBe('token_malformed');
  });

  test('cut short, or no token at all', async () => {
    expect(await refused('nonsense')).toBe('token_malformed');
    expect(await refused(token.slice(0, 40))).toBe('token_malformed');
  });

  test('forged: another signature, another key, no signature', async () => {
    expect(await refused(signedAs({}))).toBe('token_forged');
    expect(await refused(signedAs({ kid: 'forged' }))).toBe('token_forged');
    const [, payload] = token.split('.');
    expect(await refused(`${encoded({ alg: 'none', typ: 'at+jwt' })}.${payload}.`)).toBe(
      'token_forged',
    );
    expect(await refused(`${encoded({ alg: 'HS256', typ: 'at+jwt' })}.${payload}.AAAA`)).toBe(
      'token_forged',
    );
    const header = token.split('.')[0];
    const changed = encoded({ ...decodeJwt(token), scope: 'admin' });
    expect(await refused(`${header}.${changed}.${token.split('.')[2]}`)).toBe('token_forged');
  });

  test('of another issuer', async () => {
    expect(await refused(signedAs({}, { iss: 'https://other.example' }))).toBe(
      'token_wrong_issuer',
    );
  });

  test('an ID token', async () => {
    await aTestUser(server.pool, { username: 'id.token', password: 'published password' });
    const { id_token } = await tokenOf(server.baseUrl, client, {
      username: 'id.token',
      password: 'published password',
      scope: 'openid read',
    });
    expect(await refused(id_token)).toBe('token_id_token');
  });

  /** A token of a test user of the team's own who behaves so. */
  const tokenOfOne = async (behaviour: string): Promise<string> => {
    const { teamId: id } = both.subscription;
    const password = 'published password';
    const one = await aTestUser(server.pool, {
      team: { id } as Team,
      username: behaviour,
      password,
    });
    await server.pool.query('update test_users set behaviour = $2 where id = $1', [
      one.id,
      behaviour,
    ]);
    const given = { username: behaviour, password };
    return (await tokenOf(server.baseUrl, client, given)).access_token;
  };

  test('expired', async () => {
    const late = await tokenOfOne('token_expired');
    expect(await refused(late)).toBe('token_expired');
    expect(await introspects(late)).toBe(false);
  });

  test('for no product of ours, and for another one', async () => {
    expect(await refused(await tokenOfOne('wrong_audience'))).toBe('token_other_product');
    const other = await aKeyed(server.pool, { credentials: 'key_and_token' });
    const its = await aClient(server.pool, { subscriptions: [other.subscription] });
    const foreign = (await tokenOf(server.baseUrl, its)).access_token;
    expect(await refused(foreign)).toBe('token_other_product');
    expect(await introspects(foreign, its)).toBe(true);
  });

  test('of another team’s subscription to the same product', async () => {
    const { product } = both;
    const its = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { product })],
    });
    const foreign = (await tokenOf(server.baseUrl, its)).access_token;
    expect(await refused(foreign)).toBe('token_not_of_subscription');
  });

  test('of live with a key of the sandbox', async () => {
    const live = await aKeyed(server.pool, { environment: 'live', credentials: 'key_and_token' });
    const its = await aClient(server.pool, { subscriptions: [live.subscription] });
    const given = (await tokenOf(server.baseUrl, its, { environment: 'live' })).access_token;
    expect(await refused(given)).toBe('key_wrong_environment');
    const right = await verify(server.baseUrl, {
      api: live.api.id,
      key: live.key,
      token: given,
      gateway,
    });
    expect(right).toMatchObject({ status: 200, headers: { 'x-auth-environment': 'live' } });
  });

  test('revoked, at once, as introspection says', async () => {
    const given = (await tokenOf(server.baseUrl, client)).access_token;
    expect((await ask({ token: given })).status).toBe(200);
    await fetch(`${server.sandbox}/token/revocation`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` },
      body: new URLSearchParams({ token: given }),
    });
    await until(async () => (await ask({ token: given })).body.reason === 'token_revoked');
    expect(await introspects(given)).toBe(false);
  });

  test('of a client that was taken from its subscription', async () => {
    const its = await aClient(server.pool, { subscriptions: [both.subscription] });
    const given = (await tokenOf(server.baseUrl, its)).access_token;
    expect((await ask({ token: given })).status).toBe(200);
    await server.pool.query('delete from client_subscriptions where client_id = $1', [its.id]);
    await until(async () => (await ask({ token: given })).body.reason === 'token_client_stopped');
  });

  test('of a client that administrators stopped, until they let it go on', async () => {
    const its = await aClient(server.pool, { subscriptions: [both.subscription] });
    const given = (await tokenOf(server.baseUrl, its)).access_token;
    expect((await ask({ token: given })).status).toBe(200);
    await server.pool.query(
      `insert into suspensions (kind, id, reason) values ('client', $1, 'leaked')`,
      [its.id],
    );
    await until(async () => (await ask({ token: given })).body.reason === 'token_client_stopped');
    await server.pool.query(`delete from suspensions where kind = 'client'`);
    expect((await ask({ token: given })).status).toBe(200);
  });

  test.each(['team', 'product', 'environment'] as const)(
    'whatever it is, while its %s is stopped',
    async (kind) => {
      const of = await aKeyed(server.pool, { environment: 'live', subjects: 'accounts' });
      const id = { team: of.subscription.teamId, product: of.product.id, environment: 'live' }[
        kind
      ];
      const question = { api: of.api.id, key: of.key, gateway };
      expect((await verify(server.baseUrl, question)).status).toBe(200);
      await server.pool.query('insert into suspensions (kind, id, reason) values ($1, $2, $3)', [
        kind,
        id,
        'leaked',
      ]);
      await until(async () => (await verify(server.baseUrl, question)).status === 403);
      await server.pool.query('delete from suspensions where id = $1', [id]);
      expect((await verify(server.baseUrl, question)).status).toBe(200);
    },
  );
});

describe('a product that takes the token alone', () => {
  test('asks for no key, and finds the subscription by the token', async () => {
    const alone = await aKeyed(server.pool, { credentials: 'token' });
    const its = await aClient(server.pool, { subscriptions: [alone.subscription] });
    const given = (await tokenOf(server.baseUrl, its)).access_token;
    const question = { api: alone.api.id, gateway };
    expect(await verify(server.baseUrl, { ...question, token: given })).toMatchObject({
      status: 200,
      headers: { 'x-subscription-id': alone.subscription.id },
    });
    expect((await verify(server.baseUrl, { ...question, key: alone.key })).body.reason).toBe(
      'token_missing',
    );
    expect((await verify(server.baseUrl, { ...question, token })).body.reason).toBe(
      'token_other_product',
    );
    await server.pool.query(`update subscriptions set expires_at = now() where id = $1`, [
      alone.subscription.id,
    ]);
    await until(
      async () => (await verify(server.baseUrl, { ...question, token: given })).status === 401,
    );
  });
});

describe('a first-party client, whose token names no subscription', () => {
  test('needs an active key of the product as well', async () => {
    const firstParty = await aClient(server.pool, { products: [both.product] });
    const given = (await tokenOf(server.baseUrl, firstParty)).access_token;
    expect(await ask({ token: given })).toMatchObject({
      status: 200,
      headers: {
        'x-auth-client-id': firstParty.id,
        'x-subscription-id': both.subscription.id,
      },
    });
    expect((await ask({ token: given, key: undefined })).body.reason).toBe('key_missing');
    const other = await aKeyed(server.pool, { credentials: 'key_and_token' });
    const elsewhere = await ask({ token: given, key: other.key, api: other.api.id });
    expect(elsewhere.body.reason).toBe('token_other_product');
  });

  test('needs none where the product takes the token alone', async () => {
    const rate = { calls: 1, seconds: 60 };
    const product = await aProduct(server.pool, { credentials: 'token', rate });
    const api = (await anApi(server.pool, { products: [product] })).id;
    const firstParty = await aClient(server.pool, { products: [product] });
    const given = (await tokenOf(server.baseUrl, firstParty)).access_token;
    const question = { api, token: given, gateway };
    expect(await verify(server.baseUrl, question)).toMatchObject({
      status: 200,
      headers: { 'x-subscription-id': '', 'x-developer-id': '', 'x-product-id': product.id },
    });
    expect((await verify(server.baseUrl, question)).status).toBe(429);
  });
});

describe('scopes of an operation', () => {
  const oauth2 = { type: 'oauth2', flows: {} };
  const document = {
    components: { securitySchemes: { oauth2 } },
    paths: {
      '/things': {
        get: { security: [{ oauth2: ['read'] }] },
        post: { security: [{ oauth2: ['write'] }, { oauth2: ['admin'] }] },
      },
      '/things/{id}': { get: {}, delete: { security: [{ oauth2: ['read', 'write'] }] } },
      '/free': { get: { security: [] } },
    },
  };
  let scoped: Awaited<ReturnType<typeof aKeyed>>;
  let reading: string;
  const call = (method: string, path: string, given = reading) =>
    verify(server.baseUrl, {
      api: scoped.api.id,
      key: scoped.key,
      token: given,
      gateway,
      headers: { 'X-Forwarded-Method': method, 'X-Forwarded-Uri': `/${scoped.api.id}${path}` },
    });

  beforeAll(async () => {
    const scope = (name: string, isDefault: boolean) => ({
      scope: name,
      description: name,
      isDefault,
    });
    scoped = await aKeyed(server.pool, {
      credentials: 'key_and_token',
      scopes: [scope('read', true), scope('write', false), scope('admin', false)],
      document,
    });
    const its = await aClient(server.pool, { subscriptions: [scoped.subscription] });
    reading = (await tokenOf(server.baseUrl, its)).access_token;
  });

  test.each([
    ['GET', '/things', 200],
    ['GET', '/things?x=/../free', 200],
    ['HEAD', '/things', 200],
    ['GET', '/things/7', 200],
    ['GET', '/free', 200],
    ['POST', '/things', 403],
    ['DELETE', '/things/7', 403],
    ['PUT', '/things', 403],
    ['GET', '/others', 403],
    ['GET', '/things/7/8', 403],
    ['GET', '//things', 403],
    ['GET', '/free/../things', 403],
    ['GET', '/things/%2e%2e', 403],
    ['GET', '/things/a%2Fb', 403],
    ['GET', '/things/a;b', 403],
    ['GET', '', 403],
  ])('%s %s is answered with %d', async (method, path, status) => {
    const inHeaders = await call(method, path);
    expect(inHeaders.status).toBe(status);
    const onward = await verify(server.baseUrl, {
      api: scoped.api.id,
      key: scoped.key,
      token: reading,
      gateway,
      method,
      behind: `/${scoped.api.id}${path}`,
    });
    expect(onward.status).toBe(status);
  });

  test('are named where they lack', async () => {
    const told = await call('POST', '/things');
    expect(told.body.reason).toBe('scope_missing');
    expect(told.headers['www-authenticate']).toMatch(
      /^Bearer realm="[^"]+", error="insufficient_scope", scope="write"$/,
    );
    expect((await call('PUT', '/things')).body.reason).toBe('operation_unknown');
  });

  test('are told of two addresses that differ: no', async () => {
    const told = await verify(server.baseUrl, {
      api: scoped.api.id,
      key: scoped.key,
      token: reading,
      gateway,
      headers: {
        'X-Forwarded-Uri': `/${scoped.api.id}/free`,
        'X-Original-URI': `/${scoped.api.id}/things`,
      },
    });
    expect(told.body.reason).toBe('operation_unknown');
  });
});

test('key and token of a subscription go on for one key when the other is made anew', async () => {
  const [, secondary] = await keysOf(server.pool, both.subscription);
  expect((await ask({ key: secondary?.value ?? '' })).status).toBe(200);
});

/** Within a second, or this fails. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const from = performance.now();
  while (!(await holds())) {
    if (performance.now() - from > 1000) throw new Error('not within a second');
  }
}
