import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Client,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import { forgetSession, grantHelpers } from '../../src/oauth/library-seams.ts';
import { pkce, post } from '../support/flow.ts';

/**
 * Corners of oidc-provider that its documentation does not promise, each with the least that shows
 * that it is still there: on the bare library, without our server around it.
 */

/** The library has no types for it. */
const untyped: string = 'oidc-provider/lib/adapters/memory_adapter.js';
const { createMemoryAdapter } = (await import(untyped)) as {
  createMemoryAdapter: () => Configuration['adapter'];
};

const root = new URL('../../', import.meta.url);
const library = new URL('node_modules/oidc-provider/', root);
const text = (file: URL) => readFileSync(file, 'utf8');
const client = { id: 'client', secret: 'secret', redirectUri: 'https://client.example/callback' };
const resource = 'https://api.example/';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signingKey = privateKey.export({ format: 'jwk' });
const escaped = (literal: string): string => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe('what we lean on in oidc-provider', () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.closeAllConnections();
    for (const server of servers) server.close();
  });

  /** The library and nothing else, with one client. */
  async function bare(
    settings: Configuration = {},
  ): Promise<{ provider: Provider; issuer: string }> {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new Provider(issuer, {
      adapter: createMemoryAdapter(),
      cookies: { keys: ['a key for cookies'] },
      jwks: { keys: [signingKey] } as Configuration['jwks'],
      ttl: {
        Interaction: 60,
        Grant: 60,
        Session: 60,
        ClientCredentials: 60,
        AuthorizationCode: 60,
      },
      clients: [
        {
          client_id: client.id,
          client_secret: client.secret,
          redirect_uris: [client.redirectUri],
          grant_types: ['authorization_code', 'client_credentials'],
        },
      ],
      ...settings,
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        ...settings.features,
      } as Configuration['features'], // typed as one literal for each combination
    });
    server.on('request', (req, res) => provider.callback()(req, res)); // composed after every use()
    return { provider, issuer };
  }

  const machine = { grant_type: 'client_credentials' };

  test('the version: exactly the one that package.json names', () => {
    const { dependencies } = JSON.parse(text(new URL('package.json', root)));
    const { version } = JSON.parse(text(new URL('package.json', library)));
    expect(dependencies['oidc-provider']).toMatch(/^\d+\.\d+\.\d+$/);
    expect(version).toBe(dependencies['oidc-provider']);
  });

  test('lib/helpers/grants.js: every helper that our grant is made of', () => {
    const source = text(new URL('src/oauth/grants/password.ts', root));
    const used = [...new Set([...source.matchAll(/grantHelpers\.(\w+)/g)].map(([, name]) => name))];
    expect(used.length).toBeGreaterThan(3);
    for (const name of used) {
      expect([name, typeof grantHelpers[name as keyof typeof grantHelpers]]).toEqual([
        name,
        'function',
      ]);
    }
  });

  describe('a session marked destroyed when an interaction has ended', () => {
    /** Through the page without a page; the names of the cookies that the last answer set. */
    async function cookiesAtTheEnd(listen: (ctx: KoaContextWithOIDC) => void): Promise<string[]> {
      const { provider, issuer } = await bare({
        findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
        loadExistingGrant: async (ctx) => {
          const accountId = ctx.oidc.session?.accountId;
          const grant = new ctx.oidc.provider.Grant({ clientId: client.id, accountId });
          grant.addOIDCScope('openid');
          await grant.save();
          return grant;
        },
      });
      provider.on('interaction.ended', listen);
      const query = new URLSearchParams({
        client_id: client.id,
        redirect_uri: client.redirectUri,
        response_type: 'code',
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      });
      const asked = await fetch(`${issuer}/auth?${query}`, { redirect: 'manual' });
      const cookies = asked.headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
      const uid = /^_interaction=(.+)$/.exec(
        cookies.find((one) => one.startsWith('_interaction=')) ?? '',
      );
      const interaction = await provider.Interaction.find(uid?.[1] ?? '');
      if (!interaction) throw new Error(`no interaction: ${asked.status} ${cookies}`);
      interaction.result = { login: { accountId: 'someone' }, consent: {} };
      await interaction.persist();
      const headers = { cookie: cookies.join('; ') };
      const ended = await fetch(interaction.returnTo, { redirect: 'manual', headers });
      expect(ended.headers.get('location')).toContain(`${client.redirectUri}?code=`);
      return ended.headers.getSetCookie().map((line) => line.split('=')[0] ?? '');
    }

    test('is not written, and its cookie is not set', async () => {
      expect(await cookiesAtTheEnd(forgetSession)).not.toContain('_session');
    });

    test('is, where nobody marked it', async () => {
      expect(await cookiesAtTheEnd(() => {})).toContain('_session');
    });
  });

  test('Session.oldId: the id before resetIdentifier, destroyed before the new one is saved', async () => {
    const { provider } = await bare();
    const session = new provider.Session();
    const former = session.jti;
    session.resetIdentifier();
    expect(session).toMatchObject({ oldId: former });
    expect(session.jti).not.toBe(former);
    const asked: string[] = [];
    for (const call of ['destroy', 'upsert'] as const) {
      session.adapter[call] = async (id: string) => void asked.push(`${call} ${id}`);
    }
    await session.save(60);
    expect(asked).toEqual([`destroy ${former}`, `upsert ${session.jti}`]);
  });

  test('compareClientSecret: asked and awaited for each secret, and its word counts', async () => {
    const { provider, issuer } = await bare();
    const given: string[] = [];
    Object.assign(provider.Client.prototype, {
      async compareClientSecret(this: Client, secret: string) {
        given.push(`${this.clientId} ${secret}`);
        return secret === 'another';
      },
    });
    const another = await post(`${issuer}/token`, { ...client, secret: 'another' }, machine);
    expect(another.status).toBe(200);
    expect((await post(`${issuer}/token`, client, machine)).status).toBe(401);
    expect(given).toEqual(['client another', 'client secret']);
  });

  test('grantTypeAllowed: asked on the token route once the client has proved itself', async () => {
    const { provider, issuer } = await bare();
    const asked: unknown[] = [];
    provider.Client.prototype.grantTypeAllowed = function grantTypeAllowed(this: Client, type) {
      const oidc = Provider.ctx?.oidc;
      asked.push([oidc?.route, oidc?.client === this, oidc?.params?.grant_type === type]);
      throw new errors.UnauthorizedClient('said here');
    };
    const wrong = await post(`${issuer}/token`, { ...client, secret: 'wrong' }, machine);
    expect([wrong.status, asked]).toEqual([401, []]); // not yet: it has not proved itself
    const right = await post(`${issuer}/token`, client, machine);
    expect(right).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } });
    expect(asked).toEqual([['token', true, true]]);
  });

  test('params.scope: read after getResourceServerInfo, which may fill it in', async () => {
    const { issuer } = await bare({
      features: {
        resourceIndicators: {
          enabled: true,
          defaultResource: () => resource,
          getResourceServerInfo: (ctx) => {
            if (ctx.oidc.params) ctx.oidc.params.scope = 'read';
            return { scope: 'read write', audience: resource, accessTokenFormat: 'opaque' };
          },
        },
      },
    });
    const { status, body } = await post(`${issuer}/token`, client, machine);
    expect([status, body.scope]).toEqual([200, 'read']);
  });

  test.each(['introspection', 'revocation'])(
    '%s.error: a JWT is refused as unsupported_token_type, by a known client only, and post-middleware may answer',
    async (route) => {
      const { provider, issuer } = await bare();
      const heard: string[] = [];
      const hear = (_ctx: KoaContextWithOIDC, error: { error: string }) => heard.push(error.error);
      if (route === 'introspection') provider.on('introspection.error', hear);
      else provider.on('revocation.error', hear);
      provider.use(async (ctx, next) => {
        await next();
        if (heard.at(-1) !== 'unsupported_token_type') return;
        ctx.status = 200;
        ctx.body = {
          route: ctx.oidc.route,
          client: ctx.oidc.client?.clientId,
          token: ctx.oidc.params?.token,
        };
      });
      const head = Buffer.from('{"alg":"RS256"}').toString('base64url');
      const token = `${head}.e30.c2ln`;
      const wrong = await post(
        `${issuer}/token/${route}`,
        { ...client, secret: 'wrong' },
        { token },
      );
      expect([wrong.status, heard]).toEqual([401, ['invalid_client']]);
      const right = await post(`${issuer}/token/${route}`, client, { token });
      expect(right).toMatchObject({ status: 200, body: { route, client: client.id, token } });
    },
  );

  test('AccessToken.find: where userinfo looks its token up, and takes one made of a JWT', async () => {
    const { provider, issuer } = await bare({
      findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    });
    const grant = new provider.Grant({ clientId: client.id, accountId: 'someone' });
    grant.addOIDCScope('openid');
    const grantId = await grant.save();
    const values: unknown[] = [];
    Object.assign(provider.AccessToken, {
      async find(value: unknown) {
        values.push(value);
        const iat = Math.floor(Date.now() / 1000);
        const payload = {
          jti: 'jti',
          accountId: 'someone',
          clientId: client.id,
          grantId,
          scope: 'openid',
        };
        return new provider.AccessToken({ ...payload, iat, exp: iat + 60 } as never);
      },
    });
    const headers = { authorization: 'Bearer a.b.c' };
    const me = await fetch(`${issuer}/me`, { headers });
    expect([me.status, await me.json(), values]).toEqual([200, { sub: 'someone' }, ['a.b.c']]);
  });

  test('grant.error: comes with the detail that is told to nobody, and with the body to say it in', async () => {
    const { provider, issuer } = await bare();
    provider.on('grant.error', (ctx, error) => {
      const body = ctx.body as { error_description?: string };
      expect(typeof body.error_description).toBe('string');
      body.error_description = `plainly: ${error.error_detail}`;
    });
    const { status, body } = await post(`${issuer}/token`, client, {
      grant_type: 'authorization_code',
      code: 'unknown',
      redirect_uri: client.redirectUri,
      code_verifier: pkce().verifier,
    });
    expect([status, body.error_description]).toEqual([
      400,
      'plainly: authorization code not found',
    ]);
  });

  describe('error_detail: what we put in plainer words is still what the library says', () => {
    const lib = new URL('lib/', library);
    const files = (readdirSync(lib, { recursive: true }) as string[]).filter((one) =>
      one.endsWith('.js'),
    );
    const sources = [
      ...files.map((file) => new URL(file, lib)),
      new URL('src/oauth/adapter.ts', root),
    ];
    /** Each text literal as a pattern; what is put into it may be anything. */
    const patterns = sources.flatMap((file) =>
      [...text(file).matchAll(/(['`])((?:\\.|(?!\1)[^\\\n])*)\1/g)]
        .map(([, , literal = '']) => literal)
        .filter((literal) => literal.replace(/\$\{[^}]*\}/g, '').length >= 8)
        .map((literal) =>
          literal
            .split(/\$\{[^}]*\}/g)
            .map(escaped)
            .join('.+'),
        ),
    );
    const said = new RegExp(`^(?:${[...new Set(patterns)].join('|')})$`);
    const table = /const words[^{]*\{\n([\s\S]*?)\n\};/.exec(
      text(new URL('src/oauth/library-seams.ts', root)),
    );
    const keys = [...(table?.[1] ?? '').matchAll(/^ {2}(?:'([^']+)'|(\w+)):/gm)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    );

    test.each(keys)('%s', (key) => expect(key).toMatch(said));

    test('and what it never said is not found', () => {
      expect(keys.length).toBeGreaterThan(12);
      expect('refresh token was eaten by the dog').not.toMatch(said);
    });
  });
});
