import { useDatabaseUrl } from '../support/database.ts';
import { asTestUser, buyTokens, pkce, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const machine = { grant_type: 'client_credentials' };

describe('a browser page that calls the endpoints itself (CORS)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: Awaited<ReturnType<typeof aClient>>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const subscriptions = [
      await aSubscription(server.pool, { product: await aProduct(server.pool) }),
    ];
    client = await aClient(server.pool, {
      subscriptions,
      redirectUris: [
        'https://portal.example/signin-oauth/code/callback/one',
        'bruno://app/oauth2/callback',
      ],
      allowedOrigins: ['https://docs.example'],
    });
    await aTestUser(server.pool, { id: 'tu_gp' });
  });
  afterAll(() => server.close());

  const from = (origin: string, form: Record<string, string> = machine, path = '/token') =>
    post(server.sandbox + path, client, form, { origin });

  test.each(['https://portal.example', 'https://docs.example'])(
    '%s, the origin of a redirect or an allowed one, reads success and refusal',
    async (origin) => {
      const answers = [
        await from(origin),
        await from(origin, { grant_type: 'magic' }),
        await from(origin, {
          grant_type: 'authorization_code',
          code: 'x',
          redirect_uri: 'x',
          code_verifier: pkce().verifier,
        }),
        await post(`${server.sandbox}/token`, { id: client.id, secret: 'wrong' }, machine, {
          origin,
        }),
        await from(origin, { token: 'x' }, '/token/introspection'),
        await from(origin, { token: 'x' }, '/token/revocation'),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 401, 200, 200]);
      for (const { headers } of answers) {
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('access-control-allow-credentials')).toBeNull();
        expect(headers.get('vary')).toMatch(/Origin/i);
      }
    },
  );

  test.each([
    'https://foreign.example',
    'http://portal.example',
    'https://portal.example:8443',
    'https://portal.example.foreign.example',
    'null',
    'bruno://app',
  ])('%s reads nothing and gets no token', async (origin) => {
    for (const path of ['/token', '/token/introspection', '/token/revocation']) {
      const { status, headers, body } = await from(origin, { ...machine, token: 'x' }, path);
      expect([status, headers.get('access-control-allow-origin')]).toEqual([400, null]);
      expect(body).not.toHaveProperty('access_token');
      expect(body.error_description).not.toContain(client.id);
    }
  });

  test('userinfo reads for the pages of the token’s own client only', async () => {
    const given = { ...client, redirectUri: client.redirectUris[0] ?? '' };
    const { body } = await buyTokens(server.sandbox, given, asTestUser('tu_gp'), {
      scope: 'openid',
    });
    const me = (origin: string) =>
      fetch(`${server.sandbox}/me`, {
        headers: { authorization: `Bearer ${body.access_token}`, origin },
      });
    const own = await me('https://docs.example');
    expect([own.status, own.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://docs.example',
    ]);
    const foreign = await me('https://foreign.example');
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([
      400,
      null,
    ]);
  });

  test('a preflight is answered for every origin: the call itself is judged', async () => {
    const answer = await fetch(`${server.sandbox}/token`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://portal.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-requested-with',
      },
    });
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': 'https://portal.example',
      'access-control-allow-headers': 'authorization,content-type,x-requested-with',
      'access-control-allow-methods': 'POST',
    });
  });

  test('a caller that is no browser needs no origin', async () => {
    expect((await post(`${server.sandbox}/token`, client, machine)).status).toBe(200);
  });
});
