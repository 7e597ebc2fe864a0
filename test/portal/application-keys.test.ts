import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aDeveloper, fill } from './application-support.ts';
import type { Person } from './profile-support.ts';

const now = () => Math.floor(Date.now() / 1000);

describe('an application with keys of its own', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let keyServer: Server;
  let address: string;
  let person: Person;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let other: Awaited<ReturnType<typeof generateKeyPair>>;
  let jwks: string;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    ({ person } = await aDeveloper(server, passwords));
    [keys, other] = await Promise.all([
      generateKeyPair('ES256', { extractable: true }),
      generateKeyPair('ES256', { extractable: true }),
    ]);
    jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'first' }] });
    keyServer = createServer((request, answer) =>
      request.url === '/jwks.json' ? answer.end(jwks) : answer.writeHead(404).end(),
    );
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    keyServer.close();
    await server.close();
    await passwords.close();
  });

  async function made(fields: Record<string, string>): Promise<string> {
    const form = { name: 'Night Batch', on_behalf: '', as_system: 'yes', proof: 'key', ...fields };
    const page = await fill(person, '/applications/new', form);
    const id = /applications\/(app_[\w-]+)/.exec(page.url)?.[1];
    if (!id) throw new Error(`not made: ${page.status}`);
    return id;
  }

  const signed = (
    id: string,
    claims: JWTPayload = {},
    header: Partial<JWTHeaderParameters> = {},
    key = keys.privateKey,
  ) =>
    new SignJWT({
      iss: id,
      sub: id,
      aud: server.sandbox,
      jti: crypto.randomUUID(),
      iat: now(),
      exp: now() + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'first', ...header })
      .sign(key);

  const ask = async (client_assertion: string) =>
    post(`${server.sandbox}/token`, null, {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    });

  const test_ = async (id: string, assertion: string) => {
    const page = await person.open(`/applications/${id}`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const url = `${server.baseUrl}/applications/${id}/assertion`;
    const body = new URLSearchParams({ csrf, assertion });
    return person.browser.open(url, { method: 'POST', body, headers: { origin: server.baseUrl } });
  };
  const failing = (text: string) => [...text.matchAll(/Fail: ([^<]*)\.</g)].map(([, what]) => what);

  test('pasted, they open, and there is no secret', async () => {
    const id = await made({ jwks });
    expect((await ask(await signed(id))).status).toBe(200);
    const { text } = await person.open(`/applications/${id}`);
    expect(text).toContain('1 key: first');
    expect(text).not.toContain('Make a new secret');
  });

  test('at an address, they open', async () => {
    const id = await made({ jwks_uri: `${address}/jwks.json` });
    expect((await ask(await signed(id))).status).toBe(200);
    expect((await person.open(`/applications/${id}`)).text).toContain('Fetched today');
  });

  test('an address without keys is told of on the page', async () => {
    const id = await made({ jwks_uri: `${address}/elsewhere` });
    expect((await ask(await signed(id))).status).toBe(401);
    const { text } = await person.open(`/applications/${id}`);
    expect(text).toContain('The server answered 404, not 200.');
  });

  test('a private key is refused', async () => {
    const secret = JSON.stringify(await exportJWK(keys.privateKey));
    const form = { name: 'X', on_behalf: '', as_system: 'yes', proof: 'key', jwks: secret };
    const page = await fill(person, '/applications/new', form);
    expect([page.status, page.text.includes('make a new pair')]).toEqual([422, true]);
  });

  test('it has no secret to make', async () => {
    const id = await made({ jwks });
    const page = await person.open(`/applications/${id}`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const url = `${server.baseUrl}/applications/${id}/secrets`;
    const body = new URLSearchParams({ csrf });
    const headers = { origin: server.baseUrl };
    const refused = await person.browser.open(url, { method: 'POST', body, headers });
    expect([refused.status, refused.text.includes('proves itself otherwise')]).toEqual([409, true]);
  });

  describe('test my assertion', () => {
    let id: string;
    beforeAll(async () => {
      id = await made({ jwks });
    });

    test('a good one passes every check, and can be used afterwards, once', async () => {
      const good = await signed(id);
      const page = await test_(id, good);
      expect([page.status, failing(page.text)]).toEqual([200, []]);
      expect(page.text).toContain('The token endpoint would take it');
      expect(page.text.match(/Pass: /g)).toHaveLength(12);
      expect(page.text).not.toContain(good);
      expect((await ask(good)).status).toBe(200);
      expect(failing((await test_(id, good)).text)).toEqual(['jti is new']);
    });

    test.each<[what: string, assertion: () => Promise<string>, fails: string[]]>([
      ['nothing', async () => '', ['It is a JWT']],
      ['no JWT', async () => 'a.b.c', ['It is a JWT']],
      ['another key', () => signed(id, {}, {}, other.privateKey), ['Its signature is right']],
      ['an unknown kid', () => signed(id, {}, { kid: 'second' }), ['Its key is known']],
      ['another iss', () => signed(id, { iss: 'x' }), ['iss is the client ID']],
      ['no sub', () => signed(id, { sub: undefined }), ['sub is the client ID']],
      ['the other environment', () => signed(id, { aud: server.live }), ['aud is this server']],
      ['no aud', () => signed(id, { aud: undefined }), ['aud is this server']],
      ['what has expired', () => signed(id, { exp: now() - 60 }), ['It has not expired']],
      ['no exp', () => signed(id, { exp: undefined }), ['It has not expired']],
      ['two hours', () => signed(id, { exp: now() + 7200 }), ['It lasts an hour at most']],
      ['what lies ahead', () => signed(id, { nbf: now() + 60 }), ['It has begun']],
      ['an iat that is text', () => signed(id, { iat: 'x' as never }), ['iat is a time']],
      ['no jti', () => signed(id, { jti: undefined }), ['jti is new']],
      [
        'several faults',
        () => signed(id, { iss: 'x', aud: 'y', jti: undefined }),
        ['iss is the client ID', 'aud is this server', 'jti is new'],
      ],
    ])('%s fails there, and at the token endpoint', async (_, assertion, fails) => {
      const made = await assertion();
      expect(failing((await test_(id, made)).text)).toEqual(fails);
      expect((await ask(made)).status).toBeGreaterThanOrEqual(400);
    });

    test('alg none fails', async () => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const forged = `${part({ alg: 'none' })}.${part({ iss: id, sub: id })}.`;
      expect(failing((await test_(id, forged)).text)).toContain('Its algorithm is allowed');
    });

    test('what is in it is shown as text', async () => {
      const { text } = await test_(id, await signed(id, { iss: '<script>alert(1)</script>' }));
      expect(text).not.toContain('<script>alert');
    });

    test('nothing of it is kept', async () => {
      const jti = crypto.randomUUID();
      await test_(id, await signed(id, { jti }));
      const { rows } = await server.pool.query(
        `select count(*)::int as count from oidc_records where kind = 'ReplayDetection' and payload::text like $1`,
        [`%${jti}%`],
      );
      expect(rows[0]?.count).toBe(0);
    });
  });
});
