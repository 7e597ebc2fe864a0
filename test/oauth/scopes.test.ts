import { decodeJwt } from 'jose';
import { upsertAccountProfile } from '../../src/accounts/profile-store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asAccount,
  asTestUser,
  authorizationUrl,
  buyTokens,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const scope = (name: string, isDefault = true) => ({ scope: name, description: name, isDefault });
const redirectUri = 'https://client.example/callback';
type ConfidentialClient = CodeClient & { secret: string };

/** One client on two products: `records`, its default, and `bookings`. */
describe('scopes and products', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: ConfidentialClient;
  let records: string;
  let bookings: string;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const team = await aTeam(server.pool);
    const recordsProduct = await aProduct(server.pool, {
      id: 'records',
      scopes: [
        scope('user/Observation.rs'),
        scope('user/*.cruds', false),
        scope('system/*.rs'),
        scope('shared', false),
      ],
      roleScopes: { gp: ['user/*.cruds', 'shared'], reader: ['user/Observation.rs'] },
    });
    const bookingsProduct = await aProduct(server.pool, {
      id: 'bookings',
      scopes: [scope('book'), scope('shared', false), scope('system/Slot.rs')],
      roleScopes: { gp: ['book', 'shared'] },
    });
    records = recordsProduct.audience;
    bookings = bookingsProduct.audience;
    const subscriptions = [
      await aSubscription(server.pool, { team, product: bookingsProduct }),
      await aSubscription(server.pool, { team, product: recordsProduct }),
    ];
    const made = await aClient(server.pool, { subscriptions, defaultProductId: 'records' });
    client = { ...made, redirectUri };
    await aTestUser(server.pool, {
      id: 'tu_gp',
      username: 'gp',
      password: 'published',
      claims: { email: 'gp@example.com' },
    });
    await aTestUser(server.pool, {
      id: 'tu_reader',
      username: 'reader',
      role: 'reader',
      password: 'published',
    });
  });
  afterAll(() => server.close());

  type Ask = (form: Record<string, string>) => Promise<Record<string, unknown>>;
  const byCode: Ask = async (form) =>
    (await buyTokens(server.sandbox, client, asTestUser('tu_gp'), form)).body;
  const byPassword: Ask = async (form) =>
    (
      await post(`${server.sandbox}/token`, client, {
        grant_type: 'password',
        username: 'gp',
        password: 'published',
        ...form,
      })
    ).body;
  const byItself: Ask = async (form) =>
    (await post(`${server.sandbox}/token`, client, { grant_type: 'client_credentials', ...form }))
      .body;

  const audienceOf = (body: Record<string, unknown>) => decodeJwt(String(body.access_token)).aud;

  describe.each<[string, Ask]>([
    ['the code grant', byCode],
    ['the password grant', byPassword],
  ])('by %s', (_grant, ask) => {
    test.each<Record<string, string>>([{}, { scope: '' }])(
      'no scope (%j) is the default one of the default product, and who it is',
      async (form) => {
        const body = await ask(form);
        expect(body).toMatchObject({ scope: 'user/Observation.rs', id_token: expect.any(String) });
        expect(audienceOf(body)).toBe(records);
        const me = await fetch(`${server.sandbox}/me`, {
          headers: { authorization: `Bearer ${body.access_token}` },
        });
        expect(await me.json()).toEqual({ sub: 'tu_gp', email: 'gp@example.com' });
      },
    );

    test('openid alone is still a JWT for the default product', async () => {
      const body = await ask({ scope: 'openid' });
      expect(audienceOf(body)).toBe(records);
      expect(decodeJwt(String(body.access_token))).not.toHaveProperty('scope');
    });

    test('the scopes choose the product that has them all', async () => {
      expect(audienceOf(await ask({ scope: 'openid book' }))).toBe(bookings);
      expect(audienceOf(await ask({ scope: 'user/Patient.r' }))).toBe(records);
    });

    test('a scope of both is for the default one, and resource says otherwise', async () => {
      expect(audienceOf(await ask({ scope: 'shared' }))).toBe(records);
      const body = await ask({ scope: 'shared', resource: bookings });
      expect(audienceOf(body)).toBe(bookings);
      expect(body.scope).toBe('shared');
    });

    test.each([
      'user/Observation.rs',
      'user/Observation.read',
      'user/Observation.r',
      'user/*.read',
      'user/*.*',
      'user/Patient.cud',
      'user/Patient.write user/Observation.s',
    ])('what the product covers comes back as it was asked: %s', async (asked) => {
      const body = await ask({ scope: asked });
      expect(body.scope).toBe(asked);
      expect(decodeJwt(String(body.access_token)).scope).toBe(asked);
    });
  });

  test.each([
    ['of no product', 'nothing'],
    ['of another product than its neighbour', 'book user/Observation.rs'],
    ['of another context', 'patient/Observation.rs'],
    ['of a machine', 'system/Encounter.cud'],
    ['with a query', 'user/Observation.rs?category=laboratory'],
    ['in another case', 'BOOK'],
  ])('a scope %s is invalid_scope at each grant', async (_what, asked) => {
    const url = authorizationUrl(server.sandbox, client, pkce().challenge, { scope: asked });
    const back = await newBrowser(server.baseUrl).open(url);
    expect(back.location).toContain('error=invalid_scope');
    expect(await byPassword({ scope: asked })).toMatchObject({ error: 'invalid_scope' });
    expect(await byItself({ scope: asked })).toMatchObject({ error: 'invalid_scope' });
  });

  test('a machine has defaults and products of its own', async () => {
    const itself = await byItself({});
    expect([itself.scope, audienceOf(itself)]).toEqual(['system/*.rs', records]);
    const slots = await byItself({ resource: bookings });
    expect([slots.scope, audienceOf(slots)]).toEqual(['book system/Slot.rs', bookings]);
    const covered = await byItself({ scope: 'system/Slot.read' });
    expect(covered.scope).toBe('system/Slot.read');
  });

  test('the role narrows: a reader gets what readers may', async () => {
    const wide = { scope: 'user/Observation.rs user/Observation.cud shared' };
    const { body } = await buyTokens(server.sandbox, client, asTestUser('tu_reader'), wide);
    expect(body.scope).toBe('user/Observation.rs');
  });

  test('whom the role leaves nothing gets a sentence on the page, and no code', async () => {
    const browser = newBrowser(server.baseUrl);
    const url = authorizationUrl(server.sandbox, client, pkce().challenge, { scope: 'shared' });
    const page = await submit(browser, await browser.open(url), asTestUser('tu_reader'));
    expect(page.location).toBeNull();
    expect(page.text).toContain('the role reader allows none of what');
  });

  test('a client without OpenID Connect is told so', async () => {
    const product = await aProduct(server.pool, {
      scopes: [scope('read')],
      roleScopes: { gp: ['read'] },
    });
    const subscriptions = [await aSubscription(server.pool, { product })];
    const plain = {
      ...(await aClient(server.pool, { subscriptions, allowsOidc: false })),
      redirectUri,
    };
    const { body } = await buyTokens(server.sandbox, plain, asTestUser('tu_gp'));
    expect(body.scope).toBe('read');
    expect(body).not.toHaveProperty('id_token');
    const url = authorizationUrl(server.sandbox, plain, pkce().challenge, { scope: 'email read' });
    expect((await newBrowser(server.baseUrl).open(url)).location).toContain('error=invalid_scope');
  });

  test.each<[string, Ask]>([
    ['the code grant', byCode],
    ['the password grant', byPassword],
  ])('system/ is for systems: by %s it is refused, though the product has it', async (_, ask) => {
    for (const asked of ['openid system/Observation.rs', 'user/Observation.rs system/*.read']) {
      const answer = await ask({ scope: asked }).catch(String);
      expect(answer).toEqual(
        typeof answer === 'string'
          ? expect.stringContaining('error=invalid_scope')
          : expect.objectContaining({ error: 'invalid_scope' }),
      );
    }
    expect((await ask({ resource: bookings })).scope).toBe('book');
    expect((await ask({ resource: records })).scope).toBe('user/Observation.rs');
  });

  describe('without OpenID Connect', () => {
    let plain: ConfidentialClient;
    beforeAll(async () => {
      const product = await aProduct(server.pool);
      const subscriptions = [await aSubscription(server.pool, { product })];
      const made = await aClient(server.pool, { subscriptions, allowsOidc: false });
      plain = { ...made, redirectUri };
    });
    const plainByCode = async (form: Record<string, string>) => {
      const browser = newBrowser(server.baseUrl);
      const url = authorizationUrl(server.sandbox, plain, pkce().challenge, form);
      return (await browser.open(url)).location;
    };
    const plainByPassword = async (form: Record<string, string>) =>
      (
        await post(`${server.sandbox}/token`, plain, {
          grant_type: 'password',
          username: 'gp',
          password: 'published',
          ...form,
        })
      ).body;

    test.each(['openid', 'profile', 'email', 'offline_access'])(
      '%s is refused, alone and beside another',
      async (scope) => {
        for (const asked of [scope, `read ${scope}`]) {
          expect(await plainByCode({ scope: asked })).toContain('error=invalid_scope');
          expect(await plainByPassword({ scope: asked })).toMatchObject({ error: 'invalid_scope' });
        }
      },
    );

    test.each<Record<string, string>>([{}, { scope: 'read' }])(
      '%j is a token for the product and no more',
      async (form) => {
        const bought = (await buyTokens(server.sandbox, plain, asTestUser('tu_gp'), form)).body;
        for (const body of [bought, await plainByPassword(form)]) {
          expect(body).toMatchObject({ scope: 'read', access_token: expect.any(String) });
          expect(body).not.toHaveProperty('id_token');
          expect(body).not.toHaveProperty('refresh_token');
          expect(decodeJwt(String(body.access_token))).not.toHaveProperty('oidc_scope');
        }
      },
    );
  });

  describe('in live', () => {
    let live: ConfidentialClient;
    const ada = asAccount('ada@example.com', 'correct horse battery');
    let accountId: string;

    beforeAll(async () => {
      const passwords = createPasswords();
      const passwordHash = await passwords.hash('correct horse battery');
      passwords.close();
      accountId = (await anAccount(server.pool, { email: 'ada@example.com', passwordHash })).id;
      const product = await aProduct(server.pool, {
        environment: 'live',
        scopes: [scope('user/Observation.rs')],
        roleScopes: { gp: ['user/Observation.rs'] },
      });
      const subscriptions = [await aSubscription(server.pool, { product })];
      live = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
    });

    test('an account without a profile finishes with openid only, and with one gets its role’s scopes', async () => {
      const asked = { scope: 'openid user/Observation.rs' };
      const without = (await buyTokens(server.live, live, ada, asked)).body;
      expect(without).toMatchObject({ id_token: expect.any(String) });
      expect(decodeJwt(String(without.access_token))).toMatchObject({
        sub: accountId,
        env: 'live',
      });
      expect(decodeJwt(String(without.access_token))).not.toHaveProperty('scope');
      expect(decodeJwt(String(without.access_token))).not.toHaveProperty('test_user');

      const profile = { role: 'gp', claims: {}, patient: 'p9' };
      await upsertAccountProfile(server.pool, { accountId, environment: 'live' }, profile);
      const having = (await buyTokens(server.live, live, ada, asked)).body;
      expect(decodeJwt(String(having.access_token))).toMatchObject({
        scope: 'user/Observation.rs',
        patient: 'p9',
      });
    });

    test('a test user is nobody', async () => {
      const browser = newBrowser(server.baseUrl);
      const page = await browser.open(authorizationUrl(server.live, live, pkce().challenge));
      for (const choice of [asTestUser('tu_gp'), asAccount('gp', 'published')]) {
        const answer = await submit(browser, page, choice);
        expect(answer.location).toBeNull();
      }
    });
  });
});
