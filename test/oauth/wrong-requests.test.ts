import { type OutgoingHttpHeaders, request } from 'node:http';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asTestUser,
  authorizationUrl,
  buyCode,
  buyTokens,
  type CodeClient,
  pkce,
  post,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Credentials = { id: string; secret: string };
type Form = Record<string, string> | string;

const redirectUri = 'https://client.example/callback';
const machine = { grant_type: 'client_credentials' };
const noPkce = { code_challenge: '', code_challenge_method: '' };
const pastLimit = 'x'.repeat(50_000);

const basic = ({ id, secret }: Credentials) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

describe('a wrong request', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  /** May do everything, on one active product. */
  let client: Credentials & CodeClient;
  let audience: string;
  let codesOnly: Credentials;
  let browserApp: Credentials;
  let suspended: Credentials;
  const nobody = { id: 'nobody', secret: 'nothing' };
  const wrongSecret = () => ({ id: client.id, secret: 'wrong' });

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const scopes = [
      { scope: 'read', description: 'Read', isDefault: true },
      { scope: 'write', description: 'Write', isDefault: false },
    ];
    const product = await aProduct(server.pool, { name: 'Prüfung', scopes });
    audience = product.audience;
    const subscription = await aSubscription(server.pool, { product });
    const subscriptions = [subscription];
    const gone = await aSubscription(server.pool, { product, state: 'suspended' });
    client = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
    codesOnly = await aClient(server.pool, { subscriptions, grantTypes: ['authorization_code'] });
    browserApp = await aClient(server.pool, { subscriptions, authMethod: 'none' });
    suspended = await aClient(server.pool, { subscriptions: [gone] });
    await aTestUser(server.pool, { id: 'tu_gp', username: 'gp', password: 'published' });
    await aTestUser(server.pool, { id: 'tu_cook', username: 'cook', role: 'cook' });
  });
  afterAll(() => server.close());

  const send = (path: string, form: Form, headers: Record<string, string>) =>
    fetch(server.sandbox + path, { method: 'POST', headers, body: new URLSearchParams(form) });
  const token = (form: Form, headers: Record<string, string> = basic(client)) =>
    send('/token', form, headers);
  const introspect = (form: Form, headers: Record<string, string> = basic(client)) =>
    send('/token/introspection', form, headers);
  const revoke = (form: Form, headers: Record<string, string> = basic(client)) =>
    send('/token/revocation', form, headers);
  const userinfo = (headers: Record<string, string>, query = '') =>
    fetch(`${server.sandbox}/me${query}`, { headers });

  /** A new code, with this and that changed in the token request; '': left out. */
  const exchange = async (changed: Record<string, string>, as: Credentials = client) => {
    const form = { ...(await aCode()), ...changed };
    const sent = Object.entries(form).filter(([, value]) => value !== '');
    return token(Object.fromEntries(sent), basic(as));
  };
  const aCode = () =>
    buyCode(server.sandbox, client, asTestUser('tu_gp'), { scope: 'openid read' });
  const tokensOf = async (scope: string) =>
    (await buyTokens(server.sandbox, client, asTestUser('tu_gp'), { scope })).body;
  const usedCode = async () => {
    const form = await aCode();
    expect((await token(form)).status).toBe(200);
    return token(form);
  };
  const expiredCode = async () => {
    const form = await aCode();
    await server.pool.query(
      `update oidc_records set payload = payload || '{"exp": 1}' where kind = 'AuthorizationCode'`,
    );
    return token(form);
  };
  const machineToken = async () => {
    const { body } = await post(`${server.sandbox}/token`, client, machine);
    return String(body.access_token);
  };

  const page = (path: string) =>
    fetch(server.sandbox + path, { redirect: 'manual', headers: { accept: 'text/html' } });
  /** A right authorization request, with this and that changed; '': left out. */
  const authorize = (changed: Record<string, string>, appended = '') => {
    const url = new URL(authorizationUrl(server.sandbox, client, pkce().challenge, changed));
    for (const [name, value] of Object.entries(changed)) {
      if (value === '') url.searchParams.delete(name);
    }
    return page(`/auth${url.search}${appended}`);
  };

  /** What each endpoint says: as JSON to programs, by a redirect to the client, else on a page. */
  async function refusalOf(answer: Response) {
    const text = await answer.text();
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(text).not.toMatch(/node_modules|\.[jt]s:\d|oidc_records|select |postgres|localhost:/i);

    const location = answer.headers.get('location');
    if (location) {
      const { origin, search, hash } = new URL(location);
      expect(origin).toBe('https://client.example');
      const given = Object.fromEntries(new URLSearchParams(search || hash.slice(1)));
      expect(given).toMatchObject({ state: 'state+/=', iss: server.sandbox });
      return { ...given, way: 'redirect' };
    }
    if (text.trimStart().startsWith('<')) {
      const of = (pattern: RegExp) => pattern.exec(text)?.[1] ?? '';
      const error = of(/<dt>Error<\/dt><dd><code>([^<]+)/);
      return { error, error_description: of(/<h1>[\s\S]*?<p>([^<]+)/), way: 'page' };
    }
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    return { ...JSON.parse(text), way: 'json' };
  }

  type Row = [what: string, outcome: string, request: () => Promise<Response>];

  const ofClients: Row[] = [
    ['an unknown client', '401 invalid_client', () => token(machine, basic(nobody))],
    ['a wrong secret', '401 invalid_client', () => token(machine, basic(wrongSecret()))],
    [
      'a client with a secret that only names itself',
      '401 invalid_client',
      () => token({ ...machine, client_id: client.id }, {}),
    ],
    ['nobody at all', '400 invalid_request', () => token(machine, {})],
    [
      'credentials in two ways',
      '400 invalid_request',
      () => token({ ...machine, client_secret: client.secret }),
    ],
    ['two client_ids', '400 invalid_request', () => token({ ...machine, client_id: 'other' })],
    [
      'credentials in the query',
      '400 invalid_request',
      () => send(`/token?client_id=${client.id}&client_secret=${client.secret}`, machine, {}),
    ],
    [
      'a Bearer token for credentials',
      '400 invalid_request',
      () => token(machine, { authorization: 'Bearer x' }),
    ],
    [
      'Basic that is no base64',
      '400 invalid_request',
      () => token(machine, { authorization: 'Basic !' }),
    ],
    [
      'Basic with half a percent sign',
      '400 invalid_request',
      () => token(machine, basic({ id: '%z', secret: 'x' })),
    ],
    [
      'Basic without a secret',
      '400 invalid_request',
      () => token(machine, basic({ id: browserApp.id, secret: '' })),
    ],
    [
      'a client whose subscription is suspended',
      '401 invalid_client',
      () => token(machine, basic(suspended)),
    ],
    [
      'a suspended client at another spelling of the endpoint',
      '401 invalid_client',
      () => send('/TOKEN/', machine, basic(suspended)),
    ],
    [
      'a client of the other environment',
      '401 invalid_client',
      () =>
        fetch(`${server.live}/token`, {
          method: 'POST',
          headers: basic(client),
          body: new URLSearchParams(machine),
        }),
    ],
  ];

  const ofTokenRequests: Row[] = [
    ['no grant_type', '400 invalid_request', () => token({})],
    ['an unknown grant_type', '400 unsupported_grant_type', () => token({ grant_type: 'magic' })],
    ['the implicit grant', '400 unsupported_grant_type', () => token({ grant_type: 'implicit' })],
    [
      'the device grant',
      '400 unsupported_grant_type',
      () => token({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }),
    ],
    [
      'a grant that this client may not use',
      '400 unauthorized_client',
      () => token(machine, basic(codesOnly)),
    ],
    [
      'the same parameter twice',
      '400 invalid_request',
      () => token('grant_type=client_credentials&scope=read&scope=read'),
    ],
    [
      'grant_type twice',
      '400 invalid_request',
      () => token('grant_type=client_credentials&grant_type=client_credentials'),
    ],
    [
      'client_id twice',
      '400 invalid_request',
      () => token('grant_type=client_credentials&client_id=a&client_id=b', {}),
    ],
    ['an unknown scope', '400 invalid_scope', () => token({ ...machine, scope: 'nothing' })],
    [
      'a scope with a quotation mark',
      '400 invalid_scope',
      () => token({ ...machine, scope: 're"ad' }),
    ],
    [
      'a scope of two lines',
      '400 invalid_scope',
      () => token({ ...machine, scope: 'read\nwrite' }),
    ],
    ['openid for a machine', '400 invalid_scope', () => token({ ...machine, scope: 'openid' })],
    ['one scope of 50 kB', '400 invalid_scope', () => token({ ...machine, scope: pastLimit })],
    [
      '25,000 scopes',
      '400 invalid_scope',
      () => token({ ...machine, scope: `${'s '.repeat(25_000)}s` }),
    ],
    [
      'a form of 70 kB',
      '400 invalid_request',
      () => token({ ...machine, state: 'x'.repeat(70_000) }),
    ],
    [
      'an unknown resource',
      '400 invalid_target',
      () => token({ ...machine, resource: 'https://b.example' }),
    ],
    [
      'a resource that is no URI',
      '400 invalid_target',
      () => token({ ...machine, resource: 'api' }),
    ],
    [
      'two resources',
      '400 invalid_target',
      () =>
        token(
          'grant_type=client_credentials&resource=https://a.example&resource=https://b.example',
        ),
    ],
    [
      'NUL in a client_id',
      '401 invalid_client',
      () => token({ ...machine, client_id: 'a\0', client_secret: 'b\0' }, {}),
    ],
    ['NUL in a scope', '400 invalid_scope', () => token({ ...machine, scope: 'a\0' })],
    [
      'NUL in a username',
      '400 invalid_grant',
      () => token({ grant_type: 'password', username: 'a\0', password: 'b\0' }),
    ],
    [
      'NUL in a code',
      '400 invalid_grant',
      () =>
        token({
          grant_type: 'authorization_code',
          code: 'a\0',
          redirect_uri: redirectUri,
          code_verifier: pkce().verifier,
        }),
    ],
    [
      'NUL in a refresh token',
      '400 invalid_grant',
      () => token({ grant_type: 'refresh_token', refresh_token: 'a\0' }),
    ],
    [
      'a GET',
      '405 invalid_request',
      () => fetch(`${server.sandbox}/token`, { headers: basic(client) }),
    ],
    [
      'JSON',
      '400 invalid_request',
      () =>
        fetch(`${server.sandbox}/token`, {
          method: 'POST',
          headers: { ...basic(client), 'content-type': 'application/json' },
          body: JSON.stringify(machine),
        }),
    ],
    [
      'a foreign Origin',
      '400 invalid_request',
      () => token(machine, { ...basic(client), origin: 'https://f.example' }),
    ],
    [
      'the Origin null',
      '400 invalid_request',
      () => token(machine, { ...basic(client), origin: 'null' }),
    ],
    ['a pushed authorization request', '404 not_found', () => send('/request', {}, basic(client))],
    [
      'a device authorization request',
      '404 not_found',
      () => send('/device/auth', {}, basic(client)),
    ],
    ['a registration of a client', '404 not_found', () => send('/reg', {}, basic(client))],
    ['a doubled slash', '404 not_found', () => send('//token', machine, basic(client))],
    ['a matrix parameter', '404 not_found', () => send('/token;x', machine, basic(client))],
    [
      'an environment in capitals',
      '404 not_found',
      () =>
        fetch(`${server.baseUrl}/SANDBOX/token`, {
          method: 'POST',
          headers: basic(client),
          body: new URLSearchParams(machine),
        }),
    ],
  ];

  const ofGrants: Row[] = [
    ['an unknown code', '400 invalid_grant', () => exchange({ code: 'unknown' })],
    ['no code', '400 invalid_request', () => exchange({ code: '' })],
    ['an expired code', '400 invalid_grant', expiredCode],
    ['a used code', '400 invalid_grant', usedCode],
    ['the code of another client', '400 invalid_grant', () => exchange({}, codesOnly)],
    [
      'another redirect_uri than before',
      '400 invalid_grant',
      () => exchange({ redirect_uri: `${redirectUri}/` }),
    ],
    ['no redirect_uri', '400 invalid_request', () => exchange({ redirect_uri: '' })],
    ['no code_verifier', '400 invalid_grant', () => exchange({ code_verifier: '' })],
    [
      'a wrong code_verifier',
      '400 invalid_grant',
      () => exchange({ code_verifier: pkce().verifier }),
    ],
    ['a short code_verifier', '400 invalid_request', () => exchange({ code_verifier: 'short' })],
    [
      'another resource than before',
      '400 invalid_target',
      () => exchange({ resource: 'https://b.example' }),
    ],
    [
      'an unknown refresh token',
      '400 invalid_grant',
      () => token({ grant_type: 'refresh_token', refresh_token: 'unknown' }),
    ],
    ['no refresh token', '400 invalid_request', () => token({ grant_type: 'refresh_token' })],
    [
      'an access token for a refresh token',
      '400 invalid_grant',
      async () => token({ grant_type: 'refresh_token', refresh_token: await machineToken() }),
    ],
    [
      'a refresh that asks for more',
      '400 invalid_scope',
      async () =>
        token({
          grant_type: 'refresh_token',
          scope: 'read write',
          refresh_token: String((await tokensOf('read offline_access')).refresh_token),
        }),
    ],
    ['no username', '400 invalid_request', () => token({ grant_type: 'password', password: 'x' })],
    [
      'a wrong password',
      '400 invalid_grant',
      () => token({ grant_type: 'password', username: 'gp', password: 'x' }),
    ],
    [
      'an unknown scope with a password',
      '400 invalid_scope',
      () =>
        token({ grant_type: 'password', username: 'gp', password: 'published', scope: 'nothing' }),
    ],
    [
      'a role that has none of the scopes',
      '400 invalid_scope',
      () =>
        token({
          grant_type: 'password',
          username: 'cook',
          password: 'published password',
          scope: 'read',
        }),
    ],
    [
      'an unknown resource with a password',
      '400 invalid_target',
      () =>
        token({
          grant_type: 'password',
          username: 'gp',
          password: 'published',
          resource: 'https://b.example',
        }),
    ],
  ];

  const ofTokenUse: Row[] = [
    ['introspection by nobody', '400 invalid_request', () => introspect({ token: 'x' }, {})],
    [
      'introspection by an unknown client',
      '401 invalid_client',
      () => introspect({ token: 'x' }, basic(nobody)),
    ],
    [
      'introspection with a wrong secret',
      '401 invalid_client',
      () => introspect({ token: 'x' }, basic(wrongSecret())),
    ],
    [
      'introspection by a suspended client',
      '401 invalid_client',
      () => introspect({ token: 'x' }, basic(suspended)),
    ],
    [
      'introspection by a client without a secret',
      '401 invalid_client',
      () => introspect({ token: 'x', client_id: browserApp.id }, {}),
    ],
    ['introspection of nothing', '400 invalid_request', () => introspect({})],
    [
      'introspection with a foreign Origin and a wrong secret',
      '400 invalid_request',
      () =>
        introspect(
          { token: 'x' },
          { ...basic({ ...suspended, secret: 'x' }), origin: 'https://f.example' },
        ),
    ],
    [
      'introspection by GET',
      '405 invalid_request',
      () => fetch(`${server.sandbox}/token/introspection?token=x`, { headers: basic(client) }),
    ],
    ['revocation by nobody', '400 invalid_request', () => revoke({ token: 'x' }, {})],
    [
      'revocation with a wrong secret',
      '401 invalid_client',
      () => revoke({ token: 'x' }, basic(wrongSecret())),
    ],
    [
      'revocation by a suspended client',
      '401 invalid_client',
      () => revoke({ token: 'x' }, basic(suspended)),
    ],
    ['revocation of nothing', '400 invalid_request', () => revoke({})],
    ['userinfo without a token', '401 invalid_token', () => userinfo({})],
    [
      'userinfo with nonsense',
      '401 invalid_token',
      () => userinfo({ authorization: 'Bearer nonsense' }),
    ],
    [
      'userinfo with the token of a machine',
      '401 invalid_token',
      async () => userinfo({ authorization: `Bearer ${await machineToken()}` }),
    ],
    [
      'userinfo with an ID token',
      '401 invalid_token',
      async () => userinfo({ authorization: `Bearer ${(await tokensOf('openid')).id_token}` }),
    ],
    [
      'userinfo with a token in the query',
      '400 invalid_request',
      async () => userinfo({}, `?access_token=${await machineToken()}`),
    ],
    ['userinfo with Basic', '400 invalid_request', () => userinfo(basic(client))],
    [
      'userinfo without openid',
      '403 insufficient_scope',
      async () => userinfo({ authorization: `Bearer ${(await tokensOf('read')).access_token}` }),
    ],
  ];

  const ofAuthorizations: Row[] = [
    [
      'response_type=token',
      '303 unsupported_response_type',
      () => authorize({ response_type: 'token' }),
    ],
    [
      'response_type=id_token',
      '303 unsupported_response_type',
      () => authorize({ response_type: 'id_token', nonce: 'n' }),
    ],
    [
      'response_type=code id_token',
      '303 unsupported_response_type',
      () => authorize({ response_type: 'code id_token', nonce: 'n' }),
    ],
    [
      'response_type=none',
      '303 unsupported_response_type',
      () => authorize({ response_type: 'none' }),
    ],
    ['no response_type', '303 invalid_request', () => authorize({ response_type: '' })],
    ['PKCE with plain', '303 invalid_request', () => authorize({ code_challenge_method: 'plain' })],
    [
      'PKCE without a method, which means plain',
      '303 invalid_request',
      () => authorize({ code_challenge_method: '' }),
    ],
    ['no PKCE', '303 invalid_request', () => authorize(noPkce)],
    [
      'an unknown response_mode',
      '303 unsupported_response_mode',
      () => authorize({ response_mode: 'web_message' }),
    ],
    ['an unknown scope at the page', '303 invalid_scope', () => authorize({ scope: 'nothing' })],
    [
      'a bad letter in a scope at the page',
      '303 invalid_scope',
      () => authorize({ scope: 're"ad' }),
    ],
    [
      'a long scope at the page',
      '303 invalid_scope',
      () => authorize({ scope: 'x'.repeat(10_000) }),
    ],
    [
      'an unknown resource at the page',
      '303 invalid_target',
      () => authorize({ resource: 'https://b.example' }),
    ],
    [
      'two resources at the page',
      '303 invalid_target',
      () => authorize({ resource: audience }, `&resource=${encodeURIComponent(audience)}`),
    ],
    ['a request object', '303 request_not_supported', () => authorize({ request: 'a.b.c' })],
    [
      'a request_uri',
      '303 request_uri_not_supported',
      () => authorize({ request_uri: 'https://client.example/r' }),
    ],
    ['prompt=none without a session', '303 login_required', () => authorize({ prompt: 'none' })],
    [
      'prompt=none with another prompt',
      '303 invalid_request',
      () => authorize({ prompt: 'none login' }),
    ],
    [
      'an id_token_hint of someone else',
      '303 invalid_request',
      () => authorize({ scope: 'openid', id_token_hint: 'x' }),
    ],
    ['scope twice at the page', '303 invalid_request', () => authorize({}, '&scope=a&scope=b')],
    [
      'redirect_uri twice',
      '400 invalid_request',
      () => authorize({}, '&redirect_uri=https://f.example'),
    ],
    [
      'an unknown client at the page',
      '400 invalid_client',
      () => authorize({ client_id: 'nobody' }),
    ],
    ['no client_id', '400 invalid_request', () => authorize({ client_id: '' })],
    ['no redirect_uri at the page', '400 invalid_request', () => authorize({ redirect_uri: '' })],
    [
      'a suspended client at the page',
      '400 unauthorized_client',
      () => authorize({ client_id: suspended.id }),
    ],
    ['NUL at the page', '400 bad_request', () => authorize({ scope: '\0' })],
    ...[
      'https://f.example/',
      'https://client.example/Callback',
      'https://CLIENT.example/callback',
      'https://a@client.example/callback',
      'https://client.example/callback/',
      'https://client.example/callback#fragment',
      'https://client.example/callback?more=1',
      'https://client.example/other/../callback',
      'https://client.example:443/callback',
      'https://client.example%2F@foreign.example/callback',
      'javascript:alert(1)',
    ].flatMap((uri): Row[] => [
      [
        `the redirect_uri ${uri}`,
        '400 invalid_redirect_uri',
        () => authorize({ redirect_uri: uri }),
      ],
      [
        `prompt=none and ${uri}`,
        '400 invalid_redirect_uri',
        () => authorize({ redirect_uri: uri, prompt: 'none' }),
      ],
    ]),
  ];

  const ofLogout: Row[] = [
    [
      'logout with an id_token_hint of nobody',
      '400 invalid_request',
      () => page('/session/end?id_token_hint=x'),
    ],
    [
      'logout for an unknown client',
      '400 invalid_client',
      () => page('/session/end?client_id=nobody'),
    ],
    [
      'logout to an address that is not registered',
      '400 invalid_request',
      () => page(`/session/end?client_id=${client.id}&post_logout_redirect_uri=https://f.example`),
    ],
    [
      'logout with a parameter twice',
      '400 invalid_request',
      () => page('/session/end?state=a&state=b'),
    ],
    ['a resume of nothing', '400 invalid_request', () => page('/auth/nothing')],
  ];

  test.each([
    ...ofClients,
    ...ofTokenRequests,
    ...ofGrants,
    ...ofTokenUse,
    ...ofAuthorizations,
    ...ofLogout,
  ])('%s: %s', async (_what, outcome, request) => {
    const answer = await request();
    const refusal = await refusalOf(answer);
    expect(`${answer.status} ${refusal.error}`).toBe(outcome);
    const { error_description: sentence, way } = refusal;
    expect(sentence.length).toBeGreaterThan(15);
    expect(JSON.stringify(refusal).length).toBeLessThan(700); // nothing long comes back
    // RFC 6749 section 5.2 names the letters; on a page they are escaped
    if (way !== 'page') expect(sentence).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  test.each<[what: string, sentence: RegExp, request: () => Promise<Response>]>([
    ['names nobody', /client_id and client_secret by HTTP Basic/, () => token(machine, {})],
    ['knows no secret', /unknown, its secret or key is wrong/, () => token(machine, basic(nobody))],
    ['lost its subscription', /no active subscription/, () => token(machine, basic(suspended))],
    ['may not use a grant', /may not use this grant type/, () => token(machine, basic(codesOnly))],
    ['asks for another grant', /its metadata lists/, () => token({ grant_type: 'magic' })],
    ['sends too much', /larger than 56 kB/, () => token({ x: 'x'.repeat(70_000) })],
    ['lives elsewhere', /allow the origin/, () => token({}, { origin: 'null', ...basic(client) })],
    ['lost its code', /Start the authorization again/, () => exchange({ code: 'unknown' })],
    ['was slow', /lives for 60 seconds/, expiredCode],
    ['came twice', /used before.*withdrawn/, usedCode],
    ['forgot its verifier', /code_verifier is missing/, () => exchange({ code_verifier: '' })],
    ['moved', /letter for letter/, () => exchange({ redirect_uri: 'https://a.example' })],
    ['speaks of implicit', /Only response_type=code/, () => authorize({ response_type: 'token' })],
    ['sends plain', /must be S256/, () => authorize({ code_challenge_method: 'plain' })],
    ['sends no challenge', /PKCE with S256/, () => authorize(noPkce)],
    ['sends an object', /send the parameters/, () => authorize({ request: 'a.b.c' })],
    ['may not ask', /prompt=none does not let us/, () => authorize({ prompt: 'none' })],
    ['is suspended', /subscription.*not active/, () => authorize({ client_id: suspended.id })],
  ])('tells a client that %s what to do', async (_who, sentence, request) => {
    const { error_description } = await refusalOf(await request());
    expect(error_description).toMatch(sentence);
  });

  test.each([pastLimit, `${'s '.repeat(25_000)}s`, `${'user/*.cruds '.repeat(3_800)}x`])(
    'with 50 kB of scope is answered within a second',
    async (scope) => {
      const before = performance.now();
      expect((await token({ ...machine, scope })).status).toBe(400);
      expect(performance.now() - before).toBeLessThan(1000);
    },
  );

  test('says the same to a suspended client with a wrong secret as to nobody', async () => {
    for (const ask of [token, introspect, revoke]) {
      const [stranger, gone] = await Promise.all([
        ask({ ...machine, token: 'x' }, basic(nobody)),
        ask({ ...machine, token: 'x' }, basic({ id: suspended.id, secret: nobody.secret })),
      ]);
      expect([gone.status, await gone.text()]).toEqual([stranger.status, await stranger.text()]);
      expect(gone.headers.get('www-authenticate')).toBe(stranger.headers.get('www-authenticate'));
    }
  });

  test('challenges with Basic whoever came with Basic (RFC 6749 section 5.2)', async () => {
    for (const answer of [
      await token(machine, basic(nobody)),
      await token(machine, basic(suspended)),
      await introspect({ token: 'x' }, basic(suspended)),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="/);
    }
  });

  test('is refused as JSON even to a caller that would rather have a page', async () => {
    const answer = await token({ grant_type: 'magic' }, { ...basic(client), accept: 'text/html' });
    expect(await answer.json()).toMatchObject({ error: 'unsupported_grant_type' });
  });

  test('sends nobody to an address that was never registered, and shows no markup of the request', async () => {
    const markup = '"><script>alert(1)</script>';
    for (const name of ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'prompt']) {
      const answer = await authorize({ redirect_uri: 'https://f.example/', [name]: markup });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('location')).toBeNull();
      expect(await answer.text()).not.toContain('<script>alert');
    }
  });

  test('under a forged Host gets 421 and no link of that name', async () => {
    for (const forged of [{ host: 'evil.example' }, { 'x-forwarded-host': 'evil.example' }]) {
      const { status, text } = await rawGet(
        server.sandbox,
        '/.well-known/openid-configuration',
        forged,
      );
      expect(status).toBe('host' in forged ? 421 : 200);
      expect(text).not.toContain('evil.example');
    }
  });

  test('for DPoP, which is off, gets a plain Bearer token', async () => {
    const answer = await token(machine, { ...basic(client), dpop: 'a.b.c' });
    expect(await answer.json()).toMatchObject({ token_type: 'Bearer' });
  });

  test('is none at all when the endpoint is spelled in capitals with a slash: the router folds both', async () => {
    expect((await send('/TOKEN/', machine, basic(client))).status).toBe(200);
  });
});

/** fetch allows no Host of one's own. */
async function rawGet(issuer: string, path: string, headers: OutgoingHttpHeaders) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    request(issuer + path, { headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });
}
