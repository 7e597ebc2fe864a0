import { useDatabaseUrl } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aCaller, aStage, type Caller, type Stage } from './stage.ts';

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

  test('a token of a team lists the products of its environment', async () => {
    const { status, headers, body } = await sandbox.call('GET', '/products');
    expect({ status, body }).toEqual({
      status: 200,
      body: { items: [expect.objectContaining({ id: 'manage-sandbox' })], next: null },
    });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
  });
});
