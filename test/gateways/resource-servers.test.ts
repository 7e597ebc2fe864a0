import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { freePort } from '../../src/db/embedded-server.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startInstance, type TestServer } from '../support/server.ts';
import { example, makeCertificate, startNginx, temporaryDirectory } from './front.ts';
import { type Program, python, startProgram, storiesWith } from './programs.ts';

const checkers = [
  { name: 'jose', command: process.execPath, file: 'with-jose.mjs' },
  { name: 'aws-jwt-verify', command: process.execPath, file: 'with-aws-jwt-verify.mjs' },
  { name: 'express-oauth2-jwt-bearer', command: process.execPath, file: 'with-express.mjs' },
  { name: 'PyJWT', command: python, file: 'with_pyjwt.py' },
];

const audience = 'https://api.example/care';

/** Each with its stock configuration, by our published keys over https, and nothing from us besides. */
storiesWith(
  'nginx',
  'openssl',
  'pyjwt',
)('APIs that check our tokens themselves', () => {
  const databaseUrl = useDatabaseUrl();
  const directory = temporaryDirectory();
  const running: Program[] = [];
  const urls = new Map<string, string>();
  let server: TestServer;
  let tokens: Record<string, string>;

  beforeAll(async () => {
    const port = await freePort();
    const baseUrl = `https://localhost:${port}`;
    const tls = makeCertificate(directory);
    const instance = await startInstance({ databaseUrl, baseUrl, trustProxy: true });
    server = instance;
    const front = example('nginx/sandgate.conf', {
      '443 ssl': `127.0.0.1:${port} ssl`,
      '/etc/ssl/sandgate.pem': tls.certificate,
      '/etc/ssl/sandgate.key': tls.key,
      '127.0.0.1:3000': new URL(instance.address).host,
    });
    running.push(await startNginx(directory, { port, servers: front }));
    tokens = await makeTokens(server.pool, {
      address: instance.address,
      host: `localhost:${port}`,
    });

    const trust = { NODE_EXTRA_CA_CERTS: tls.certificate, SSL_CERT_FILE: tls.certificate };
    const starting = checkers.map(async ({ name, command, file }) => {
      const own = await freePort();
      const path = new URL(`../../examples/resource-servers/${file}`, import.meta.url);
      const env = { ISSUER: `${baseUrl}/sandbox`, AUDIENCE: audience, PORT: String(own), ...trust };
      running.push(await startProgram(command, [fileURLToPath(path)], { port: own, env }));
      urls.set(name, `http://127.0.0.1:${own}/`);
    });
    await Promise.all(starting);
  }, 60_000);
  afterAll(async () => {
    for (const program of running) await program.stop();
    await server?.close();
  });

  describe.each(checkers)('$name', ({ name }) => {
    const ask = async (token = '') => {
      const headers = new Headers(token ? [['authorization', `Bearer ${token}`]] : []);
      const answer = await fetch(urls.get(name) ?? '', { headers });
      const challenge = answer.headers.get('www-authenticate');
      return { status: answer.status, challenge, body: await answer.json() };
    };

    test.each([
      ['of a test user', 'tu_gp', 'user'],
      ['of a machine', 'the-client', 'machine'],
    ])('takes an access token %s', async (_whose, sub, token) => {
      expect(await ask(tokens[token])).toMatchObject({ status: 200, body: { sub, scope: 'read' } });
    });

    test.each([
      ['none', 'none'],
      ['an ID Token', 'id'],
      ['an expired one', 'expired'],
      ['one for another product', 'other'],
      ['one of the live issuer', 'live'],
      ['one with another body', 'altered'],
      ['one that says alg: none', 'unsigned'],
      ['one signed with our public key as if it were a secret', 'hmac'],
      ['one with a kid of nobody', 'unknownKid'],
    ])('refuses %s', async (_what, token) => {
      const { status, challenge } = await ask(tokens[token]);
      expect({ status, challenge }).toEqual({
        status: 401,
        challenge: expect.stringMatching(/^Bearer/),
      });
    });
  });
});

type At = { address: string; host: string };

/** One of each kind, bought as a client would, but past the proxy: this process does not know its certificate. */
async function makeTokens(pool: pg.Pool, { address, host }: At): Promise<Record<string, string>> {
  const team = await aTeam(pool);
  const as = { 'x-forwarded-host': host, 'x-forwarded-proto': 'https' };
  const product = await aProduct(pool, { audience });
  const other = await aProduct(pool);
  const live = await aProduct(pool, { environment: 'live', audience });
  const clientOf = async (given: typeof product, more: { id?: string } = {}) =>
    aClient(pool, {
      ...more,
      subscriptions: [await aSubscription(pool, { team, product: given })],
    });
  const grants = {
    user: await clientOf(product, { id: 'the-client' }),
    other: await clientOf(other),
    live: await clientOf(live),
  };
  const testUser = await aTestUser(pool, { id: 'tu_gp', team, username: 'gp' });
  const password = { grant_type: 'password', username: 'gp', password: testUser.password };
  const machine = { grant_type: 'client_credentials' };

  const bought = async (
    of: keyof typeof grants,
    form: Record<string, string>,
    kind = 'access_token',
  ): Promise<string> => {
    const issuer = `${address}/${of === 'live' ? 'live' : 'sandbox'}`;
    const { body, status } = await post(`${issuer}/token`, grants[of], form, as);
    if (typeof body[kind] !== 'string') throw new Error(`${status} ${JSON.stringify(body)}`);
    return body[kind];
  };

  const user = await bought('user', { ...password, scope: 'read' });
  const id = await bought('user', { ...password, scope: 'openid read' }, 'id_token');
  await pool.query(`update test_users set behaviour = 'token_expired' where id = $1`, [
    testUser.id,
  ]);
  const expired = await bought('user', { ...password, scope: 'read' });
  const jwks = await (await fetch(`${address}/sandbox/jwks`, { headers: as })).json();
  return {
    none: '',
    user,
    id,
    expired,
    machine: await bought('user', machine),
    other: await bought('other', machine),
    live: await bought('live', machine),
    ...forgeriesOf(user, JSON.stringify(jwks)),
  };
}

/** What somebody makes of a token who has no key of ours. */
function forgeriesOf(token: string, publicKeys: string): Record<string, string> {
  const [head = '', body = '', signature = ''] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  const written = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const asHmac = `${written({ ...read(head), alg: 'HS256' })}.${body}`;
  const mac = createHmac('sha256', publicKeys).update(asHmac).digest('base64url');
  return {
    altered: `${head}.${written({ ...read(body), scope: 'read write' })}.${signature}`,
    unsigned: `${written({ ...read(head), alg: 'none' })}.${body}.`,
    hmac: `${asHmac}.${mac}`,
    unknownKid: `${written({ ...read(head), kid: 'nobody' })}.${body}.${signature}`,
  };
}
