import { useDatabaseUrl } from '../support/database.ts';
import { asTestUser, buyTokens, type CodeClient, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';

describe('userinfo (OpenID Connect Core section 5.3)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const claims = {
      given_name: 'Asha',
      family_name: 'Menon',
      email: 'gp@example.com',
      email_verified: true,
      nhs_number: '1',
    };
    await aTestUser(server.pool, { id: 'tu_gp', name: 'Dr Asha Menon', claims });
  });
  afterAll(() => server.close());

  async function aSubscribed() {
    const product = await aProduct(server.pool);
    const subscription = await aSubscription(server.pool, { product });
    const client: CodeClient = {
      ...(await aClient(server.pool, { subscriptions: [subscription] })),
      redirectUri,
    };
    return { subscription, client };
  }
  const buy = async (client: CodeClient, scope: string) =>
    (await buyTokens(server.sandbox, client, asTestUser('tu_gp'), { scope })).body;
  const me = (token: unknown, scheme = 'Bearer') =>
    fetch(`${server.sandbox}/me`, { headers: { authorization: `${scheme} ${token}` } });

  test.each([
    ['openid', { sub: 'tu_gp' }],
    [
      'openid profile',
      { sub: 'tu_gp', name: 'Dr Asha Menon', given_name: 'Asha', family_name: 'Menon' },
    ],
    ['openid email', { sub: 'tu_gp', email: 'gp@example.com', email_verified: true }],
  ])('%s tells exactly that', async (scope, claims) => {
    const { client } = await aSubscribed();
    const { access_token } = await buy(client, `${scope} read`);
    for (const scheme of ['Bearer', 'bearer']) {
      expect(await (await me(access_token, scheme)).json()).toEqual(claims);
    }
  });

  test('a token counts no more once its grant, its persona or its subscription is gone', async () => {
    const ends: [
      string,
      (given: Awaited<ReturnType<typeof aSubscribed>>, token: string) => Promise<unknown>,
    ][] = [
      [
        'revoked',
        ({ client }, token) => post(`${server.sandbox}/token/revocation`, client, { token }),
      ],
      [
        'its grant gone',
        ({ client }) =>
          server.pool.query(
            `delete from oidc_records where kind = 'Grant' and payload->>'clientId' = $1`,
            [client.id],
          ),
      ],
      [
        'its subscription suspended',
        ({ subscription }) =>
          server.pool.query(`update subscriptions set state = 'suspended' where id = $1`, [
            subscription.id,
          ]),
      ],
      [
        'its client deleted',
        ({ client }) => server.pool.query('delete from clients where id = $1', [client.id]),
      ],
      ['its persona deleted', () => server.pool.query(`delete from test_users where id = 'tu_gp'`)],
    ];
    for (const [what, end] of ends) {
      const given = await aSubscribed();
      const { access_token } = await buy(given.client, 'openid');
      expect([what, (await me(access_token)).status]).toEqual([what, 200]);
      await end(given, String(access_token));
      const answer = await me(access_token);
      expect([what, answer.status]).toEqual([what, 401]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    }
  });

  test('a token of one environment is nothing in the other', async () => {
    await aTestUser(server.pool, { id: 'tu_gp' });
    const { client } = await aSubscribed();
    const { access_token } = await buy(client, 'openid');
    const answer = await fetch(`${server.live}/me`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(answer.status).toBe(401);
  });

  test('a token comes in the header and nowhere else (RFC 6750 section 2.1)', async () => {
    const { client } = await aSubscribed();
    const { access_token } = await buy(client, 'openid');
    const body = new URLSearchParams({ access_token: String(access_token) });
    const inForm = await fetch(`${server.sandbox}/me`, { method: 'POST', body });
    expect(inForm.status).toBe(401);
    const inQuery = await fetch(`${server.sandbox}/me?access_token=${access_token}`);
    expect(inQuery.status).toBeGreaterThanOrEqual(400);
    const posted = await fetch(`${server.sandbox}/me`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(posted.status).toBe(200);
  });
});
