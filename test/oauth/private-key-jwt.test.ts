import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { post, type TokenAnswer } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';

const now = () => Math.floor(Date.now() / 1000);

describe('private_key_jwt (RFC 7523)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let second: TestServer & { address: string };
  let clientId: string;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    second = await startInstance({ databaseUrl, baseUrl: server.baseUrl });
    keys = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'first', alg: 'ES256', use: 'sig' };
    const product = await aProduct(server.pool);
    const subscriptions = [await aSubscription(server.pool, { product })];
    const jwks = { keys: [jwk] };
    ({ id: clientId } = await aClient(server.pool, {
      subscriptions,
      authMethod: 'private_key_jwt',
      jwks,
    }));
  });
  afterAll(async () => {
    await second.close();
    await server.close();
  });

  const rightClaims = (): JWTPayload => ({
    iss: clientId,
    sub: clientId,
    aud: server.sandbox,
    jti: crypto.randomUUID(),
    iat: now(),
    exp: now() + 60,
  });
  /** undefined: left out. */
  const assertion = (changed: JWTPayload = {}, key = keys.privateKey) =>
    new SignJWT({ ...rightClaims(), ...changed })
      .setProtectedHeader({ alg: 'ES256', kid: 'first' })
      .sign(key);

  const ask = (
    client_assertion: string,
    more: Record<string, string> = {},
    at = server.sandbox,
  ): Promise<TokenAnswer> =>
    post(`${at}/token`, null, {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
      ...more,
    });

  test('a client with a key of its own gets a token without any secret', async () => {
    const { status, body } = await ask(await assertion());
    expect([status, body.scope]).toEqual([200, 'read']);
  });

  test.each(['/token', '/token/introspection'])(
    'the audience may also be %s itself',
    async (path) => {
      const aud = `${server.sandbox}${path}`;
      const form = { token: 'x', client_assertion: await assertion({ aud }) };
      const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
      const answer = await post(aud, null, {
        grant_type: 'client_credentials',
        client_assertion_type: type,
        ...form,
      });
      expect(answer.status).toBe(200);
    },
  );

  test('an assertion counts once, whichever instance it is shown to again', async () => {
    const used = await assertion();
    expect((await ask(used)).status).toBe(200);

    const address = `${second.address}/sandbox`;
    const host = new URL(server.baseUrl).host;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: used,
    });
    const elsewhere = await postTo(`${address}/token`, host, form.toString());
    expect(elsewhere).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect((await ask(used)).status).toBe(401);

    form.set('client_assertion', await assertion());
    const hosts = Array.from({ length: 10 }, (_, one) => (one % 2 ? address : server.sandbox));
    const race = await Promise.all(hosts.map((at) => postTo(`${at}/token`, host, form.toString())));
    expect(race.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(401)]);
  });

  test('the jti of one client is free for another', async () => {
    const other = await aClient(server.pool, {
      authMethod: 'private_key_jwt',
      jwks: {
        keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'first', alg: 'ES256', use: 'sig' }],
      },
    });
    const jti = 'the same';
    expect((await ask(await assertion({ jti }))).status).toBe(200);
    expect((await ask(await assertion({ jti, iss: other.id, sub: other.id }))).status).toBe(200);
  });

  test.each<[what: string, changed: () => JWTPayload]>([
    ['another audience', () => ({ aud: 'https://elsewhere.example' })],
    ['the other environment for an audience', () => ({ aud: server.live })],
    ['no audience', () => ({ aud: undefined })],
    ['a time that has passed', () => ({ exp: now() - 60 })],
    ['no end', () => ({ exp: undefined })],
    ['another issuer', () => ({ iss: 'someone' })],
    ['no issuer', () => ({ iss: undefined })],
    ['another subject', () => ({ sub: 'someone' })],
    ['no subject', () => ({ sub: undefined })],
    ['no jti', () => ({ jti: undefined })],
    ['a time that has not come', () => ({ nbf: now() + 60 })],
  ])('an assertion with %s is refused', async (_what, changed) => {
    const { status, body } = await ask(await assertion(changed()));
    expect([status, body.error]).toEqual([401, 'invalid_client']);
  });

  test.each<[what: string, exp: () => unknown]>([
    ['beyond an hour', () => now() + 3600 + 60],
    ['in a year', () => now() + 365 * 24 * 3600],
    ['after the last day that the database knows', () => 1e15],
    ['beyond whole numbers', () => 1e300],
    ['in the middle of a second', () => now() + 60.5],
    ['written as text', () => String(now() + 60)],
  ])('an assertion that ends %s is refused', async (_what, exp) => {
    const answer = await ask(await assertion({ exp: exp() as number })); // whatever a client may send
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('an assertion may last for almost an hour', async () => {
    expect((await ask(await assertion({ exp: now() + 3600 - 10 }))).status).toBe(200);
  });

  test('an assertion under another key is refused', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    expect(await ask(await assertion({}, privateKey))).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
  });

  test.each([{ alg: 'none' }, { alg: 'HS256' }])(
    'an assertion of $alg is refused',
    async (header) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const forged = `${part(header)}.${part(rightClaims())}.${header.alg === 'none' ? '' : 'c2ln'}`;
      expect((await ask(forged)).status).toBe(401);
    },
  );

  test('a secret, or the bare client_id, is no way in for such a client', async () => {
    const machine = { grant_type: 'client_credentials' };
    expect((await post(`${server.sandbox}/token`, { id: clientId }, machine)).status).toBe(401);
    expect(
      (await post(`${server.sandbox}/token`, { id: clientId, secret: 'see-secrets' }, machine))
        .status,
    ).toBe(401);
  });

  test('a client with a secret cannot come with an assertion signed by it', async () => {
    const confidential = await aClient(server.pool);
    const forged = await new SignJWT({
      ...rightClaims(),
      iss: confidential.id,
      sub: confidential.id,
    })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(confidential.secret));
    expect((await ask(forged)).status).toBe(401);
  });
});

/** To one instance under the public name of all; fetch allows no Host of one's own. */
async function postTo(url: string, host: string, form: string) {
  const { request } = await import('node:http');
  const headers = { host, 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise<{ status?: number; body: Record<string, unknown> }>((resolve, reject) => {
    const call = request(url, { method: 'POST', headers }, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      resolve({ status: answer.statusCode, body: JSON.parse(text) });
    });
    call.on('error', reject).end(form);
  });
}
