import { setTimeout as sleep } from 'node:timers/promises';
import { createPasswords } from '../../src/base/passwords.ts';
import { aGateway, anApi, verify } from '../gateway/stage.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aSubscriber, keysOf, type Subscriber } from './subscriber.ts';

// The whole way: a gateway asks, and a second later the team reads what became of it.
describe('calls that a gateway asked about', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let someone: Subscriber;
  let ask: (more?: { key?: string; behind?: string }) => ReturnType<typeof verify>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const rate = { calls: 3, seconds: 3600 };
    const product = await aProduct(server.pool, { name: 'Read Records', credentials: 'key', rate });
    const paths = { '/Patient/{id}': { get: { responses: {} } } };
    const api = await anApi(server.pool, { products: [product], document: { paths } });
    someone = await aSubscriber(server, passwords, { product });
    const [primary] = await keysOf(server, someone.subscription.id);
    const gateway = await aGateway(server.pool);
    const isKnown = async () =>
      (await verify(server.baseUrl, { api: 'none', gateway })).body.reason === 'api_unknown';
    while (!(await isKnown())) await sleep(50); // told to the server as it is written down
    const question = { api: api.id, gateway, behind: `/${api.id}/Patient/7` };
    ask = (more = {}) =>
      verify(server.baseUrl, { ...question, key: primary?.value ?? '', ...more });
  }, 60_000);
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const read = async (path: string) => (await someone.open(path)).text.replace(/\s+/g, ' ');
  /** What is counted and written down each second. */
  async function soon(path: string, words: string): Promise<string> {
    for (let count = 0; count < 30; count += 1) {
      const text = await read(path);
      if (text.includes(words)) return text;
      await sleep(100);
    }
    return read(path);
  }

  test('are counted, and the one too many is explained under the ID that its caller was told', async () => {
    for (let n = 0; n < 3; n += 1) expect(await ask()).toMatchObject({ status: 200 });
    const refused = await ask();
    expect(refused.status).toBe(429);
    const requestId = String(refused.headers['x-request-id']);

    const page = await soon(`/use/refusals/${requestId}`, 'How to mend it');
    expect(page).toContain('There were more calls than the product allows in this short time.');
    expect(page).toContain('<code>GET /Patient/{id}</code>');
    expect(await read('/use/refusals')).toContain(requestId);

    const use = await soon('/use?by=hour&of=operation', '<strong>4 calls</strong>');
    expect(use).toContain('<strong>4 calls</strong>, 1 of them');
    expect(use).toMatch(/GET \/Patient\/\{id\}<\/code>.*?<td data-label="Calls">4</);
    expect(await read('/')).toContain('>4 calls<');
    expect(await read(someone.path)).toContain(
      '<strong>4 calls</strong> in the last 30 days, 1 of them refused',
    );
  });

  test('with a key that nobody has are nobody’s to read', async () => {
    const refused = await ask({ key: 'not-a-key-of-ours' });
    expect(refused.status).toBe(401);
    await sleep(1_500);
    expect((await someone.open(`/use/refusals/${refused.headers['x-request-id']}`)).status).toBe(
      404,
    );
  });
});
