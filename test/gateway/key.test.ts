import { newKey } from '../../src/subscriptions/key.ts';
import type { State } from '../../src/subscriptions/subscription.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  aGateway,
  aKeyed,
  anApi,
  endCredentialOf,
  keysOf,
  type Question,
  verify,
} from './stage.ts';

const databaseUrl = useDatabaseUrl();
let server: TestServer;
let gateway: string;
let keyed: Awaited<ReturnType<typeof aKeyed>>;

beforeAll(async () => {
  server = await startServer({ databaseUrl, limitAddresses: true });
  gateway = await aGateway(server.pool);
  keyed = await aKeyed(server.pool);
});
afterAll(() => server.close());

const ask = (more: Partial<Question> = {}) =>
  verify(server.baseUrl, { api: keyed.api.id, key: keyed.key, gateway, ...more });
const withoutKey = { key: undefined } as Partial<Question>;

const identity = [
  'x-subscription-id',
  'x-product-id',
  'x-developer-id',
  'x-auth-subject',
  'x-auth-client-id',
  'x-auth-scope',
  'x-auth-test-user',
  'x-auth-environment',
];

describe('a key that opens the API', () => {
  test('is answered with exactly 200, nothing in it, and all that is known of the call', async () => {
    const told = await ask();
    expect(told).toMatchObject({ status: 200, text: '' });
    expect(told.headers).toMatchObject({
      'x-subscription-id': keyed.subscription.id,
      'x-product-id': keyed.product.id,
      'x-developer-id': keyed.subscription.teamId,
      'x-auth-subject': '',
      'x-auth-client-id': '',
      'x-auth-scope': '',
      'x-auth-test-user': '',
      'x-auth-environment': 'sandbox',
      'cache-control': 'no-store',
      'content-length': '0',
      'x-request-id': expect.stringMatching(/^req_/),
    });
  });

  test('works by both of its keys', async () => {
    expect((await ask({ key: keyed.secondary })).status).toBe(200);
  });

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'is let through for %s, whatever stands behind the API',
    async (method) => {
      expect((await ask({ method })).status).toBe(200);
      expect((await ask({ method, behind: '/Patient/1?_count=2' })).status).toBe(200);
    },
  );

  test('comes in the query where the header is absent or empty', async () => {
    const inQuery = { ...withoutKey, behind: `/x?a=b&subscription-key=${keyed.key}` };
    expect((await ask(inQuery)).status).toBe(200);
    const empty = { 'Ocp-Apim-Subscription-Key': '' };
    expect((await ask({ ...inQuery, headers: empty })).status).toBe(200);
    expect((await ask({ ...inQuery, key: newKey('sandbox') })).status).toBe(401);
  });

  test('is looked for in the query of the original address only', async () => {
    const behind = `?subscription-key=${keyed.key}`; // Caddy appends what its caller wrote
    const headers = { 'X-Forwarded-Uri': '/patients', 'X-Forwarded-Method': 'GET' };
    expect((await ask({ ...withoutKey, behind, headers })).body.reason).toBe('key_missing');
    const original = { 'X-Original-URI': `/patients${behind}`, 'X-Original-Method': 'GET' };
    expect((await ask({ ...withoutKey, headers: original })).status).toBe(200);
  });

  test('comes in the header and the parameter that the API names', async () => {
    const names = { keyHeader: 'X-Api-Key', keyParameter: 'key' };
    const api = (await anApi(server.pool, { products: [keyed.product], ...names })).id;
    // the product opens this one now, and the other no more
    const headers = { 'x-api-key': keyed.key };
    expect((await ask({ ...withoutKey, api, headers })).status).toBe(200);
    expect((await ask({ ...withoutKey, api, behind: `?key=${keyed.key}` })).status).toBe(200);
    const missing = await ask({ api });
    expect(missing.body.reason).toBe('key_missing');
    expect(missing.headers['www-authenticate']).toContain('name="X-Api-Key"');
    keyed = await aKeyed(server.pool);
  });
});

describe('a key that does not', () => {
  const refused = async (key: string | undefined, more: Partial<Question> = {}) => {
    const told = await ask({ ...more, key });
    expect(told.status).toBe(401);
    for (const name of identity) expect(told.headers).not.toHaveProperty(name);
    expect(told.headers['www-authenticate']).toMatch(/^AzureApiManagementKey realm="[^"]+", /);
    if (key) expect(JSON.stringify(told)).not.toContain(key);
    expect(told.body).toEqual({
      statusCode: 401,
      message: expect.stringContaining('Access denied due to'),
      reason: expect.any(String),
      requestId: told.headers['x-request-id'],
    });
    return told.body.reason;
  };

  test('each for its own reason', async () => {
    expect(await refused(undefined)).toBe('key_missing');
    expect(await refused('nonsense')).toBe('key_malformed');
    expect(await refused(`${keyed.key}x`)).toBe('key_malformed');
    expect(await refused(newKey('sandbox'))).toBe('key_unknown');
    const twice = `?subscription-key=${keyed.key}&subscription-key=${keyed.key}`;
    expect(await refused(undefined, { behind: twice })).toBe('key_malformed');
  });

  test.each<State>(['submitted', 'suspended', 'rejected', 'cancelled', 'expired'])(
    'of a subscription that is %s',
    async (state) => {
      const subscription = await aSubscription(server.pool, { product: keyed.product, state });
      const [primary] = await keysOf(server.pool, subscription);
      expect(await refused(primary?.value)).toBe('subscription_inactive');
    },
  );

  test('of a subscription whose time has come, though nobody noted it', async () => {
    const expiresAt = new Date(Date.now() + 1500);
    const subscription = await aSubscription(server.pool, { product: keyed.product, expiresAt });
    const [primary] = await keysOf(server.pool, subscription);
    const key = primary?.value ?? '';
    expect((await ask({ key })).status).toBe(200);
    await new Promise((passed) => setTimeout(passed, expiresAt.getTime() + 50 - Date.now()));
    expect(await refused(key)).toBe('subscription_inactive');
  });

  test('of another product', async () => {
    const other = await aKeyed(server.pool);
    expect(await refused(other.key)).toBe('subscription_other_product');
    expect((await ask({ api: other.api.id, key: other.key })).status).toBe(200);
  });

  test('of the sandbox where only live is open, and the other way round', async () => {
    const live = await aKeyed(server.pool, { environment: 'live', subjects: 'accounts' });
    expect(await refused(keyed.key, { api: live.api.id })).toBe('subscription_other_product');
    expect(await refused(live.key)).toBe('subscription_other_product');
    const allowed = await ask({ api: live.api.id, key: live.key });
    expect(allowed.headers['x-auth-environment']).toBe('live');
  });

  test('of a product that has retired, once no other is taken for it', async () => {
    const gone = await aKeyed(server.pool, { state: 'retired' });
    const told = await ask({ api: gone.api.id, key: gone.key });
    expect(told).toMatchObject({ status: 403, body: { reason: 'product_unavailable' } });
  });
});

describe('the API', () => {
  test.each(['/../other/x', '/%2e%2e/other', '/..%2fother', '//other', '?api=other'])(
    'is the first segment as it came, whatever follows: %s',
    async (behind) => {
      const told = await ask({ behind });
      expect(told).toMatchObject({ status: 200 });
      expect(told.headers['x-product-id']).toBe(keyed.product.id);
      expect((await ask({ api: 'unknown', behind })).status).toBe(403);
    },
  );

  test.each(['', '..', '%2e%2e', 'unknown', '__proto__'])('%p is none of ours', async (api) => {
    expect(await ask({ api })).toMatchObject({ status: 403, body: { reason: 'api_unknown' } });
  });
});

describe('a browser that asks first', () => {
  const preflight = { 'Access-Control-Request-Method': 'GET', Origin: 'https://spa.example' };

  test.each([
    ['in its own words', { method: 'OPTIONS' }, {}],
    ['by a gateway', {}, { 'X-Forwarded-Method': 'OPTIONS', 'X-Forwarded-Uri': '/patients' }],
  ])('passes without a key, %s, and is nobody', async (_how, more, headers) => {
    const told = await ask({ ...withoutKey, ...more, headers: { ...preflight, ...headers } });
    expect(told).toMatchObject({ status: 200, text: '' });
    for (const name of identity) expect(told.headers[name]).toBe('');
  });

  test('is refused like any call where the API is not for browsers', async () => {
    const product = await aProduct(server.pool, { credentials: 'key' });
    const api = (await anApi(server.pool, { products: [product], cors: false })).id;
    const told = await ask({ ...withoutKey, api, method: 'OPTIONS', headers: preflight });
    expect(told.body.reason).toBe('key_missing');
  });

  test.each([
    ['a call that is not its own', { method: 'POST' }, {}],
    [
      'two gateways that differ',
      {},
      { 'X-Forwarded-Method': 'OPTIONS', 'X-Original-Method': 'POST' },
    ],
  ])('is not taken for %s', async (_what, more, headers) => {
    const told = await ask({ ...withoutKey, ...more, headers: { ...preflight, ...headers } });
    expect(told.status).toBe(401);
  });
});

describe('nginx, which hands on 401 and 403 alone', () => {
  const headers = { 'X-Gateway-Fold': '403' };

  test('is told what it was in a header', async () => {
    const told = await ask({ api: 'unknown', headers });
    expect(told).toMatchObject({ status: 403, headers: { 'x-gateway-status': '403' } });
  });

  test('gets 401 as it is', async () => {
    const told = await ask({ ...withoutKey, headers });
    expect(told).toMatchObject({ status: 401, headers: { 'x-gateway-status': '401' } });
  });

  test('gets 403 for a limit, with when to come again', async () => {
    const limited = await aKeyed(server.pool, { rate: { calls: 1, seconds: 60 } });
    const question = { api: limited.api.id, key: limited.key };
    const first = await ask(question);
    expect(first).toMatchObject({
      status: 200,
      headers: {
        'ratelimit-policy': '"rate";q=1;w=60',
        ratelimit: expect.stringMatching(/^"rate";r=0;t=\d+$/),
      },
    });
    const plain = await ask(question);
    expect(plain).toMatchObject({ status: 429, body: { reason: 'rate_exceeded' } });
    const folded = await ask({ ...question, headers });
    expect(folded).toMatchObject({
      status: 403,
      headers: { 'x-gateway-status': '429', 'retry-after': expect.stringMatching(/^[1-9]\d*$/) },
      body: { statusCode: 429 },
    });
  });
});

test.each([403, 429] as const)('a used up quota is answered with %d', async (quotaStatus) => {
  const quota = { calls: 1, seconds: 3600 };
  const limited = await aKeyed(server.pool, { quota, quotaStatus });
  const question = { api: limited.api.id, key: limited.key };
  expect((await ask(question)).status).toBe(200);
  expect(await ask(question)).toMatchObject({
    status: quotaStatus,
    headers: { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) },
    body: { reason: 'quota_exceeded' },
  });
});

test('cancelling and asking again begins no new quota', async () => {
  const limited = await aKeyed(server.pool, { quota: { calls: 1, seconds: 2_592_000 } });
  const { api, product, subscription } = limited;
  expect((await ask({ api: api.id, key: limited.key })).status).toBe(200);
  await server.pool.query(`update subscriptions set state = 'cancelled' where id = $1`, [
    subscription.id,
  ]);
  const again = await aSubscription(server.pool, {
    product,
    team: { id: subscription.teamId, name: 'Again', createdAt: new Date() },
  });
  const [primary] = await keysOf(server.pool, again);
  expect(await ask({ api: api.id, key: primary?.value ?? '' })).toMatchObject({
    status: 403,
    body: { reason: 'quota_exceeded' },
  });
});

describe('a gateway', () => {
  test.each([
    ['shows no credential', undefined],
    ['shows none of ours', 'nonsense'],
    ['makes one up', `sg_gw_${'A'.repeat(43)}`],
  ])('that %s is not answered', async (_what, credential) => {
    const told = await ask({ gateway: credential });
    expect(told).toMatchObject({ status: 401, body: { reason: 'gateway_unknown' } });
    expect(told.headers['www-authenticate']).toMatch(/^Gateway /);
  });

  test('counts what is opened at its base URL, and nothing else', async () => {
    const bound = await aGateway(server.pool, { baseUrlName: 'main' });
    expect((await ask({ gateway: bound })).status).toBe(200);
    const elsewhere = await aKeyed(server.pool);
    await anApi(server.pool, {
      id: elsewhere.api.id,
      products: [elsewhere.product],
      baseUrl: 'ward',
    });
    const question = { api: elsewhere.api.id, key: elsewhere.key };
    const byBound = () => ask({ ...question, gateway: bound });
    expect(await settled(byBound, 401)).toBeLessThan(1000); // the API has just moved there
    expect(await byBound()).toMatchObject({ body: { reason: 'subscription_other_product' } });
    expect((await ask(question)).status).toBe(200);
  });

  test('is not answered by a credential that was ended', async () => {
    const ended = await aGateway(server.pool);
    expect((await ask({ gateway: ended })).status).toBe(200);
    await endCredentialOf(server.pool, ended);
    await expect(settled(() => ask({ gateway: ended }), 401)).resolves.toBeLessThan(1000);
  });

  test('that keeps guessing is told to wait, and one that is known is not', async () => {
    const answers = await Promise.all(Array.from({ length: 320 }, () => ask({ gateway: 'guess' })));
    const waits = answers.filter(({ status }) => status === 429);
    expect(waits.length).toBeGreaterThan(0);
    expect(waits[0]?.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect((await ask()).status).toBe(200);
  });
});

describe('where no gateway has to show a credential', () => {
  let open: TestServer;
  beforeAll(async () => {
    open = await startServer({ databaseUrl, gatewaysShowCredential: false, limitAddresses: true });
  });
  afterAll(() => open.close());
  const asked = (more: Partial<Question> = {}) =>
    verify(open.baseUrl, { api: keyed.api.id, key: keyed.key, ...more });

  test('any is answered, but none that shows a wrong one', async () => {
    expect((await asked()).status).toBe(200);
    expect((await asked({ gateway })).status).toBe(200);
    expect((await asked({ gateway: 'wrong' })).body.reason).toBe('gateway_unknown');
  });

  test('whoever guesses at keys is told to wait, and a good key goes on', async () => {
    const guess = () => asked({ key: newKey('sandbox') });
    const answers = await Promise.all(Array.from({ length: 320 }, guess));
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    expect((await asked()).status).toBe(200);
  });
});

/** Milliseconds until it is answered so. */
async function settled(again: () => ReturnType<typeof ask>, status: number): Promise<number> {
  const from = performance.now();
  for (;;) {
    if ((await again()).status === status) return performance.now() - from;
    if (performance.now() - from > 3000) return Number.POSITIVE_INFINITY;
  }
}
