import { regenerateKey } from '../../src/subscriptions/key-service.ts';
import { cancel } from '../../src/subscriptions/service.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aLink, type Link } from '../support/link.ts';
import { aClient, keyring } from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';
import { aGateway, aKeyed, keysOf, type Question, tokenOf, verify } from './stage.ts';

const databaseUrl = useDatabaseUrl();
let server: TestServer;
let second: TestServer & { address: string };
let link: Link;
let gateway: string;

beforeAll(async () => {
  server = await startServer({ databaseUrl });
  link = await aLink(databaseUrl);
  second = await startInstance({ databaseUrl: link.databaseUrl, baseUrl: server.baseUrl });
  gateway = await aGateway(server.pool);
});
afterAll(async () => {
  link.mend();
  await second.close();
  await link.close();
  await server.close();
});

const first = (question: Omit<Question, 'gateway'>) =>
  verify(server.baseUrl, { gateway, ...question });
const other = (question: Omit<Question, 'gateway'>) =>
  verify(second.address, { gateway, ...question });
const later = (ms: number) => new Promise((passed) => setTimeout(passed, ms));

/** Allowed by the second instance, after all was heard that was told of how it came to be. */
async function known(question: Omit<Question, 'gateway'>): Promise<void> {
  await later(300);
  expect((await other(question)).status).toBe(200);
}

/** Milliseconds until it is so. */
async function until(holds: () => Promise<boolean>, patience = 6000): Promise<number> {
  const from = performance.now();
  while (!(await holds())) {
    if (performance.now() - from > patience) return Number.POSITIVE_INFINITY;
    await later(10);
  }
  return performance.now() - from;
}

test('a key made anew with “now” is refused by both within a second, and the other goes on', async () => {
  const { api, subscription, member, key, secondary } = await aKeyed(server.pool);
  for (const ask of [first, other]) {
    expect((await ask({ api: api.id, key })).status).toBe(200);
    expect((await ask({ api: api.id, key: secondary })).status).toBe(200);
  }
  const [primary] = await keysOf(server.pool, subscription);
  await regenerateKey({ pool: server.pool, keyring, baseUrl: server.baseUrl }, member, {
    subscriptionId: subscription.id,
    keyId: primary?.id ?? '',
    overlap: 'now',
  });
  for (const ask of [first, other]) {
    const refused = async () => (await ask({ api: api.id, key })).body.reason === 'key_expired';
    expect(await until(refused)).toBeLessThan(1000);
    expect((await ask({ api: api.id, key: secondary })).status).toBe(200);
  }
});

test('a subscription that is cancelled takes key and token with it, on both', async () => {
  const { api, subscription, member, key } = await aKeyed(server.pool, {
    credentials: 'key_and_token',
  });
  const client = await aClient(server.pool, { subscriptions: [subscription] });
  const token = (await tokenOf(server.baseUrl, client)).access_token;
  for (const ask of [first, other]) {
    expect((await ask({ api: api.id, key, token })).status).toBe(200);
  }
  await cancel(server, member, subscription.id);
  for (const ask of [first, other]) {
    expect(
      await until(async () => (await ask({ api: api.id, key, token })).status === 401),
    ).toBeLessThan(1000);
  }
});

test('what is known is answered without the database', async () => {
  const { api, subscription, key } = await aKeyed(server.pool, { credentials: 'key_and_token' });
  const client = await aClient(server.pool, { subscriptions: [subscription] });
  const token = (await tokenOf(server.baseUrl, client)).access_token;
  expect((await first({ api: api.id, key, token })).status).toBe(200);

  const asked: string[] = [];
  const query = server.pool.query;
  server.pool.query = ((...given: Parameters<typeof query>) => {
    asked.push(JSON.stringify(given[0]));
    return query.apply(server.pool, given);
  }) as typeof query;
  try {
    for (let n = 0; n < 200; n += 1) await first({ api: api.id, key, token });
  } finally {
    server.pool.query = query;
  }
  const flushes = asked.filter((text) => /use_hours|refusals|last_used_at/.test(text));
  expect(asked).toEqual(flushes);
});

describe('without the database', () => {
  afterEach(async () => {
    link.mend();
    const { api, key } = await aKeyed(server.pool);
    expect(
      await until(async () => (await other({ api: api.id, key })).status === 200),
    ).toBeLessThan(6000);
  });

  test.each(['cut', 'hang'] as const)('(%s) nobody is let through after a second', async (how) => {
    const { api, key } = await aKeyed(server.pool);
    expect((await other({ api: api.id, key })).status).toBe(200);
    link[how]();
    await later(1000);
    const told = await other({ api: api.id, key });
    expect(told).toMatchObject({ status: 503, body: { reason: 'unavailable' } });
    expect(told.headers['retry-after']).toBe('1');
    const folded = await other({ api: api.id, key, headers: { 'X-Gateway-Fold': '403' } });
    expect(folded).toMatchObject({ status: 403, headers: { 'x-gateway-status': '503' } });
  });

  test('a product that allows it is answered from what was known, for as long as it says', async () => {
    const { api, key } = await aKeyed(server.pool, { staleSeconds: 3 });
    const strict = await aKeyed(server.pool);
    const unseen = await aKeyed(server.pool, { staleSeconds: 3 });
    await known({ api: strict.api.id, key: strict.key });
    await known({ api: api.id, key });
    link.cut();
    const from = performance.now();
    await later(1500);
    expect((await other({ api: api.id, key })).status).toBe(200);
    expect((await other({ api: strict.api.id, key: strict.key })).status).toBe(503);
    expect((await other({ api: unseen.api.id, key: unseen.key })).status).toBe(503);
    expect((await other({ api: 'unknown', key })).status).toBe(503);
    await until(async () => (await other({ api: api.id, key })).status === 503);
    expect(performance.now() - from).toBeGreaterThan(2500);
    expect(performance.now() - from).toBeLessThan(3500);
  });

  test('what was taken away meanwhile is refused from the first answer on', async () => {
    const { api, key } = await aKeyed(server.pool);
    await known({ api: api.id, key });
    link.cut();
    await later(1200);
    await server.pool.query('update subscription_keys set expires_at = now()');
    link.mend();
    const answers: number[] = [];
    await until(async () => {
      answers.push((await other({ api: api.id, key })).status);
      return answers.at(-1) !== 503;
    });
    expect(answers.at(-1)).toBe(401);
    expect(answers).not.toContain(200);
  });
});
