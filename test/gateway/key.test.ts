import { useDatabaseUrl } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aGateway, aKeyed, verify } from './stage.ts';

const databaseUrl = useDatabaseUrl();
let server: TestServer;
let gateway: string;
let keyed: Awaited<ReturnType<typeof aKeyed>>;

beforeAll(async () => {
  server = await startServer({ databaseUrl });
  gateway = await aGateway(server.pool);
  keyed = await aKeyed(server.pool);
});
afterAll(() => server.close());

const ask = (more: Partial<Parameters<typeof verify>[1]> = {}) =>
  verify(server.baseUrl, { api: keyed.api.id, key: keyed.key, gateway, ...more });

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
});
