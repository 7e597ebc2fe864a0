import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPassword } from '../../src/accounts/service.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { digest } from '../../src/base/secrets.ts';
import { findClient } from '../../src/clients/store.ts';
import { type Fixtures, makeFixtures, writeFixtures } from '../../src/commands/fixtures.ts';
import { searchCatalogue } from '../../src/products/catalogue-store.ts';
import { expireDue } from '../../src/subscriptions/ending-service.ts';
import { checkTestUserPassword } from '../../src/test-users/service.ts';
import { listTestUsersFor } from '../../src/test-users/store.ts';
import { useDatabase } from '../support/database.ts';
import { keyring } from '../support/seed.ts';

describe('fixtures', () => {
  const pool = useDatabase();
  const passwords = createPasswords();
  afterAll(() => passwords.close());
  const make = () =>
    makeFixtures(pool, keyring, passwords, {
      baseUrl: 'http://localhost:3000',
      logFile: '/tmp/sandgate.log',
    });

  let fixtures: Fixtures;
  beforeAll(async () => {
    fixtures = await make();
  });

  test('every client is there as described, with the secret that opens it', async () => {
    for (const [name, fixture] of Object.entries(fixtures.clients)) {
      const record = await findClient(pool, 'sandbox', fixture.client_id);
      expect(record).toMatchObject({
        authMethod: fixture.token_endpoint_auth_method,
        usable: name !== 'cancelled',
        redirectUris: fixture.redirect_uri ? [fixture.redirect_uri] : [],
        postLogoutRedirectUris: fixture.post_logout_redirect_uri
          ? [fixture.post_logout_redirect_uri]
          : [],
      });
      expect(record?.secrets.map((secret) => secret.digest)).toEqual(
        fixture.client_secret ? [digest(fixture.client_secret).toString('base64url')] : [],
      );
    }
  });

  test('each client may ask for what its scope says, in products of its subjects', async () => {
    const subjects: Record<string, string> = {};
    for (const [name, fixture] of Object.entries(fixtures.clients)) {
      const record = await findClient(pool, 'sandbox', fixture.client_id);
      const [product] = record?.products ?? [];
      if (!product) continue;
      subjects[name] = product.subjects;
      const oidc = record?.allowsOidc ? ['openid', 'profile', 'email', 'offline_access'] : [];
      const scopes = product.scopes.map(({ scope }) => scope);
      expect(fixture.scope.split(' ')).toEqual([...oidc, ...scopes]);
      for (const type of record?.grantTypes ?? []) expect(product.grantTypes).toContain(type);
    }
    expect(subjects).toEqual({
      confidential: 'accounts',
      other: 'accounts',
      public: 'accounts',
      service: 'accounts',
      password: 'test_users',
      sandbox: 'test_users',
    });
  });

  test('the scopes are what they are called', async () => {
    const all = Object.values(fixtures.clients).flatMap(({ scope }) => scope.split(' '));
    expect(all).not.toContain(fixtures.scopes.unassigned);
    expect(all).not.toContain(fixtures.scopes.live);
    expect(fixtures.clients.confidential.scope.split(' ')).toContain(fixtures.scopes.extra);
    const record = await findClient(pool, 'sandbox', fixtures.clients.confidential.client_id);
    expect(record?.products[0]?.scopes).toContainEqual(
      expect.objectContaining({ scope: fixtures.scopes.extra, isDefault: false }),
    );
  });

  test('the users’ passwords are right, through the clients of their team', async () => {
    const { regular, unverified, other_team, ...testUsers } = fixtures.users;
    const signIn = ({ email, password }: typeof regular) =>
      checkPassword(pool, passwords, email, password);
    expect(await signIn(regular)).toMatchObject({ email: regular.email });
    expect(await signIn(other_team)).toMatchObject({ email: other_team.email });
    expect(await signIn(unverified)).toBeUndefined();

    const client = await findClient(pool, 'sandbox', fixtures.clients.password.client_id);
    for (const user of Object.values(testUsers)) {
      const found = await checkTestUserPassword(pool, keyring, {
        ...user,
        teamId: client?.teamId ?? null,
      });
      expect(found?.claims).toMatchObject({ email: user.email });
    }
    expect(Buffer.byteLength(fixtures.users.long_password.password)).toBeGreaterThan(72);
  });

  test('each key is in the state that it is called by, at a second run too', async () => {
    for (const run of [1, 2]) {
      if (run === 2) {
        await expireDue({ pool, baseUrl: 'http://localhost:3000' });
        fixtures = await make();
      }
      const { keys } = fixtures;
      const stateOf = async (key: string) => {
        const { rows } = await pool.query(
          `select s.state in ('active') and coalesce(s.expires_at > now(), true) as subscribed,
             coalesce(k.expires_at > now(), true) as lives, s.state, p.credentials, p.rate_calls,
             p.quota_calls, array(select api_id from product_apis where product_id = p.id) as apis
           from subscription_keys k join subscriptions s on s.id = k.subscription_id
           join products p on p.id = s.product_id where k.fingerprint = $1`,
          [keyring.fingerprint(key)],
        );
        const [{ subscribed, lives, state, ...product }] = rows;
        expect(product).toEqual({
          credentials: 'key',
          rate_calls: null,
          quota_calls: null,
          apis: [keys.product],
        });
        return [subscribed, lives, state];
      };
      expect(await stateOf(keys.valid)).toEqual([true, true, 'active']);
      expect(await stateOf(keys.sandbox)).toEqual([true, true, 'active']);
      expect(await stateOf(keys.revocable)).toEqual([true, true, 'active']);
      expect(await stateOf(keys.revoked)).toEqual([true, false, 'active']);
      const expired = run === 1 ? 'active' : 'expired'; // which the sweep has noted by then
      expect(await stateOf(keys.expired)).toEqual([false, true, expired]);
      expect(await stateOf(keys.cancelled_subscription)).toEqual([false, true, 'cancelled']);
      const all = [keys.valid, keys.sandbox, keys.revocable, keys.revoked, keys.expired];
      expect(new Set([...all, keys.cancelled_subscription]).size).toBe(6);
    }
    const { rows } = await pool.query(
      `select count(*)::int as live from gateway_credentials where expires_at is null`,
    );
    expect(rows).toEqual([{ live: 1 }]);
  });

  test('no one else is shown them', async () => {
    expect(await listTestUsersFor(pool, null)).toEqual([]);
    const all = { viewer: null, words: [], environment: null, after: null, limit: 100 };
    expect(await searchCatalogue(pool, all)).toEqual([]);
  });

  test('a second run replaces every secret and doubles nothing', async () => {
    const counts = async () =>
      (
        await pool.query(
          `select (select count(*) from clients) as clients, (select count(*) from teams) as teams,
             (select count(*) from client_secrets) as secrets,
             (select count(*) from test_users) as "testUsers"`,
        )
      ).rows;
    const before = await counts();
    const old = fixtures;
    fixtures = await make();

    expect(await counts()).toEqual(before);
    const record = await findClient(pool, 'sandbox', old.clients.service.client_id);
    const wanted = digest(fixtures.clients.service.client_secret ?? '').toString('base64url');
    expect(record?.secrets.map((secret) => secret.digest)).toEqual([wanted]);
    const { email, password } = old.users.regular;
    expect(await checkPassword(pool, passwords, email, password)).toBeUndefined();
  });

  test('the file can be read by its owner only, whatever it was before', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fixtures-'));
    const file = join(directory, 'fixtures.json');
    await writeFile(file, 'an older and longer file'.repeat(1000), { mode: 0o644 });
    await writeFixtures(file, fixtures);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(fixtures)));
    await rm(directory, { recursive: true });
  });
});
