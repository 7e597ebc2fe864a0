import { decodeJwt, decodeProtectedHeader } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { answerOf, authorizationUrl, newBrowser, pkce, post, submit } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('the authorization code grant (RFC 6749 section 4.1)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: Awaited<ReturnType<typeof aClient>> & { redirectUri: string };

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const product = await aProduct(server.pool, { subjects: 'test_users' });
    const subscription = await aSubscription(server.pool, { product });
    const made = await aClient(server.pool, { subscriptions: [subscription] });
    client = { ...made, redirectUri: made.redirectUris[0] ?? '' };
    await aTestUser(server.pool, { id: 'tu_gp', name: 'Dr Asha Menon' });
  });
  afterAll(() => server.close());

  test('one click as a test user buys a token, which userinfo and introspection understand', async () => {
    const browser = newBrowser(server.baseUrl);
    const { verifier, challenge } = pkce();
    const page = await browser.open(
      authorizationUrl(server.sandbox, client, challenge, { scope: 'openid read' }),
    );
    expect(page).toMatchObject({ status: 200 });
    expect(page.text).toContain('Dr Asha Menon');

    const back = answerOf(
      await submit(browser, page, {
        decision: 'authorize',
        use_test_user: 'yes',
        test_user: 'tu_gp',
      }),
    );
    expect(Object.fromEntries(back)).toMatchObject({ state: 'state+/=', iss: server.sandbox });

    const token = await post(`${server.sandbox}/token`, client, {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirectUri,
      code_verifier: verifier,
    });
    expect(token.body).toMatchObject({ token_type: 'Bearer', scope: 'read', expires_in: 600 });
    const jwt = String(token.body.access_token);
    expect(decodeProtectedHeader(jwt)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' });
    expect(decodeJwt(jwt)).toMatchObject({
      sub: 'tu_gp',
      env: 'sandbox',
      test_user: true,
      scope: 'read',
      client_id: client.id,
    });

    const introspected = await post(`${server.sandbox}/token/introspection`, client, {
      token: jwt,
    });
    expect(introspected.body).toMatchObject({ active: true, sub: 'tu_gp' });
    const me = await fetch(`${server.sandbox}/me`, { headers: { authorization: `Bearer ${jwt}` } });
    expect([me.status, await me.json()]).toEqual([200, { sub: 'tu_gp' }]);
  });
});
