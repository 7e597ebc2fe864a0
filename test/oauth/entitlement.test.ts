import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('a client that lost one of its subscriptions', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(() => server.close());

  test('a token dies with the subscription it was given by, though the client has another', async () => {
    const team = await aTeam(server.pool);
    const products = [await aProduct(server.pool), await aProduct(server.pool)] as const;
    const [kept, ended] = [
      await aSubscription(server.pool, { team, product: products[0] }),
      await aSubscription(server.pool, { team, product: products[1] }),
    ];
    const client = await aClient(server.pool, { subscriptions: [kept, ended] });
    const tokenFor = async (resource: string) => {
      const form = { grant_type: 'client_credentials', resource };
      const { body } = await post(`${server.sandbox}/token`, client, form);
      return String(body.access_token);
    };
    const tokens = [await tokenFor(products[0].audience), await tokenFor(products[1].audience)];
    const active = async () => {
      const answers = tokens.map((token) =>
        post(`${server.sandbox}/token/introspection`, client, { token }),
      );
      return (await Promise.all(answers)).map(({ body }) => body);
    };
    expect(await active()).toMatchObject([{ active: true }, { active: true }]);

    await server.pool.query(`update subscriptions set state = 'cancelled' where id = $1`, [
      ended.id,
    ]);
    expect(await active()).toMatchObject([{ active: true }, {}]);
    expect((await active())[1]).toEqual({ active: false });
  });
});
