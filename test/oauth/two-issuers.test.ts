import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import Koa from 'koa';
import mount from 'koa-mount';
import pg from 'pg';
import { upsertAccountProfile } from '../../src/accounts/profile-store.ts';
import type { Environment } from '../../src/base/environment.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { errorHandler } from '../../src/http/error-handler.ts';
import { renderer } from '../../src/http/render.ts';
import { securityHeaders } from '../../src/http/security-headers.ts';
import { interactionRoutes } from '../../src/oauth/interactions.ts';
import { createProvider } from '../../src/oauth/provider.ts';
import { liveSignIn, sandboxSignIn } from '../../src/oauth/sign-in.ts';
import { signingKeysOf } from '../../src/oauth/signing-keys.ts';
import { subjectsOf } from '../../src/oauth/subjects.ts';
import type { Product, Subjects } from '../../src/products/product.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import { checkTestUserPassword } from '../../src/test-users/service.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { authorizationUrl, newBrowser, pkce, post, submit } from '../support/flow.ts';
import {
  aClient,
  anAccount,
  aProduct,
  aSubscription,
  aTeam,
  aTestUser,
  keyring,
} from '../support/seed.ts';
import { startServer } from '../support/server.ts';

/**
 * Whatever anybody asks of the two issuers, in every combination, what comes out must hold up
 * against a model that knows nothing of how it was made. The last test takes the guard out and
 * expects the very same model to find fault.
 */

type Person = {
  sub: string;
  kind: 'test_user' | 'account';
  teamId: string | null;
  username: string;
  password: string;
  role: Partial<Record<Environment, string>>;
};
type Client = Awaited<ReturnType<typeof aClient>> & { redirectUri: string; products: Product[] };
type World = { people: Person[]; clients: Client[] };
type Issuers = Record<Environment, string>;

const grants = ['authorization_code', 'password', 'client_credentials'] as const;
type Attempt = {
  at: Environment;
  client: Client;
  person: Person | null;
  grant: (typeof grants)[number];
  scope: string;
};
type Held = Attempt & { token: string; claims: JWTPayload & Record<string, unknown> };

const named = (scope: string) => ({
  scope,
  description: `May ${scope}`,
  isDefault: scope === 'read',
});
const scopesIn: Record<Environment, string[]> = {
  sandbox: ['read', 'write', 'admin', 'sandbox.only'],
  live: ['read', 'write', 'admin', 'live.only'],
};
const roles: Record<string, string[]> = { gp: ['read', 'write'], nurse: ['read'] };
const asked = ['', 'openid read write', 'openid profile offline_access admin read', 'sandbox.only'];
const password = 'a password that everybody here has';
/** Cheap on purpose: a thousand sign-ins are to be over soon. */
const passwordHash =
  '$argon2id$v=19$m=64,t=2,p=1$Ig3jux5bFXRvQcapC7Xblw$VWL2c0vw1Td+OhEikXzylF6DKp8lOU9M8e9eZRnBfdk';

/** @param liveSubjects what a live product says it takes, where the database lets it. */
async function aWorld(pool: pg.Pool, liveSubjects: Subjects = 'accounts'): Promise<World> {
  const team = await aTeam(pool);

  const people: Person[] = [];
  for (const [of, role] of [
    [null, 'gp'],
    [null, 'nurse'],
    [team, 'gp'],
  ] as const) {
    const made = await aTestUser(pool, { password, role, ...(of && { team: of }) });
    const { id: sub, username } = made;
    const teamId = of?.id ?? null;
    people.push({ sub, kind: 'test_user', teamId, username, password, role: { sandbox: role } });
  }
  for (const role of [{ sandbox: 'gp' }, { live: 'nurse' }, {}] as Person['role'][]) {
    const { id: sub, email: username } = await anAccount(pool, { passwordHash });
    for (const [environment, name] of Object.entries(role)) {
      const place = { accountId: sub, environment: environment as Environment };
      await upsertAccountProfile(pool, place, { role: name, claims: {}, patient: null });
    }
    people.push({ sub, kind: 'account', teamId: null, username, password, role });
  }

  const clients: Client[] = [];
  const kinds = ['console', 'test_application', 'application', 'public', 'first_party'] as const;
  for (const environment of ['sandbox', 'live'] as const) {
    const ofSubjects =
      environment === 'live' ? [liveSubjects] : (['test_users', 'accounts', 'both'] as const);
    const made: Product[] = [];
    const opened = new Map<Product, Subscription>();
    for (const subjects of ofSubjects) {
      const mayHavePassword = environment === 'sandbox' && subjects !== 'accounts';
      const product = await aProduct(pool, {
        environment,
        subjects,
        grantTypes: [
          'authorization_code',
          'client_credentials',
          'refresh_token',
          ...(mayHavePassword ? (['password'] as const) : []),
        ],
        scopes: scopesIn[environment].map(named),
        roleScopes: roles,
      });
      made.push(product);
      opened.set(product, await aSubscription(pool, { team, product }));
    }
    for (const products of [...made.map((one) => [one]), ...(made.length > 1 ? [made] : [])]) {
      const subscriptions = products.flatMap((product) => opened.get(product) ?? []);
      for (const kind of products.length === 1 ? kinds : (['application'] as const)) {
        const id = `${kind === 'test_application' ? 'test' : kind}_${clients.length}`;
        const client = await aClient(pool, {
          id,
          kind: kind === 'public' ? 'application' : kind,
          authMethod: kind === 'public' || kind === 'console' ? 'none' : 'client_secret_basic',
          ...(kind === 'first_party' ? { products } : { subscriptions }),
        });
        const secret = client.authMethod === 'none' ? '' : client.secret;
        clients.push({ ...client, secret, products, redirectUri: client.redirectUris[0] ?? '' });
      }
    }
  }
  return { people, clients };
}

function* attempts(
  { people, clients }: World,
  issuers: readonly Environment[],
): Generator<Attempt> {
  for (const at of issuers)
    for (const client of clients)
      for (const grant of grants)
        for (const scope of asked)
          for (const person of grant === 'client_credentials' ? [null] : people) {
            const elsewhere = client.environment !== at;
            if (elsewhere && scope !== '') continue; // a client that is not known there
            if (scope === 'sandbox.only' && at === 'sandbox' && person) continue; // nobody's role has it
            if (scope === '' && person && ['test_application', 'first_party'].includes(client.kind))
              continue;
            yield { at, client, person, grant, scope };
          }
}

const tokenForm = ({ scope, client, grant, person }: Attempt): Record<string, string> => ({
  grant_type: grant,
  ...(scope && { scope }),
  ...(client.products.length > 1 && { resource: client.products[1]?.audience ?? '' }),
  ...(person && { username: person.username, password: person.password }),
});

async function byCode(issuer: string, { at, client, person, scope }: Attempt) {
  const origin = new URL(issuer).origin;
  const browser = newBrowser(origin);
  const { verifier, challenge } = pkce();
  const page = await browser.open(
    authorizationUrl(issuer, client, challenge, {
      ...(scope && { scope }),
      ...(client.products.length > 1 && { resource: client.products[1]?.audience ?? '' }),
    }),
  );
  if (!page.text.includes('name="csrf"') || !person) return undefined;
  const persona = person.kind === 'test_user' && (at === 'live' || person.teamId === null);
  const back = await submit(browser, page, {
    decision: 'authorize',
    ...(persona && { use_test_user: 'yes', test_user: person.sub }),
    username: person.username,
    password: person.password,
  });
  const code = back.location && new URL(back.location).searchParams.get('code');
  if (!code) return undefined;
  return post(`${issuer}/token`, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  });
}

/** Makes one attempt, and refreshes once where that is possible. */
async function tokensOf(issuers: Issuers, attempt: Attempt): Promise<Held[]> {
  const { at, client, grant } = attempt;
  const answer =
    grant === 'authorization_code'
      ? await byCode(issuers[at], attempt)
      : await post(`${issuers[at]}/token`, client, tokenForm(attempt));
  if (answer && answer.status >= 500) throw new Error(JSON.stringify(answer.body));
  const bodies = answer?.status === 200 ? [answer.body] : [];
  const refresh_token = bodies[0]?.refresh_token;
  if (refresh_token) {
    const form = { grant_type: 'refresh_token', refresh_token: String(refresh_token) };
    const elsewhere = at === 'live' ? issuers.sandbox : issuers.live;
    expect((await post(`${elsewhere}/token`, client, form)).status).not.toBe(200);
    const next = await post(`${issuers[at]}/token`, client, form);
    expect(next.status).toBe(200);
    bodies.push(next.body);
  }
  return bodies.map(({ access_token }) => {
    const token = String(access_token);
    return { ...attempt, token, claims: decodeJwt(token) };
  });
}

async function allTokens(pool: pg.Pool, issuers: Issuers, tried: Attempt[]): Promise<Held[]> {
  const held: Held[] = [];
  for (let next = 0; next < tried.length; next += 12) {
    await pool.query('delete from throttles'); // wrong passwords are part of the game
    const some = tried.slice(next, next + 12);
    for (const found of await Promise.all(some.map((one) => tokensOf(issuers, one))))
      held.push(...found);
  }
  return held;
}

/** What is wrong with a token, by rules written down a second time. */
function faultsOf(
  { people, clients }: World,
  { at, client, scope, grant, claims }: Held,
): string[] {
  const faults: string[] = [];
  const fault = (wrong: boolean, what: string) => wrong && faults.push(`${what}: ${claims.sub}`);
  const person = people.find(({ sub }) => sub === claims.sub);
  const product = client.products.find(({ audience }) => audience === claims.aud);
  const isTestUser = person?.kind === 'test_user' || claims.test_user !== undefined;

  fault(at === 'live' && isTestUser, 'a live token about a test user');
  fault(claims.env !== at || client.environment !== at, 'a token of the other environment');
  fault(String(claims.iss).endsWith(`/${at}`) === false, 'another issuer');
  fault(!product || product.environment !== at, 'an audience of no product of this client');
  fault((person?.kind === 'test_user') !== (claims.test_user === true), 'test_user is not said');
  fault(person === undefined && claims.sub !== client.id, 'a subject that nobody knows');
  fault(person === undefined && grant !== 'client_credentials', 'a machine where a person was');
  fault(
    grant === 'password' && person?.kind !== 'test_user',
    'a real password in the password grant',
  );
  fault(
    person?.kind === 'test_user' && product?.subjects === 'accounts',
    'a test user where accounts are taken',
  );
  fault(
    person?.kind === 'account' && product?.subjects === 'test_users',
    'an account where test users are taken',
  );
  fault(person?.teamId != null && person.teamId !== client.teamId, 'a test user of another team');
  fault(
    clients.every(({ id }) => id !== claims.client_id),
    'a client that nobody knows',
  );

  const role = person?.role[at];
  const ofRole = person ? (role && roles[role]) || [] : scopesIn[at];
  const wanted = scope === '' ? ['read'] : scope.split(' ');
  for (const one of String(claims.scope ?? '')
    .split(' ')
    .filter(Boolean)) {
    fault(!wanted.includes(one), `the scope ${one}, which was not asked for`);
    fault(!scopesIn[at].includes(one), `the scope ${one}, which the product does not have`);
    fault(!ofRole.includes(one), `the scope ${one}, which the role does not allow`);
  }
  return faults;
}

const keysOf = async (issuer: string) =>
  createLocalJWKSet((await (await fetch(`${issuer}/jwks`)).json()) as JSONWebKeySet);

/** Whether the other issuer takes the token for its own, in any of the ways in which one can ask. */
async function passesElsewhere(
  issuers: Issuers,
  held: Held[],
  others: Client[],
): Promise<string[]> {
  const keys = { sandbox: await keysOf(issuers.sandbox), live: await keysOf(issuers.live) };
  const wrong: string[] = [];
  for (const [index, { at, token, client }] of held.entries()) {
    const elsewhere = at === 'live' ? 'sandbox' : 'live';
    await jwtVerify(token, keys[at], { issuer: issuers[at] });
    const taken = await jwtVerify(token, keys[elsewhere]).then(
      () => true,
      () => false,
    );
    if (taken) wrong.push('signed with a key of the other issuer');
    if (index % 8 > 0) continue; // the rest is asked of every eighth
    const asking = others.find((one) => one.environment === elsewhere && one.secret);
    const asked = await post(`${issuers[elsewhere]}/token/introspection`, asking ?? null, {
      token,
    });
    if (JSON.stringify(asked.body) !== '{"active":false}') wrong.push('active at the other issuer');
    const me = await fetch(`${issuers[elsewhere]}/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (me.status !== 401) wrong.push('userinfo at the other issuer');
    if (!client.secret) continue;
    const own = await post(`${issuers[at]}/token/introspection`, client, { token });
    if (own.body.active !== true) wrong.push('not active at its own issuer');
  }
  return wrong;
}

/** The database's own guard: a live product cannot so much as say that it takes test users. */
async function withoutTheDatabasesGuard(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ conname: string }>(
    `select conname from pg_constraint
     where conrelid = 'products'::regclass and contype = 'c'
       and pg_get_constraintdef(oid) like '%environment%subjects%'`,
  );
  expect(rows).toHaveLength(1);
  await pool.query(`alter table products drop constraint ${rows[0]?.conname}`);
}

describe('two issuers', () => {
  const databaseUrl = useDatabaseUrl();

  test('no token is about whom, or for what, it must not be', async () => {
    const server = await startServer({ databaseUrl });
    try {
      const world = await aWorld(server.pool);
      const tried = [...attempts(world, ['sandbox', 'live'])];
      const held = await allTokens(server.pool, server, tried);

      expect(held.flatMap((one) => faultsOf(world, one))).toEqual([]);
      expect(await passesElsewhere(server, held, world.clients)).toEqual([]);

      // None of this is true because everything was refused.
      const count = (fits: (one: Held) => boolean) => held.filter(fits).length;
      expect(
        count(({ at, claims }) => at === 'sandbox' && claims.test_user === true),
      ).toBeGreaterThan(150);
      expect(
        count(({ at, person }) => at === 'sandbox' && person?.kind === 'account'),
      ).toBeGreaterThan(30);
      expect(
        count(({ at, person }) => at === 'live' && person?.kind === 'account'),
      ).toBeGreaterThan(10);
      expect(
        count(({ at, grant }) => at === 'live' && grant === 'client_credentials'),
      ).toBeGreaterThan(2);
      expect(count(({ grant }) => grant === 'password')).toBeGreaterThan(50);
      expect(count(({ claims }) => claims.scope === 'read write')).toBeGreaterThan(30);
      for (const { sub, kind, role } of world.people) {
        const somewhere = count(({ claims }) => claims.sub === sub);
        expect([kind, role, somewhere > 5]).toEqual([kind, role, true]);
      }
    } finally {
      await server.close();
    }
  }, 90_000); // half a minute on a machine that is busy with other tests
});

describe('a live product that says it takes test users, were the database to allow it', () => {
  const databaseUrl = useDatabaseUrl();
  let pool: pg.Pool;
  let world: World;
  let tried: Attempt[];

  beforeAll(async () => {
    pool = new pg.Pool({ connectionString: databaseUrl });
    pool.on('error', () => {});
    await withoutTheDatabasesGuard(pool);
    world = await aWorld(pool, 'both');
    tried = [...attempts(world, ['live'])].filter(
      ({ client, scope }) =>
        client.environment === 'live' &&
        ['application', 'first_party'].includes(client.kind) &&
        client.secret !== '' &&
        asked.indexOf(scope) < 2,
    );
  });
  afterAll(() => pool.end());

  test('still gets no token about one: the live issuer has no way to find a test user', async () => {
    const server = await startServer({ databaseUrl });
    try {
      const held = await allTokens(pool, server, tried);
      expect(held.flatMap((one) => faultsOf(world, one))).toEqual([]);
      expect(held.filter(({ person }) => person?.kind === 'account').length).toBeGreaterThan(8);
    } finally {
      await server.close();
    }
  });

  /** An issuer put together by hand, so that it can be put together wrongly. */
  async function startLive(given: {
    guarded: boolean;
  }): Promise<{ issuer: string; close(): Promise<void> }> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const passwords = createPasswords();
    const throttle = { attempt: async () => {}, succeeded: async () => {}, clear: async () => {} };
    const findSubject = subjectsOf(pool, given.guarded ? 'live' : 'sandbox');
    const provider = createProvider({
      environment: 'live',
      baseUrl,
      pool,
      signingKeys: await signingKeysOf(pool, keyring, 'live'),
      cookieKeys: keyring.cookieKeys,
      findSubject,
      checkTestUser: given.guarded
        ? null
        : async (_ctx, typed) => {
            const testUser = await checkTestUserPassword(pool, keyring, typed);
            return testUser && findSubject(testUser.id);
          },
    });
    const parts = { pool, passwords, throttle, keyring };
    const app = new Koa({ keys: [...keyring.cookieKeys] });
    const assets = { url: (name: string) => name, sheets: () => ['sandgate.css'] };
    app.use(renderer({ brand: () => 'Test', assets, cache: true }));
    app.use(securityHeaders({ https: false }));
    app.use(errorHandler({ log: () => {} }));
    app.use(
      interactionRoutes({
        environment: 'live',
        provider: () => provider,
        pool,
        secondFactorThrottle: throttle,
        https: false,
        keyring,
        findSubject,
        signIn: given.guarded ? liveSignIn(parts) : sandboxSignIn(parts),
      }).routes() as Koa.Middleware,
    );
    app.use(mount('/live', provider as never)); // typed for an older Koa
    server.on('request', app.callback());
    return {
      issuer: `${baseUrl}/live`,
      async close() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        passwords.close();
      },
    };
  }

  test.each([
    ['an issuer put together rightly is found without fault', true],
    ['one that was given the sandbox’s subjects and sign-in is found out', false],
  ])('%s', async (_what, guarded) => {
    const { issuer, close } = await startLive({ guarded });
    try {
      const held = await allTokens(
        pool,
        { live: issuer, sandbox: issuer.replace('live', 'none') },
        tried,
      );
      const faults = held.flatMap((one) => faultsOf(world, one));
      const grave = faults.filter((fault) => fault.startsWith('a live token about a test user'));
      expect(held.length).toBeGreaterThan(8);
      if (guarded) expect(faults).toEqual([]);
      else expect(grave.length).toBeGreaterThan(6);
    } finally {
      await close();
    }
  });
});
