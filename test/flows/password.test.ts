import { decodeJwt } from 'jose';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const scope = (name: string) => ({ scope: name, description: name, isDefault: true });
type Credentials = { id: string; secret: string | null };

describe('the password grant (RFC 6749 section 4.3), for test users', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: Credentials;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const team = await aTeam(server.pool);
    const scopes = [
      scope('user/Observation.rs'),
      scope('user/Observation.cud'),
      scope('system/Observation.rs'),
    ];
    const roleScopes = {
      gp: ['user/Observation.rs', 'user/Observation.cud'],
      nurse: ['user/Observation.rs'],
    };
    const product = await aProduct(server.pool, { scopes, roleScopes });
    const subscription = await aSubscription(server.pool, { product, team });
    client = await aClient(server.pool, { subscriptions: [subscription] });
    await aTestUser(server.pool, {
      id: 'tu_gp',
      username: 'gp',
      password: 'published',
      claims: { email: 'gp@example.com' },
      patient: 'p1',
    });
    await aTestUser(server.pool, {
      id: 'tu_nurse',
      username: 'nurse',
      role: 'nurse',
      password: 'published',
    });
    await aTestUser(server.pool, { id: 'tu_own', username: 'own', team, password: 'published' });
    await aTestUser(server.pool, { id: 'tu_umlaut', username: 'umlaut', password: 'Sch\u00f6n' });
  });
  afterAll(() => server.close());

  const ask = (
    username: string,
    password: string,
    more: Record<string, string> = {},
    as: Credentials = client,
  ) => post(`${server.sandbox}/token`, as, { grant_type: 'password', username, password, ...more });

  test('a persona’s name and published password buy a token about the persona', async () => {
    const { status, body } = await ask('gp', 'published');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'user/Observation.rs user/Observation.cud',
    });
    expect(body).not.toHaveProperty('refresh_token');
    expect(decodeJwt(String(body.access_token))).toMatchObject({
      sub: 'tu_gp',
      client_id: client.id,
      env: 'sandbox',
      test_user: true,
      patient: 'p1',
      gid: expect.any(String),
      subscription_id: expect.any(String),
    });
    expect(decodeJwt(String(body.id_token))).toMatchObject({
      sub: 'tu_gp',
      aud: client.id,
      iss: server.sandbox,
    });
  });

  test('the role narrows what is asked', async () => {
    expect((await ask('nurse', 'published')).body.scope).toBe('user/Observation.rs');
    const both = { scope: 'user/Observation.rs user/Observation.cud' };
    expect((await ask('nurse', 'published', both)).body.scope).toBe('user/Observation.rs');
  });

  test('openid alone is a token for the default product with no scope of it, good for userinfo', async () => {
    const { body } = await ask('gp', 'published', { scope: 'openid' });
    expect(decodeJwt(String(body.access_token))).not.toHaveProperty('scope');
    expect(decodeJwt(String(body.access_token))).toMatchObject({
      aud: expect.stringMatching(/^https:/),
    });
    const me = await fetch(`${server.sandbox}/me`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    });
    expect(await me.json()).toEqual({ sub: 'tu_gp' });
  });

  test('with offline_access comes a refresh token, and it works', async () => {
    const { body } = await ask('gp', 'published', {
      scope: 'openid offline_access user/Observation.rs',
    });
    const again = await post(`${server.sandbox}/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
    });
    expect(again.body).toMatchObject({
      scope: 'user/Observation.rs',
      id_token: expect.any(String),
    });
  });

  test('the same letters typed on another keyboard are the same password', async () => {
    expect((await ask('umlaut', 'Scho\u0308n')).status).toBe(200);
  });

  test('a team’s own test user is known to clients of that team only', async () => {
    expect((await ask('own', 'published')).status).toBe(200);
    const foreign = await aClient(server.pool);
    const [other, nobody] = await Promise.all([
      ask('own', 'published', {}, foreign),
      ask('nobody', 'x', {}, foreign),
    ]);
    expect(other).toMatchObject({ status: 400, body: nobody.body });
  });

  test('a real account’s password is answered like a wrong one, byte for byte', async () => {
    const passwords = createPasswords();
    const passwordHash = await passwords.hash('correct horse battery');
    passwords.close();
    await anAccount(server.pool, { email: 'ada@example.com', passwordHash });
    const answers = await Promise.all(
      [
        ['ada@example.com', 'correct horse battery'],
        ['ada@example.com', 'wrong'],
        ['gp', 'wrong'],
        ['nobody', 'wrong'],
      ].map(async ([username = '', password = '']) => {
        const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64');
        const answer = await fetch(`${server.sandbox}/token`, {
          method: 'POST',
          headers: { authorization: `Basic ${basic}` },
          body: new URLSearchParams({ grant_type: 'password', username, password }),
        });
        const headers = [...answer.headers].filter(
          ([name]) => !['date', 'x-request-id'].includes(name),
        );
        return JSON.stringify([answer.status, headers, await answer.text()]);
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('invalid_grant');
  });

  test('no product for accounts only can allow this grant: the database refuses it', async () => {
    await expect(aProduct(server.pool, { subjects: 'accounts' })).rejects.toThrow(
      /check constraint/,
    );
  });

  test('a product that does not allow it, and a client that was not made for it, get unauthorized_client', async () => {
    const product = await aProduct(server.pool, { grantTypes: ['client_credentials'] });
    const without = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { product })],
    });
    const notFor = await aClient(server.pool, { grantTypes: ['client_credentials'] });
    for (const as of [without, notFor]) {
      expect(await ask('gp', 'published', {}, as)).toMatchObject({
        status: 400,
        body: { error: 'unauthorized_client' },
      });
    }
  });

  test('the live issuer has no such grant, whatever a client was made for', async () => {
    const product = await aProduct(server.pool, { environment: 'live' });
    const live = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { product })],
    });
    const answer = await post(`${server.live}/token`, live, {
      grant_type: 'password',
      username: 'gp',
      password: 'published',
    });
    expect(answer).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } });
    const metadata = await fetch(`${server.live}/.well-known/openid-configuration`);
    expect(await metadata.text()).not.toContain('password"');
  });

  test('after twenty wrong tries a name waits, even for the right password', async () => {
    for (let tries = 0; tries < 20; tries += 1)
      expect((await ask('nurse', `wrong ${tries}`)).status).toBe(400);
    for (const password of ['wrong', 'published']) {
      const answer = await ask('NURSE', password);
      expect(answer).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(300);
    }
    expect((await ask('gp', 'published')).status).toBe(200); // others do not wait with it
  });

  test('after 200 wrong tries with whatever names an application waits, and others do not', async () => {
    const some = { ...(await aClient(server.pool)), name: 'Trying' };
    const other = await aClient(server.pool);
    for (let tries = 0; tries < 20; tries += 1) {
      expect((await ask('gp', 'published', {}, some)).status).toBe(200); // costs nothing
      const wrong = Array.from({ length: 10 }, (_, n) => ask(`x${tries}-${n}`, 'x', {}, some));
      expect((await Promise.all(wrong)).map(({ status }) => status)).toEqual(Array(10).fill(400));
    }
    for (const [name, given] of [
      ['gp', 'published'],
      ['nobody', 'x'],
    ] as const) {
      const answer = await ask(name, given, {}, some);
      expect(answer).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(300);
    }
    for (let tries = 0; tries < 30; tries += 1) await ask('gp', 'published', {}, some);
    const { rows } = await server.pool.query(
      `select from audit where actor_id = $1 and reason = 'too many attempts'`,
      [some.id],
    );
    expect(rows).toHaveLength(1); // not one for each refusal
    expect((await ask('gp', 'published', {}, other)).status).toBe(200); // nor did the name pay for it
    await server.pool.query(`update throttles set expire = 0 where key like '%:client:%'`);
    expect((await ask('gp', 'published', {}, some)).status).toBe(200);
  }, 30_000);

  test('strangers who give the name of a public client use nothing up of it', async () => {
    const some = { ...(await aClient(server.pool, { authMethod: 'none' })), secret: null };
    for (let tries = 0; tries < 21; tries += 1) {
      const wrong = Array.from({ length: 10 }, (_, n) => ask(`y${tries}-${n}`, 'x', {}, some));
      expect((await Promise.all(wrong)).map(({ status }) => status)).toEqual(Array(10).fill(400));
    }
    expect((await ask('gp', 'published', {}, some)).status).toBe(200);
  }, 30_000);

  test('a right password clears the count', async () => {
    await aTestUser(server.pool, { id: 'tu_slow', username: 'slow', password: 'published' });
    for (let round = 0; round < 2; round += 1) {
      for (let tries = 0; tries < 15; tries += 1) await ask('slow', 'wrong');
      expect((await ask('slow', 'published')).status).toBe(200);
    }
  });

  test('a persona that was taken away cannot refresh any more', async () => {
    await aTestUser(server.pool, { id: 'tu_gone', username: 'gone', password: 'published' });
    const { body } = await ask('gone', 'published', {
      scope: 'offline_access user/Observation.rs',
    });
    await server.pool.query(`delete from test_users where id = 'tu_gone'`);
    const refreshed = await post(`${server.sandbox}/token`, client, {
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
    });
    expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});
