import request from 'supertest';
import { useDatabaseUrl } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Metadata = Record<string, string | string[] | boolean>;

describe('discovery', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(() => server.close());

  const json = async <T>(url: string) => (await (await fetch(url)).json()) as T; // what the test then checks
  const metadataOf = (environment: 'sandbox' | 'live') =>
    json<Metadata>(`${server[environment]}/.well-known/openid-configuration`);
  const keysOf = async (environment: 'sandbox' | 'live') => {
    const { jwks_uri } = await metadataOf(environment);
    return (await json<{ keys: Record<string, string>[] }>(String(jwks_uri))).keys;
  };

  describe.each(['sandbox', 'live'] as const)('of %s', (environment) => {
    test('says the same in its OpenID form and in both forms of RFC 8414', async () => {
      const openid = await metadataOf(environment);
      expect(openid.issuer).toBe(server[environment]);
      for (const url of [
        `${server[environment]}/.well-known/oauth-authorization-server`,
        `${server.baseUrl}/.well-known/oauth-authorization-server/${environment}`,
        `${server.baseUrl}/.well-known/openid-configuration/${environment}`,
      ]) {
        expect(await json(url)).toEqual(openid);
      }
    });

    test('advertises what is on', async () => {
      const sandbox = environment === 'sandbox';
      expect(await metadataOf(environment)).toMatchObject({
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        grant_types_supported: [
          'authorization_code',
          'refresh_token',
          'client_credentials',
          ...(sandbox ? ['password'] : []),
        ],
        token_endpoint_auth_methods_supported: [
          'client_secret_basic',
          'client_secret_post',
          'none',
          'private_key_jwt',
        ],
        scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
        authorization_response_iss_parameter_supported: true,
        id_token_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256']),
      });
    });

    test('advertises nothing that is off', async () => {
      const metadata = await metadataOf(environment);
      expect(Object.keys(metadata).sort()).toEqual([
        'authorization_endpoint',
        'authorization_response_iss_parameter_supported',
        'claim_types_supported',
        'claims_parameter_supported',
        'claims_supported',
        'code_challenge_methods_supported',
        'end_session_endpoint',
        'grant_types_supported',
        'id_token_signing_alg_values_supported',
        'introspection_endpoint',
        'issuer',
        'jwks_uri',
        'request_uri_parameter_supported',
        'response_modes_supported',
        'response_types_supported',
        'revocation_endpoint',
        'scopes_supported',
        'subject_types_supported',
        'token_endpoint',
        'token_endpoint_auth_methods_supported',
        'token_endpoint_auth_signing_alg_values_supported',
        'userinfo_endpoint',
      ]);
      expect(metadata.request_uri_parameter_supported).toBe(false);
      const said = JSON.stringify(metadata);
      expect(said).not.toMatch(
        /implicit|fragment_token|dpop|pushed|device|registration|"plain"|client_secret_jwt|tls_client|ciba|backchannel/i,
      );
    });

    test('names endpoints that are there', async () => {
      const metadata = await metadataOf(environment);
      const endpoints = Object.entries(metadata).filter(([name]) => /_endpoint$|_uri$/.test(name));
      expect(endpoints.map(([name]) => name).sort()).toEqual([
        'authorization_endpoint',
        'end_session_endpoint',
        'introspection_endpoint',
        'jwks_uri',
        'revocation_endpoint',
        'token_endpoint',
        'userinfo_endpoint',
      ]);
      for (const [, url] of endpoints) {
        expect(String(url).startsWith(`${server[environment]}/`)).toBe(true);
        expect((await fetch(String(url))).status).not.toBe(404);
      }
    });

    test('and the keys may be kept for an hour, are asked for again by ETag, and read by any page', async () => {
      const { jwks_uri } = await metadataOf(environment);
      for (const url of [
        `${server[environment]}/.well-known/openid-configuration`,
        String(jwks_uri),
      ]) {
        const first = await fetch(url, { headers: { origin: 'https://portal.example' } });
        expect(Object.fromEntries(first.headers)).toMatchObject({
          'cache-control': 'public, max-age=3600',
          'access-control-allow-origin': '*',
          'content-type': expect.stringMatching(/^application\/(jwk-set\+)?json/),
        });
        const etag = first.headers.get('etag') ?? '';
        expect(etag).toMatch(/^"[\w-]{43}"$/);
        // fetch would say no-cache beside a condition of one's own
        const again = await request(url).get('').set('if-none-match', etag);
        expect([again.status, again.text, again.headers.etag]).toEqual([304, '', etag]);
        const other = await request(url).get('').set('if-none-match', '"another"');
        expect([other.status, other.text]).toEqual([200, await first.text()]);
      }
    });

    test('publishes the public part of each key and nothing of the private one', async () => {
      const keys = await keysOf(environment);
      expect(keys.map(({ alg, use }) => [alg, use])).toEqual([
        ['RS256', 'sig'],
        ['ES256', 'sig'],
      ]);
      const names = keys.map((key) => Object.keys(key).sort());
      expect(names).toEqual([
        ['alg', 'e', 'kid', 'kty', 'n', 'use'],
        ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ]);
    });
  });

  test('gives sandbox and live no key in common', async () => {
    const [sandbox, live] = await Promise.all([keysOf('sandbox'), keysOf('live')]);
    const numbers = (keys: Record<string, string>[]) =>
      keys.flatMap(({ kid, n, x }) => [kid, n ?? x]);
    expect(new Set([...numbers(sandbox), ...numbers(live)]).size).toBe(8);
  });

  test('knows no third environment', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/test',
    ]) {
      expect((await fetch(server.baseUrl + path)).status).toBe(404);
    }
  });
});
