import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { post, type TokenAnswer } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('private_key_jwt with keys at an address (RFC 7591 jwks_uri)', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let keyServer: Server;
  let address: string;
  let clientId: string;
  const at = { keys: [] as object[], status: 200, asked: 0 };

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    keyServer = createServer((_, answer) => {
      at.asked += 1;
      answer.writeHead(at.status).end(JSON.stringify({ keys: at.keys }));
    });
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    keyServer.close();
    await server.close();
  });
  beforeEach(async () => {
    const product = await aProduct(server.pool);
    const subscriptions = [await aSubscription(server.pool, { product })];
    const jwksUri = `${address}/${crypto.randomUUID()}`;
    const client = await aClient(server.pool, {
      subscriptions,
      authMethod: 'private_key_jwt',
      jwksUri,
    });
    clientId = client.id;
    Object.assign(at, { keys: [], status: 200, asked: 0 });
  });

  async function pair(kid: string) {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
  }
  type Pair = Awaited<ReturnType<typeof pair>>;

  async function ask({ kid, privateKey }: Pair): Promise<TokenAnswer> {
    const client_assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(server.sandbox)
      .setExpirationTime('1m')
      .sign(privateKey);
    return post(`${server.sandbox}/token`, null, {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    });
  }

  test('the key that stands there opens, and it is fetched once', async () => {
    const one = await pair('one');
    at.keys = [one.jwk];
    const answers = await Promise.all([ask(one), ask(one), ask(one)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(at.asked).toBe(1);
  });

  test('another key does not, nor does one of the same name', async () => {
    const [one, other] = [await pair('one'), await pair('one')];
    at.keys = [one.jwk];
    expect(await ask(other)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect((await ask(await pair('two'))).status).toBe(401);
    expect((await ask(one)).status).toBe(200);
    expect(at.asked).toBe(1);
  });

  test.each<[what: string, change: () => void]>([
    ['an address that fails', () => Object.assign(at, { status: 500 })],
    ['an address that leads on', () => Object.assign(at, { status: 302 })],
    ['an empty set', () => Object.assign(at, { keys: [] })],
    [
      'a secret in the place of a key',
      () => Object.assign(at, { keys: [{ kty: 'oct', k: 'eA' }] }),
    ],
  ])('with %s the client is refused, and the endpoint goes on', async (_, change) => {
    const one = await pair('one');
    at.keys = [one.jwk];
    change();
    expect(await ask(one)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const other = await aClient(server.pool);
    const machine = { grant_type: 'client_credentials' };
    expect((await post(`${server.sandbox}/token`, other, machine)).status).toBe(200);
  });

  test('nothing is fetched for whoever does not prove itself by it', async () => {
    await fetch(`${server.sandbox}/auth?client_id=${clientId}&response_type=code`);
    await post(`${server.sandbox}/token`, { id: clientId }, { grant_type: 'client_credentials' });
    await post(`${server.sandbox}/token`, null, {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'no assertion',
    });
    expect(at.asked).toBe(0);
  });
});
