import { createRequire } from 'node:module';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { upsertAccountProfile } from '../../src/accounts/profile-store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asAccount, asTestUser, newBrowser, pkce, sentBack } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Stock code paths of three libraries: each compares `iss`, checks signatures and reads discovery by itself. */
describe('client libraries', () => {
  const databaseUrl = useDatabaseUrl();
  const redirectUri = 'https://client.example/callback';
  const loggedOutUri = 'https://client.example/bye';
  const scope = 'openid profile offline_access user/Observation.rs';
  let server: TestServer;
  let sandbox: { id: string; secret: string };
  let live: { id: string; secret: string };

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    sandbox = await aClientOf('sandbox');
    live = await aClientOf('live');
    await aTestUser(server.pool, {
      id: 'tu_gp',
      username: 'gp',
      password: 'published',
      claims: { given_name: 'Asha' },
    });

    const passwords = createPasswords();
    const passwordHash = await passwords.hash('correct horse battery');
    passwords.close();
    const account = await anAccount(server.pool, { email: 'ada@example.com', passwordHash });
    const place = { accountId: account.id, environment: 'live' as const };
    await upsertAccountProfile(server.pool, place, { role: 'gp', claims: {}, patient: null });
  });
  afterAll(() => server.close());

  async function aClientOf(environment: 'sandbox' | 'live') {
    const scopes = [
      { scope: 'user/Observation.rs', description: 'Read observations', isDefault: true },
      { scope: 'system/Observation.rs', description: 'Read observations', isDefault: true },
    ];
    const roleScopes = { gp: ['user/Observation.rs'] };
    const product = await aProduct(server.pool, { environment, scopes, roleScopes });
    const subscription = await aSubscription(server.pool, { product });
    return aClient(server.pool, {
      subscriptions: [subscription],
      postLogoutRedirectUris: [loggedOutUri],
    });
  }

  /** Whoever signs in where, and the `sub` that says so. */
  const environments = [
    { environment: 'sandbox', choice: asTestUser('tu_gp'), name: 'Example persona' },
    {
      environment: 'live',
      choice: asAccount('ada@example.com', 'correct horse battery'),
      name: 'Ada Example',
    },
  ] as const;
  const clientIn = (environment: 'sandbox' | 'live') =>
    environment === 'sandbox' ? sandbox : live;

  describe.each(environments)('openid-client in $environment', ({ environment, choice, name }) => {
    const configure = (algorithm: 'oidc' | 'oauth2') => {
      const { id, secret } = clientIn(environment);
      return openid.discovery(new URL(server[environment]), id, secret, undefined, {
        algorithm,
        execute: [openid.allowInsecureRequests], // this server listens on plain http of loopback
      });
    };

    test.each(['oidc', 'oauth2'] as const)(
      'discovers the issuer by its %s form',
      async (algorithm) => {
        const config = await configure(algorithm);
        expect(config.serverMetadata().issuer).toBe(server[environment]);
      },
    );

    test('takes a code through sign-in to userinfo, refresh, introspection, revocation and logout', async () => {
      const config = await configure('oidc');
      const verifier = openid.randomPKCECodeVerifier();
      const state = openid.randomState();
      const nonce = openid.randomNonce();
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const browser = newBrowser(server.baseUrl);
      const back = await sentBack(browser, url.href, choice);

      const checks = {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      };
      const first = await openid.authorizationCodeGrant(config, back, checks);
      expect(first).toMatchObject({
        scope: 'user/Observation.rs',
        refresh_token: expect.any(String),
      });
      const sub = first.claims()?.sub ?? '';
      expect(decodeJwt(first.access_token)).toMatchObject({ sub, env: environment });

      const me = await openid.fetchUserInfo(config, first.access_token, sub);
      expect(me).toMatchObject({ sub, name });

      const second = await openid.refreshTokenGrant(config, first.refresh_token ?? '');
      expect(second.refresh_token).not.toBe(first.refresh_token);
      const before = await openid.tokenIntrospection(config, second.access_token);
      expect(before).toMatchObject({ active: true, sub, client_id: clientIn(environment).id });

      await openid.tokenRevocation(config, second.access_token);
      const after = await openid.tokenIntrospection(config, second.access_token);
      expect(after).toEqual({ active: false });

      const goodbye = openid.buildEndSessionUrl(config, {
        id_token_hint: first.id_token ?? '',
        post_logout_redirect_uri: loggedOutUri,
        state: 'bye',
      });
      const left = await sentBack(browser, goodbye.href, { logout: 'yes' });
      expect(left.href).toBe(`${loggedOutUri}?state=bye`);
    });

    test('gets a token for itself by client credentials', async () => {
      const tokens = await openid.clientCredentialsGrant(await configure('oauth2'));
      expect(tokens).toMatchObject({ scope: 'system/Observation.rs', expires_in: 600 });
    });
  });

  test('openid-client gets a token by username and password', async () => {
    const config = await openid.discovery(
      new URL(server.sandbox),
      sandbox.id,
      sandbox.secret,
      undefined,
      {
        execute: [openid.allowInsecureRequests],
      },
    );
    const tokens = await openid.genericGrantRequest(config, 'password', {
      username: 'gp',
      password: 'published',
      scope,
    });
    expect(tokens.claims()).toMatchObject({ sub: 'tu_gp' });
    const again = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(decodeJwt(again.access_token)).toMatchObject({ sub: 'tu_gp', test_user: true });
  });

  describe.each(environments)('oauth4webapi in $environment', ({ environment, choice, name }) => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const discover = async (algorithm: 'oidc' | 'oauth2') => {
      const issuer = new URL(server[environment]);
      const answer = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
      return oauth.processDiscoveryResponse(issuer, answer);
    };
    const client = (): oauth.Client => ({ client_id: clientIn(environment).id });
    const authentication = () => oauth.ClientSecretBasic(clientIn(environment).secret);

    test.each(['oidc', 'oauth2'] as const)(
      'discovers the issuer by its %s form',
      async (algorithm) => {
        expect((await discover(algorithm)).issuer).toBe(server[environment]);
      },
    );

    test('takes a code through sign-in to userinfo, refresh, introspection, revocation and logout', async () => {
      const as = await discover('oidc');
      const verifier = oauth.generateRandomCodeVerifier();
      const url = new URL(as.authorization_endpoint ?? '');
      url.search = new URLSearchParams({
        response_type: 'code',
        client_id: client().client_id,
        redirect_uri: redirectUri,
        scope,
        state: 'a state',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }).toString();
      const browser = newBrowser(server.baseUrl);
      const back = oauth.validateAuthResponse(
        as,
        client(),
        await sentBack(browser, url.href, choice),
        'a state',
      );

      const exchanged = await oauth.authorizationCodeGrantRequest(
        as,
        client(),
        authentication(),
        back,
        redirectUri,
        verifier,
        insecure,
      );
      const first = await oauth.processAuthorizationCodeResponse(as, client(), exchanged, {
        requireIdToken: true,
      });
      await oauth.validateApplicationLevelSignature(as, exchanged, insecure);
      const sub = oauth.getValidatedIdTokenClaims(first)?.sub ?? '';

      const me = await oauth.userInfoRequest(as, client(), first.access_token, insecure);
      expect(await oauth.processUserInfoResponse(as, client(), sub, me)).toMatchObject({
        sub,
        name,
      });

      const refreshed = await oauth.refreshTokenGrantRequest(
        as,
        client(),
        authentication(),
        first.refresh_token ?? '',
        insecure,
      );
      const second = await oauth.processRefreshTokenResponse(as, client(), refreshed);
      const introspect = async () => {
        const answer = await oauth.introspectionRequest(
          as,
          client(),
          authentication(),
          second.access_token,
          insecure,
        );
        return oauth.processIntrospectionResponse(as, client(), answer);
      };
      expect(await introspect()).toMatchObject({ active: true, sub });

      const revoked = await oauth.revocationRequest(
        as,
        client(),
        authentication(),
        second.access_token,
        insecure,
      );
      await oauth.processRevocationResponse(revoked);
      expect(await introspect()).toEqual({ active: false });

      const goodbye = new URL(as.end_session_endpoint ?? '');
      goodbye.search = new URLSearchParams({
        client_id: client().client_id,
        post_logout_redirect_uri: loggedOutUri,
      }).toString();
      expect((await sentBack(browser, goodbye.href, { logout: 'yes' })).href).toBe(loggedOutUri);
    });

    test('reads our access token as a resource server would', async () => {
      const as = await discover('oauth2');
      const answer = await oauth.clientCredentialsGrantRequest(
        as,
        client(),
        authentication(),
        {},
        insecure,
      );
      const { access_token } = await oauth.processClientCredentialsResponse(as, client(), answer);
      const audience = String(decodeJwt(access_token).aud);
      const call = new Request('https://api.example/', {
        headers: { authorization: `Bearer ${access_token}` },
      });
      const claims = await oauth.validateJwtAccessToken(as, call, audience, insecure);
      expect(claims).toMatchObject({ sub: client().client_id, scope: 'system/Observation.rs' });
    });
  });

  test('oauth4webapi gets a token by username and password', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(server.sandbox);
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, insecure),
    );
    const client = { client_id: sandbox.id };
    const answer = await oauth.genericTokenEndpointRequest(
      as,
      client,
      oauth.ClientSecretPost(sandbox.secret),
      'password',
      { username: 'gp', password: 'published', scope },
      insecure,
    );
    const tokens = await oauth.processGenericTokenEndpointResponse(as, client, answer);
    expect(decodeJwt(tokens.access_token)).toMatchObject({ sub: 'tu_gp', test_user: true });
  });

  describe("client-oauth2, the library of Azure's portal", () => {
    // CommonJS, and its types know neither PKCE nor our Node.
    const ClientOAuth2 = createRequire(import.meta.url)('client-oauth2');
    const portal = (scopes: string[]) =>
      new ClientOAuth2({
        clientId: sandbox.id,
        clientSecret: sandbox.secret,
        authorizationUri: `${server.sandbox}/auth`,
        accessTokenUri: `${server.sandbox}/token`,
        redirectUri,
        scopes,
        state: 'c3RhdGU=',
      });

    test('exchanges a code with PKCE that was passed in by hand, and refreshes', async () => {
      const { verifier, challenge } = pkce();
      const query = { code_challenge: challenge, code_challenge_method: 'S256' };
      const client = portal(['openid', 'offline_access', 'user/Observation.rs']);
      const back = await sentBack(
        newBrowser(server.baseUrl),
        client.code.getUri({ query }),
        asTestUser('tu_gp'),
      );

      const token = await client.code.getToken(back.href, { body: { code_verifier: verifier } });
      expect(decodeJwt(token.accessToken)).toMatchObject({
        sub: 'tu_gp',
        scope: 'user/Observation.rs',
      });
      const next = await token.refresh();
      expect(decodeJwt(next.accessToken)).toMatchObject({
        sub: 'tu_gp',
        scope: 'user/Observation.rs',
      });
      expect(next.refreshToken).not.toBe(token.refreshToken);
    });

    test('gets a token for itself, its empty scope being the default', async () => {
      const token = await portal([]).credentials.getToken();
      expect(decodeJwt(token.accessToken)).toMatchObject({
        sub: sandbox.id,
        scope: 'system/Observation.rs',
      });
    });

    test('gets a token by username and password, and refreshes', async () => {
      const token = await portal(['openid', 'offline_access']).owner.getToken('gp', 'published');
      const next = await token.refresh();
      expect(decodeJwt(next.accessToken)).toMatchObject({ sub: 'tu_gp', test_user: true });
    });
  });
});
