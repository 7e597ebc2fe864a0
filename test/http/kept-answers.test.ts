import request from 'supertest';
import { useDatabaseUrl } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('discovery and keys, given again from memory', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl, trustProxy: true });
  });
  afterAll(() => server.close());

  /** Without what is each answer's own: one that is not logged has no request id. */
  const answerTo = async (path: string) => {
    const { status, text, headers } = await request(server.baseUrl).get(path);
    const { 'x-request-id': _own, date: _now, ...rest } = headers;
    return { status, text, headers: rest };
  };

  test.each([
    '/sandbox/jwks',
    '/live/.well-known/openid-configuration',
    '/sandbox/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/live',
    '/.well-known/openid-configuration/sandbox',
  ])('%s is the same, header by header', async (path) => {
    const first = await answerTo(path);
    const second = await answerTo(path);
    expect(second).toEqual(first);
    expect(first.status).toBe(200);
    expect(first.headers['content-security-policy']).toBeTruthy();
    expect(first.headers['x-content-type-options']).toBe('nosniff');
  });

  test('the sandbox’s are not the live ones', async () => {
    const [sandbox, live] = await Promise.all([answerTo('/sandbox/jwks'), answerTo('/live/jwks')]);
    expect(sandbox.text).not.toBe(live.text);
  });

  test.each([
    ['Host', 'evil.example'],
    ['Host', 'evil@127.0.0.1'],
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Proto', 'https'],
  ])('whoever asks another origin (%s: %s) is refused as ever', async (name, value) => {
    await answerTo('/sandbox/jwks'); // now it is kept
    const { status } = await request(server.baseUrl).get('/sandbox/jwks').set(name, value);
    expect(status).toBe(421);
  });

  test.each([
    ['post', 404],
    ['head', 200],
  ] as const)('%s goes the usual way', async (method, status) => {
    await answerTo('/sandbox/jwks');
    const answer = await request(server.baseUrl)[method]('/sandbox/jwks');
    expect([answer.status, answer.text ?? '']).toEqual([
      status,
      expect.not.stringMatching('"keys"'),
    ]);
  });
});
