import { decodeJwt } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asTestUser,
  authorizationUrl,
  buyTokens,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  sentBack,
} from '../support/flow.ts';
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

  describe('in one browser session, where more was allowed before', () => {
    const all = 'openid profile email offline_access read';
    const everything = { sub: 'tu_gp', name: 'Dr Asha Menon', email: 'gp@example.com' };
    const nothing = [403, 'insufficient_scope'];
    const refusal = async (token: unknown) => {
      const answer = await me(token);
      return [answer.status, ((await answer.json()) as { error: string }).error];
    };

    beforeAll(() =>
      aTestUser(server.pool, {
        id: 'tu_gp',
        name: 'Dr Asha Menon',
        claims: { email: 'gp@example.com' },
      }),
    );

    /** One browser: whoever uses it is asked once, and later requests pass silently. */
    async function aSession() {
      const { client } = await aSubscribed();
      const browser = newBrowser(server.baseUrl);
      const buyHere = async (scope: string, more: Record<string, string> = {}) => {
        const { verifier, challenge } = pkce();
        const url = authorizationUrl(server.sandbox, client, challenge, { scope });
        const back = await sentBack(browser, url, asTestUser('tu_gp'));
        const { body } = await post(`${server.sandbox}/token`, client, {
          grant_type: 'authorization_code',
          code: back.searchParams.get('code') ?? '',
          redirect_uri: redirectUri,
          code_verifier: verifier,
          ...more,
        });
        return body;
      };
      const refresh = async (token: unknown, scope?: string) => {
        const form = { grant_type: 'refresh_token', refresh_token: String(token) };
        const { body } = await post(`${server.sandbox}/token`, client, {
          ...form,
          ...(scope && { scope }),
        });
        return body;
      };
      return { buyHere, refresh };
    }

    test('a token tells what it was asked for itself', async () => {
      const { buyHere } = await aSession();
      const wide = (await buyHere(all)).access_token;
      expect(await (await me(wide)).json()).toEqual(everything);
      expect(decodeJwt(String(wide)).oidc_scope).toBe('openid profile email');

      const narrow = (await buyHere('openid')).access_token;
      expect(await (await me(narrow)).json()).toEqual({ sub: 'tu_gp' });
      expect(decodeJwt(String(narrow)).oidc_scope).toBe('openid');

      const plain = (await buyHere('read')).access_token;
      expect(await refusal(plain)).toEqual(nothing);
      expect(decodeJwt(String(plain))).not.toHaveProperty('oidc_scope');
    });

    test('the token request itself widens nothing', async () => {
      const { buyHere } = await aSession();
      await buyHere(all);
      const { access_token } = await buyHere('openid', { scope: all });
      expect(await (await me(access_token)).json()).toEqual({ sub: 'tu_gp' });
    });

    test('a refresh may ask for less, and then tells less', async () => {
      const { buyHere, refresh } = await aSession();
      const first = await buyHere(all);
      const plain = await refresh(first.refresh_token, 'read');
      expect(await refusal(plain.access_token)).toEqual(nothing);
      const narrow = await refresh(plain.refresh_token, 'openid read');
      expect(await (await me(narrow.access_token)).json()).toEqual({ sub: 'tu_gp' });
      const wide = await refresh(narrow.refresh_token);
      expect(await (await me(wide.access_token)).json()).toEqual(everything);
      expect(decodeJwt(String(wide.access_token)).oidc_scope).toBe('openid profile email');
    });
  });
});
