import { SignJWT, UnsecuredJWT } from 'jose';
import Koa from 'koa';
import supertest from 'supertest';
import { sandboxApi } from '../../src/sandbox/routes.ts';
import { audience, baseUrl, issuer, prefix, type SampleApi, startSampleApi } from './sample-api.ts';

let api: SampleApi;
beforeAll(async () => {
  api = await startSampleApi();
});
afterAll(() => api.stop());

const past = Math.floor(Date.now() / 1000) - 10;

type Row = {
  what: string;
  token: () => Promise<string> | string;
  status: number;
  error: string;
  words: RegExp;
};

const rows: Row[] = [
  {
    what: 'garbage',
    token: () => 'garbage',
    status: 401,
    error: 'invalid_token',
    words: /not a signed JWT/,
  },
  {
    what: 'two words',
    token: () => 'Bearer abc',
    status: 400,
    error: 'invalid_request',
    words: /the token alone/,
  },
  {
    what: 'nothing after Bearer',
    token: () => '',
    status: 400,
    error: 'invalid_request',
    words: /the token alone/,
  },
  {
    what: 'another issuer',
    token: () => api.mint({ iss: `${issuer}/` }),
    status: 401,
    error: 'invalid_token',
    words: /another issuer/,
  },
  {
    what: 'another audience',
    token: () => api.mint({ aud: 'https://other.example' }),
    status: 401,
    error: 'invalid_token',
    words: /another API/,
  },
  {
    what: 'no audience',
    token: () => api.mint({ aud: undefined }),
    status: 401,
    error: 'invalid_token',
    words: /aud/,
  },
  {
    what: 'expired',
    token: () => api.mint({ exp: past }),
    status: 401,
    error: 'invalid_token',
    words: /expired/,
  },
  {
    what: 'no end',
    token: () => api.mint({ exp: undefined }),
    status: 401,
    error: 'invalid_token',
    words: /lacks the claim exp/,
  },
  {
    what: 'no client',
    token: () => api.mint({ client_id: undefined }),
    status: 401,
    error: 'invalid_token',
    words: /lacks the claim client_id/,
  },
  {
    what: 'not yet valid',
    token: () => api.mint({ nbf: past + 3600 }),
    status: 401,
    error: 'invalid_token',
    words: /not valid yet/,
  },
  {
    what: 'an ID token',
    token: () => api.mint({ aud: 'client-1' }, { typ: 'JWT' }),
    status: 401,
    error: 'invalid_token',
    words: /ID token/,
  },
  {
    what: 'typ JWT with everything else right',
    token: () => api.mint({}, { typ: 'JWT' }),
    status: 401,
    error: 'invalid_token',
    words: /not an access token/,
  },
  {
    what: 'no typ',
    token: () => api.mint({}, { typ: undefined }),
    status: 401,
    error: 'invalid_token',
    words: /not an access token/,
  },
  {
    what: 'env live',
    token: () => api.mint({ env: 'live' }),
    status: 401,
    error: 'invalid_token',
    words: /sandbox only/,
  },
  {
    what: 'no env',
    token: () => api.mint({ env: undefined }),
    status: 401,
    error: 'invalid_token',
    words: /sandbox only/,
  },
  {
    what: 'a key of nobody',
    token: () => api.foreign(),
    status: 401,
    error: 'invalid_token',
    words: /a key that the sandbox issuer does not have/,
  },
  {
    what: 'a wrong signature',
    token: () => api.forge(),
    status: 401,
    error: 'invalid_token',
    words: /signature .* is wrong/,
  },
  {
    what: 'alg none',
    token: () => unsecured(),
    status: 401,
    error: 'invalid_token',
    words: /algorithm/,
  },
  {
    what: 'alg HS256',
    token: () => symmetric(),
    status: 401,
    error: 'invalid_token',
    words: /algorithm/,
  },
  {
    what: 'no scope claim',
    token: () => api.mint({ scope: undefined }),
    status: 403,
    error: 'insufficient_scope',
    words: /no scope at all/,
  },
  {
    what: 'an empty scope',
    token: () => api.mint({ scope: '' }),
    status: 403,
    error: 'insufficient_scope',
    words: /no scope at all/,
  },
  {
    what: 'the scope of another type',
    token: () => api.mint({ scope: 'user/Patient.rs' }),
    status: 403,
    error: 'insufficient_scope',
    words: /needs the scope user\/Observation\.s/,
  },
  {
    what: 'the scope of another deed',
    token: () => api.mint({ scope: 'user/Observation.r' }),
    status: 403,
    error: 'insufficient_scope',
    words: /Searching Observation needs/,
  },
  {
    what: 'openid alone',
    token: () => api.mint({ scope: 'openid profile' }),
    status: 403,
    error: 'insufficient_scope',
    words: /needs the scope/,
  },
  {
    what: 'a scope out of order',
    token: () => api.mint({ scope: 'user/Observation.sr' }),
    status: 403,
    error: 'insufficient_scope',
    words: /needs the scope/,
  },
  {
    what: 'system/ for a person',
    token: () => api.mint({ scope: 'system/*.rs' }),
    status: 403,
    error: 'insufficient_scope',
    words: /client alone/,
  },
  {
    what: 'user/ for a client',
    token: () => api.mint({ sub: 'client-1', scope: 'user/*.rs' }),
    status: 403,
    error: 'insufficient_scope',
    words: /needs the scope system\/Observation\.s/,
  },
  {
    what: 'patient/ without a patient',
    token: () => api.mint({ scope: 'patient/*.rs' }),
    status: 403,
    error: 'insufficient_scope',
    words: /names none \(claim patient\)/,
  },
];

describe('a search of Observation is refused', () => {
  test.each(rows)('$what → $status $error', async ({ token, status, error, words }) => {
    const response = await api.agent
      .get(`${prefix}/Observation`)
      .set('Authorization', `Bearer ${await token()}`);
    const challenge = response.get('WWW-Authenticate') ?? '';

    expect({ status: response.status, words: response.body.issue[0].diagnostics }).toEqual({
      status,
      words: expect.stringMatching(words),
    });
    expect(challenge).toContain(`error="${error}", error_description="`);
    expect(challenge).toContain(response.body.issue[0].diagnostics);
    expect(challenge).toContain(
      `resource_metadata="${baseUrl}/.well-known/oauth-protected-resource${prefix}"`,
    );
    expect(/scope="/.test(challenge)).toBe(status === 403);
    expectOutcome(response);
  });

  test('the same call with the usual token is not', async () => {
    const response = await search(await api.mint());
    expect(response.status).toBe(200);
  });

  test.each(['', 'Basic Y2xpZW50OnNlY3JldA=='])(
    'without a token (%j): 401 and no error',
    async (header) => {
      const request = api.agent.get(`${prefix}/Observation`);
      const response = await (header ? request.set('Authorization', header) : request);
      expect(response.status).toBe(401);
      expect(response.get('WWW-Authenticate')).toMatch(
        /^Bearer realm="sandbox-api", resource_metadata="/,
      );
      expectOutcome(response);
    },
  );

  test('a token in the URL, even a good one beside the header', async () => {
    const token = await api.mint();
    for (const request of [
      api.agent.get(`${prefix}/Observation?access_token=${token}`),
      api.agent
        .get(`${prefix}/Observation?access_token=${token}`)
        .set('Authorization', `Bearer ${token}`),
    ]) {
      const response = await request;
      expect(response.status).toBe(400);
      expect(response.get('WWW-Authenticate')).toContain('error="invalid_request"');
      expect(response.text).not.toContain(token);
    }
  });

  test('when the product has no audience any more, from the next call on', async () => {
    const token = await api.mint();
    api.audiences.length = 0;
    try {
      expect((await search(token)).status).toBe(401);
    } finally {
      api.audiences.push(audience);
    }
    expect((await search(token)).status).toBe(200);
  });

  test('with 503, not 401, when keys or audiences cannot be had', async () => {
    const broken = [
      { jwksUri: 'http://127.0.0.1:1/jwks', audiences: () => [audience] },
      {
        jwksUri: 'http://127.0.0.1:1/jwks',
        audiences: () => Promise.reject(new Error('secret words of a database')),
      },
    ];
    for (const parts of broken) {
      const app = new Koa().use(sandboxApi({ issuer, baseUrl, ...parts }).routes());
      const response = await supertest(app.callback())
        .get(`${prefix}/Patient`)
        .set('Authorization', `Bearer ${await api.mint()}`);
      expect(response.status).toBe(503);
      expect(response.get('Retry-After')).toBe('5');
      expect(response.text).not.toContain('secret');
    }
  });
});

describe('a good token', () => {
  test.each(['bearer', 'BEARER', 'Bearer  '])(
    'whatever the case of its scheme: %j',
    async (scheme) => {
      const response = await api.agent
        .get(`${prefix}/Patient`)
        .set('Authorization', `${scheme} ${await api.mint()}`);
      expect(response.status).toBe(200);
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ['with one of several audiences', { aud: ['https://other.example', audience] }],
    ['of a client, with a system/ scope', { sub: 'client-1', scope: 'system/Observation.s' }],
    ['with a scope of version 1', { scope: 'openid user/*.read' }],
    ['with typ spelt out', {}],
  ])('%s', async (what, claims) => {
    const header = what === 'with typ spelt out' ? { typ: 'application/at+jwt' } : {};
    expect((await search(await api.mint(claims, header))).status).toBe(200);
  });
});

const search = (token: string) =>
  api.agent.get(`${prefix}/Observation`).set('Authorization', `Bearer ${token}`);

const unsecured = (): string =>
  new UnsecuredJWT({ env: 'sandbox', scope: 'user/*.rs', client_id: 'c' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime('5m')
    .encode();

const symmetric = (): Promise<string> =>
  new SignJWT({ iss: issuer, aud: audience, env: 'sandbox', scope: 'user/*.rs' })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' })
    .sign(new Uint8Array(32));

function expectOutcome(response: supertest.Response): void {
  expect(response.get('Content-Type')).toBe('application/fhir+json; charset=utf-8');
  expect(response.get('Access-Control-Allow-Origin')).toBe('*');
  expect(response.body.resourceType).toBe('OperationOutcome');
  expect(response.body.issue[0].severity).toBe('error');
}
