import { useDatabaseUrl } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aCaller, aStage, type Caller } from './stage.ts';

describe('many writes at once', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let caller: Caller;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    caller = await aCaller(server, await aStage(server.pool), { on: 'sandbox' });
  });
  afterAll(() => server.close());

  // Each holds a connection until its answer is kept: if one of them waited for a second, all would
  // wait for each other, and everybody else for them.
  test('that have keys of their own are all answered, twice as many as there are connections', async () => {
    const { body } = await caller.call('GET', '/subscriptions');
    const subscriptions = [body.items[0].id];
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        caller.call('POST', '/clients', {
          headers: { 'idempotency-key': `client-${at}` },
          body: { name: `Client ${at}`, grant_types: ['client_credentials'], subscriptions },
        }),
      ),
    );
    expect(made.map(({ status }) => status)).toEqual(Array(20).fill(201));
    const deleted = await Promise.all(
      made.map(({ body: client }, at) =>
        caller.call('DELETE', `/clients/${client.id}`, {
          headers: { 'idempotency-key': `end-${at}` },
        }),
      ),
    );
    expect(deleted.map(({ status }) => status)).toEqual(Array(20).fill(204));
  }, 20_000);
});
