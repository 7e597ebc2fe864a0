import { createRemoteJWKSet, jwtVerify } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { example } from './front.ts';

const audience = 'https://api.example/care';
/** Of those that validate-jwt takes, the ones signed with a pair of keys. */
const algorithms = ['RS256', 'RS512', 'PS256'];

/** validate-jwt as its documentation tells it, told by the policy alone. */
async function validateJwt(policy: string, token: string): Promise<number> {
  const textsOf = (part: string, name: string) =>
    [...part.matchAll(new RegExp(`<${name}>([^<]+)</${name}>`, 'g'))].map(([, text = '']) => text);
  const metadataUrl = /<openid-config url="([^"]+)"/.exec(policy)?.[1] ?? '';
  const [, name = '', match, separator = '', values = ''] =
    /<claim name="(\w+)" match="(\w+)" separator="( )">([\s\S]*?)<\/claim>/.exec(policy) ?? [];
  expect(match).toBe('any');

  const metadata = (await (await fetch(metadataUrl)).json()) as Record<string, string>;
  const issuer = textsOf(policy, 'issuer');
  expect(issuer).toEqual([metadata.issuer]); // to the letter
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ''));
  try {
    const rules = { issuer, audience: textsOf(policy, 'audience'), algorithms };
    const { payload } = await jwtVerify(token, keys, { ...rules, requiredClaims: ['exp'] });
    const has = String(payload[name] ?? '').split(separator);
    return textsOf(values, 'value').some((value) => has.includes(value)) ? 200 : 401;
  } catch {
    return 401;
  }
}

describe('Azure API Management, by the policy of examples/', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let policy: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    policy = example('azure-api-management/policy.xml', {
      'https://sandgate.example/live': server.live,
    });
  });
  afterAll(() => server.close());

  const scopes = ['system/Patient.rs', 'system/Observation.rs'].map((scope) => ({
    scope,
    description: 'Read records',
    isDefault: true,
  }));
  const tokenOf = async (
    given: Parameters<typeof aProduct>[1],
    scope = 'system/Patient.rs system/Observation.rs',
  ): Promise<string> => {
    const product = await aProduct(server.pool, { scopes, ...given });
    const subscription = await aSubscription(server.pool, { product });
    const client = await aClient(server.pool, { subscriptions: [subscription] });
    const url = `${server[product.environment]}/token`;
    const { body } = await post(url, client, { grant_type: 'client_credentials', scope });
    return String(body.access_token);
  };

  test('takes a token of the product, one of whose scopes is among those asked for', async () => {
    const token = await tokenOf({ environment: 'live', audience });
    expect(await validateJwt(policy, token)).toBe(200);
  });

  test.each([
    ['another product', { environment: 'live' as const }],
    ['the sandbox', { environment: 'sandbox' as const, audience }],
  ])('refuses a token of %s', async (_what, given) => {
    expect(await validateJwt(policy, await tokenOf(given))).toBe(401);
  });

  test('refuses a token with none of the scopes', async () => {
    const aud = 'https://api.example/observations';
    const other = policy.replace(audience, aud);
    const given = { environment: 'live' as const, audience: aud };
    expect(await validateJwt(other, await tokenOf(given, 'system/Observation.rs'))).toBe(401);
  });

  test('refuses a token signed with ES256, as its README says', async () => {
    const aud = 'https://api.example/curves';
    const given = { environment: 'live' as const, audience: aud, signingAlg: 'ES256' as const };
    expect(await validateJwt(policy.replace(audience, aud), await tokenOf(given))).toBe(401);
  });
});
