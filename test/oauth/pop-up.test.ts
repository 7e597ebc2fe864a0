import { decodeJwt } from 'jose';
import { upsertAccountProfile } from '../../src/accounts/profile-store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import type { Team } from '../../src/teams/team.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  authorizationUrl,
  type Browser,
  newBrowser,
  type Page,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Client = Awaited<ReturnType<typeof aClient>> & { redirectUri: string; subscriptionId: string };
type Hop = { url: string; status: number; headers: Headers };

const password = 'correct horse battery staple';
const scopes = [
  { scope: 'user/Patient.read', description: 'See who the patient is', isDefault: true },
  { scope: 'patient/Patient.read', description: 'See who the patient is', isDefault: true },
  { scope: 'medicines', description: 'Read medicines and allergies', isDefault: false },
];
const everything = scopes.map(({ scope }) => scope);

describe('the pop-up', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let team: Team;
  let accountId: string;
  /** By what their product takes; all of one team. */
  let clients: Record<'test_users' | 'accounts' | 'both' | 'live', Client>;

  const hops: Hop[] = [];
  const { fetch } = globalThis;

  beforeAll(async () => {
    globalThis.fetch = async (...given) => {
      const answer = await fetch(...given);
      hops.push({ url: String(given[0]), status: answer.status, headers: answer.headers });
      return answer;
    };
    server = await startServer({ databaseUrl });
    const { pool } = server;
    team = await aTeam(pool, { name: 'Ward 7 team' });
    const of = async (given: Partial<Product>) => {
      const roleScopes = { gp: everything, porter: [] };
      return aClientOf(
        await aProduct(pool, { name: 'Shared record', scopes, roleScopes, ...given }),
      );
    };
    clients = {
      test_users: await of({ subjects: 'test_users' }),
      accounts: await of({ subjects: 'accounts', grantTypes: ['authorization_code'] }),
      both: await of({ subjects: 'both' }),
      live: await of({ environment: 'live', subjects: 'accounts' }),
    };
    await aTestUser(pool, { id: 'tu_gp', name: 'Dr Asha Menon', about: 'Sees all.', position: 1 });
    await aTestUser(pool, { id: 'tu_porter', name: 'Pat Porter', role: 'porter', position: 2 });
    await aTestUser(pool, { id: 'tu_own', name: 'Olga Own', username: 'olga', password, team });

    const passwords = createPasswords();
    const passwordHash = await passwords.hash(password);
    passwords.close();
    const account = await anAccount(pool, {
      email: 'priya@example.com',
      passwordHash,
      name: 'Priya',
    });
    accountId = account.id;
    for (const environment of ['sandbox', 'live'] as const) {
      const profile = { role: 'gp', claims: {}, patient: null };
      await upsertAccountProfile(pool, { accountId, environment }, profile);
    }
    await anAccount(pool, { email: 'new@example.com', passwordHash, name: 'Newcomer' });
  });
  beforeEach(async () => {
    hops.length = 0;
    await server.pool.query('delete from throttles');
  });
  afterAll(async () => {
    globalThis.fetch = fetch;
    await server.close();
  });

  async function aClientOf(product: Product, of: Team = team): Promise<Client> {
    const subscription = await aSubscription(server.pool, { team: of, product });
    const client = await aClient(server.pool, { subscriptions: [subscription], name: 'Ward app' });
    return {
      ...client,
      redirectUri: client.redirectUris[0] ?? '',
      subscriptionId: subscription.id,
    };
  }

  const issuerOf = (client: Client) => server[client.environment];

  const ask = (client: Client, more: Record<string, string> = {}) => {
    const { verifier, challenge } = pkce();
    return { client, verifier, url: authorizationUrl(issuerOf(client), client, challenge, more) };
  };

  async function openPage(client: Client, more: Record<string, string> = {}) {
    const browser = newBrowser(server.baseUrl);
    const asked = ask(client, more);
    const page = await browser.open(asked.url);
    expect(page.status).toBe(200);
    return { browser, page, asked };
  }

  const persona = (test_user: string) => ({
    decision: 'authorize',
    use_test_user: 'yes',
    test_user,
  });
  const typed = (username: string, given = password) => ({
    decision: 'authorize',
    username,
    password: given,
  });

  /** What a person reads: no tags, no line ends. */
  const wordsOf = ({ text }: Page): string =>
    text
      .replace(/<(script|style|title)[\s\S]*?<\/\1>/g, '')
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ');

  async function subjectOf({ client, verifier }: ReturnType<typeof ask>, back: Page) {
    const { body } = await post(`${issuerOf(client)}/token`, client, {
      grant_type: 'authorization_code',
      code: answerOf(back).get('code') ?? '',
      redirect_uri: client.redirectUri,
      code_verifier: verifier,
    });
    return decodeJwt(String(body.access_token));
  }

  describe('says', () => {
    test('who asks, for which product, and what in words, each once', async () => {
      const scope = `openid email offline_access ${everything.join(' ')}`;
      const { page } = await openPage(clients.both, { scope });
      const words = wordsOf(page);
      expect(words).toContain('Ward app asks for access');
      expect(words).toContain('by Ward 7 team · product Shared record');
      expect(words.match(/See who the patient is/g)).toHaveLength(1);
      expect(words).toContain('Read medicines and allergies');
      expect(words).toContain('See the email address');
      expect(words).toContain('Keep this access until it is withdrawn');
      expect(words).not.toMatch(/openid|offline_access|user\/|patient\//);
    });

    test('only what is asked for, and the defaults where nothing is', async () => {
      expect(wordsOf((await openPage(clients.both, { scope: 'medicines' })).page)).not.toContain(
        'See who the patient is',
      );
      expect(wordsOf((await openPage(clients.both)).page)).toContain('See who the patient is');
      expect(wordsOf((await openPage(clients.both, { scope: 'openid' })).page)).toContain(
        'Know that you signed in',
      );
    });

    test('the test users, with the box ticked and the first of them chosen', async () => {
      for (const client of [clients.both, clients.test_users]) {
        const { page } = await openPage(client);
        expect(page.text).toMatch(/name="use_test_user" value="yes" checked>/);
        expect(page.text).toMatch(/value="tu_gp" checked>/);
        expect(wordsOf(page)).toMatch(
          /Use a test user Test user Dr Asha Menon gp Sees all\. Pat Porter/i,
        );
        expect(page.text).not.toContain('Olga Own'); // a team's own are for its members' eyes
      }
    });

    test('none where accounts are taken, in the sandbox as in live', async () => {
      for (const client of [clients.accounts, clients.live]) {
        const { page } = await openPage(client);
        expect(page.text).not.toMatch(/use_test_user|test_user|Asha Menon/);
        expect(wordsOf(page)).toContain('Username or email');
        expect(wordsOf(page)).toContain('An account without a role here shares its sign-in');
      }
      expect(wordsOf((await openPage(clients.live)).page)).toContain('Live');
      expect(wordsOf((await openPage(clients.accounts)).page)).toContain('Sandbox');
    });

    test('“Username or email” only where an email address would do', async () => {
      expect(wordsOf((await openPage(clients.both)).page)).toContain('Username or email');
      expect(wordsOf((await openPage(clients.test_users)).page)).not.toContain('or email');
    });

    test('the test user of last time first, in this browser only', async () => {
      const { browser, page } = await openPage(clients.both);
      await submit(browser, page, persona('tu_porter'));
      const again = await browser.open(ask(clients.both, { prompt: 'login' }).url);
      expect(again.text).toMatch(/value="tu_porter" checked>/);
      expect(again.text.indexOf('Pat Porter')).toBeLessThan(again.text.indexOf('Asha Menon'));
      expect(wordsOf(again)).toContain('You used this one last.');
      expect(wordsOf((await openPage(clients.both)).page)).not.toContain('You used this one last.');
    });

    test('nothing that a name could make of it', async () => {
      const name = '"><script>alert(1)</script>';
      const product = await aProduct(server.pool, { name });
      const subscription = await aSubscription(server.pool, { product });
      const given = { subscriptions: [subscription], name };
      const client = await aClient(server.pool, given);
      const redirectUri = client.redirectUris[0] ?? '';
      const { page } = await openPage({ ...client, redirectUri, subscriptionId: subscription.id });
      expect(page.text).not.toContain('<script>alert');
      expect(page.text).toContain('&lt;script&gt;alert(1)');
    });
  });

  describe('lets in', () => {
    test('a test user by one click, by password where the name is known, and an account', async () => {
      for (const [form, sub] of [
        [persona('tu_gp'), 'tu_gp'],
        [typed('gp', 'published password'), 'tu_gp'],
        [typed('priya@example.com'), accountId],
        [typed('PRIYA@example.com'), accountId],
      ] as const) {
        const { browser, page, asked } = await openPage(clients.both);
        expect(await subjectOf(asked, await submit(browser, page, form))).toMatchObject({ sub });
      }
    });

    test('an account in live, with what its role there allows', async () => {
      const { browser, page, asked } = await openPage(clients.live, { scope: 'openid medicines' });
      const claims = await subjectOf(
        asked,
        await submit(browser, page, typed('priya@example.com')),
      );
      expect(claims).toMatchObject({ sub: accountId, env: 'live', scope: 'medicines' });
    });

    test('a team’s own test user through that team’s applications only', async () => {
      const { browser, page, asked } = await openPage(clients.both);
      expect(await subjectOf(asked, await submit(browser, page, typed('olga')))).toMatchObject({
        sub: 'tu_own',
      });
      const product = await aProduct(server.pool, { scopes, roleScopes: { gp: everything } });
      const elsewhere = await aClientOf(product, await aTeam(server.pool));
      for (const form of [typed('olga'), persona('tu_own')]) {
        const other = await openPage(elsewhere, { scope: 'openid' });
        const answer = await submit(other.browser, other.page, form);
        expect([answer.status, answer.location]).toEqual([422, null]);
      }
    });
  });

  describe('refuses, and says so on the page', () => {
    test('a wrong password, and keeps what was typed', async () => {
      const { browser, page } = await openPage(clients.both);
      const answer = await submit(browser, page, typed('some"one', 'wrong'));
      expect(answer).toMatchObject({ status: 422, location: null });
      expect(wordsOf(answer)).toContain('Username or password is wrong.');
      expect(answer.text).toMatch(/name="username"[^>]* value="some&#34;one"/);
      expect(answer.text).not.toContain('value="wrong"');
      expect(answer.text).not.toMatch(/name="use_test_user" value="yes" checked/);
      const right = await submit(browser, answer, typed('priya@example.com')); // the page goes on
      expect(answerOf(right).get('code')).toBeTruthy();
    });

    test.each([
      [
        'accounts where test users are taken',
        'test_users',
        typed('priya@example.com'),
        'takes test users only',
      ],
      [
        'a test user’s password where accounts are taken',
        'accounts',
        typed('gp', 'published password'),
        'takes accounts only',
      ],
      [
        'a click on a test user where accounts are taken',
        'accounts',
        persona('tu_gp'),
        'Choose one of the test users',
      ],
      [
        'a test user’s password in live',
        'live',
        typed('gp', 'published password'),
        'Username or password is wrong',
      ],
      ['a click on a test user in live', 'live', persona('tu_gp'), 'Fill in both fields'],
      [
        'a test user that is not there',
        'both',
        persona('tu_nobody'),
        'Choose one of the test users',
      ],
      ['an account by its id', 'both', persona('acc_nobody'), 'Choose one of the test users'],
      ['empty fields', 'both', typed('', ''), 'Fill in both fields'],
    ] as const)('%s: no code, not even for openid', async (_what, of, form, sentence) => {
      const { browser, page } = await openPage(clients[of], { scope: 'openid' });
      const answer = await submit(browser, page, form);
      expect(answer).toMatchObject({ status: 422, location: null });
      expect(wordsOf(answer)).toContain(sentence);
    });

    test('whoever may do nothing of what is asked', async () => {
      const scope = 'medicines';
      const asPorter = await openPage(clients.both, { scope });
      const porter = await submit(asPorter.browser, asPorter.page, persona('tu_porter'));
      expect(porter).toMatchObject({ status: 422, location: null });
      expect(wordsOf(porter)).toContain('Pat Porter cannot do this: the role porter allows none');
      const asNew = await openPage(clients.both, { scope });
      const newcomer = await submit(asNew.browser, asNew.page, typed('new@example.com'));
      expect(newcomer).toMatchObject({ status: 422, location: null });
      expect(wordsOf(newcomer)).toContain('Newcomer has no role here');
    });

    test('the twenty-first guess at one name, on the page and at the token endpoint', async () => {
      const client = clients.test_users;
      const { browser, page } = await openPage(client);
      for (let guess = 0; guess < 20; guess += 1) {
        expect((await submit(browser, page, typed('gp', `guess ${guess}`))).status).toBe(422);
      }
      const late = await submit(browser, page, typed('GP', 'published password'));
      expect(late).toMatchObject({ status: 429, location: null });
      expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(wordsOf(late)).toMatch(/Too many attempts\. Try again in \d+ (seconds|minutes)/);
      const form = { grant_type: 'password', username: 'gp', password: 'published password' };
      const token = await post(`${server.sandbox}/token`, client, form);
      expect(token.status).toBe(429);
      expect(Number(token.headers.get('retry-after'))).toBeGreaterThan(0);
      const other = await submit(browser, page, typed('olga')); // one name's guesses are not another's
      expect(answerOf(other).get('code')).toBeTruthy();
    });

    test('no longer, once the right password was given', async () => {
      const client = clients.test_users;
      for (let round = 0; round < 2; round += 1) {
        const { browser, page } = await openPage(client);
        for (let guess = 0; guess < 15; guess += 1) {
          expect((await submit(browser, page, typed('gp', 'wrong'))).status).toBe(422);
        }
        const right = await submit(browser, page, typed('gp', 'published password'));
        expect(answerOf(right).get('code')).toBeTruthy();
      }
    });
  });

  describe('tells the application', () => {
    const told = (client: Client, back: Page) => {
      expect(back.location).toMatch(/^https:\/\/client\.example\/callback\?/);
      const answer = Object.fromEntries(answerOf(back));
      expect(answer).toMatchObject({ state: 'state+/=', iss: issuerOf(client) });
      expect(answer).not.toHaveProperty('code');
      return answer;
    };

    test('that the person said no', async () => {
      for (const client of [clients.both, clients.live]) {
        const { browser, page } = await openPage(client);
        expect(told(client, await submit(browser, page, { decision: 'cancel' }))).toMatchObject({
          error: 'access_denied',
          error_description: 'The person at the screen did not allow access.',
        });
      }
    });

    test('that the page was open for too long', async () => {
      for (const act of ['submit', 'reload'] as const) {
        const { browser, page } = await openPage(clients.both);
        await server.pool.query(
          `update oidc_records set payload = jsonb_set(payload, '{iat}',
             to_jsonb((payload->>'iat')::int - 901)) where kind = 'Interaction'`,
        );
        const back = await (act === 'submit'
          ? submit(browser, page, persona('tu_gp'))
          : browser.open(page.url));
        expect(told(clients.both, back)).toMatchObject({
          error: 'access_denied',
          error_description: expect.stringContaining('15 minutes'),
        });
      }
    });

    test('that its subscription ended meanwhile', async () => {
      for (const act of ['submit', 'reload'] as const) {
        const client = await aClientOf(await aProduct(server.pool));
        const { browser, page } = await openPage(client);
        await server.pool.query(`update subscriptions set state = 'suspended' where id = $1`, [
          client.subscriptionId,
        ]);
        const back = await (act === 'submit'
          ? submit(browser, page, persona('tu_gp'))
          : browser.open(page.url));
        const answer = told(client, back);
        expect(answer.error).toMatch(/^(access_denied|unauthorized_client|invalid_client)$/);
        expect(answer.error_description).toMatch(/no longer|not active|no active/);
      }
    });
  });

  describe('is never shown, and nobody is sent anywhere', () => {
    test.each([
      ['a client that nobody knows', { client_id: 'nobody' }, 'is not registered here'],
      [
        'a redirect URI that is not registered',
        { redirect_uri: 'https://evil.example/' },
        'address that is not registered',
      ],
      [
        'one that is longer by a slash',
        { redirect_uri: 'https://client.example/callback/' },
        'address that is not registered',
      ],
    ])('for %s: a readable page instead', async (_what, more, sentence) => {
      const page = await newBrowser(server.baseUrl).open(ask(clients.both, more).url);
      expect(page).toMatchObject({ status: 400, location: null });
      expect(page.headers.get('content-type')).toMatch(/text\/html/);
      expect(wordsOf(page)).toContain(sentence);
    });

    test('for an application whose subscription is not active: a readable page instead', async () => {
      const client = await aClientOf(await aProduct(server.pool));
      await server.pool.query(`update subscriptions set state = 'suspended' where id = $1`, [
        client.subscriptionId,
      ]);
      const page = await newBrowser(server.baseUrl).open(ask(client).url);
      expect(page).toMatchObject({ status: 400, location: null });
      expect(wordsOf(page)).toContain('subscription of this application is not active');
    });
  });

  describe('takes its form from this page in this browser only', () => {
    const send = (browser: Browser, url: string, fields: object, headers: Record<string, string>) =>
      browser.open(url, {
        method: 'POST',
        body: new URLSearchParams(fields as Record<string, string>),
        headers,
      });
    const csrfOf = ({ text }: Page) => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';

    test.each([
      ['no token', () => '', undefined],
      ['the token of another page', (other: string) => other, undefined],
      ['another site’s page', undefined, 'https://evil.example'],
      ['a page without an origin', undefined, 'null'],
    ])('not with %s', async (_what, forged, origin) => {
      const { browser, page } = await openPage(clients.both);
      const other = await openPage(clients.both);
      const csrf = forged ? forged(csrfOf(other.page)) : csrfOf(page);
      const form = { ...persona('tu_gp'), csrf };
      const answer = await send(browser, page.url, form, { origin: origin ?? server.baseUrl });
      expect(answer).toMatchObject({ status: 403, location: null });
      expect(wordsOf(answer)).toMatch(/not sent from our page|sent from another site/);
      const right = await submit(browser, page, persona('tu_gp')); // nothing was lost by it
      expect(answerOf(right).get('code')).toBeTruthy();
    });

    test('not in another browser, which does not see the page either', async () => {
      const { page } = await openPage(clients.both);
      const thief = newBrowser(server.baseUrl);
      const form = { ...persona('tu_gp'), csrf: csrfOf(page) };
      for (const answer of [
        await thief.open(page.url),
        await send(thief, page.url, form, { origin: server.baseUrl }),
      ]) {
        expect(answer).toMatchObject({ status: 403, location: null });
        expect(wordsOf(answer)).toContain('begun in another browser');
        expect(answer.text).not.toContain('Asha Menon');
      }
    });
  });

  describe('on every hop', () => {
    const walks: [string, (browser: Browser, page: Page) => Promise<Page>][] = [
      ['authorized', (browser, page) => submit(browser, page, persona('tu_gp'))],
      ['cancelled', (browser, page) => submit(browser, page, { decision: 'cancel' })],
      ['refused', (browser, page) => submit(browser, page, typed('gp', 'wrong'))],
    ];

    test.each(walks)(
      'when %s: no opener is cut off, no frame, nothing kept',
      async (_what, walk) => {
        const { browser, page } = await openPage(clients.both);
        await walk(browser, page);
        expect(hops.length).toBeGreaterThanOrEqual(3);
        for (const { headers } of hops) {
          expect(headers.get('cross-origin-opener-policy')).toBeNull();
          expect(headers.get('x-frame-options')).toBe('DENY');
          expect(headers.get('cache-control')).toContain('no-store');
          expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
          for (const cookie of headers.getSetCookie()) expect(cookie).toMatch(/httponly/i);
          for (const cookie of headers.getSetCookie()) expect(cookie).toMatch(/samesite=lax/i);
        }
        expect(hops.flatMap(({ headers }) => headers.getSetCookie()).length).toBeGreaterThan(3);
        const policy = page.headers.get('content-security-policy') ?? '';
        expect(policy.split(';').map((part) => part.trim())).toContain(
          "form-action 'self' https://client.example",
        );
      },
    );

    test.each(walks)('when %s: no address of ours says what came of it', async (_what, walk) => {
      const { browser, page } = await openPage(clients.both);
      const last = await walk(browser, page);
      const addresses = hops.flatMap(({ url, headers }) => [url, headers.get('location') ?? '']);
      const ours = addresses.filter((address) => !address.startsWith('https://client.example/'));
      expect(ours.length).toBeGreaterThan(3);
      for (const address of ours) {
        expect(address).not.toMatch(/[?&#](code|error|access_token|id_token|error_description)=/);
      }
      expect(last.location ?? '').not.toMatch(/access_token=|id_token=/);
    });
  });
});
