import { TooMany } from '../../src/base/errors.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { digest } from '../../src/base/secrets.ts';
import { many } from '../../src/db/pool.ts';
import { createThrottle } from '../../src/db/throttle.ts';
import { testUserName } from '../../src/oauth/sign-in.ts';
import { useDatabase, useDatabaseUrl } from '../support/database.ts';
import {
  asAccount,
  authorizationUrl,
  buyTokens,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import {
  aClient,
  anAccount,
  aProduct,
  aSubscription,
  aTestUser,
  keyring,
} from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const minute = (points: number) => ({ points, seconds: 60 });

describe('counting attempts', () => {
  const pool = useDatabase();
  let purposes = 0;

  /** `true` for every attempt that may be made, of a throttle that nothing was counted by before. */
  function newThrottle(given: {
    perName?: number;
    perNameAtAddress?: number;
    perAddress?: number;
    perClient?: number;
    perAccount?: number;
  }) {
    purposes += 1;
    const throttle = createThrottle(pool, {
      purpose: `test ${purposes}`,
      perName: minute(given.perName ?? 1000),
      perAddress: given.perAddress ? minute(given.perAddress) : null,
      ...(given.perNameAtAddress && { perNameAtAddress: minute(given.perNameAtAddress) }),
      ...(given.perClient && { perClient: minute(given.perClient) }),
      ...(given.perAccount && { perAccount: minute(given.perAccount) }),
    });
    const may = (name: string | string[], address = '192.0.2.1', client?: string) =>
      throttle.attempt({ name, address, ...(client && { client }) }).then(
        () => true,
        (error) => {
          if (error instanceof TooMany) return false;
          throw error;
        },
      );
    return { ...throttle, may };
  }

  test.each([
    ['case', 'ada@example.com', 'ADA@Example.COM'],
    ['a dotted capital I', 'ian@example.com', '\u0130an@example.com'],
    ['a final sigma', 'nikos\u03c2@example.com', 'NIKOS\u03a3@example.com'],
    ['a sigma in the middle', 'niko\u03c2', 'niko\u03c3'],
    ['a sharp s', 'stra\u00dfe@example.com', 'STRA\u1e9eE@example.com'],
    ['a Kelvin sign', 'kelvin@example.com', '\u212aelvin@example.com'],
    ['letters of full width', 'ada@example.com', '\uff41da@example.com'],
    ['another composition', 'zo\u00eb@example.com', 'zoe\u0308@example.com'],
    ['spaces around', 'ada@example.com', '  ada@example.com\t'],
  ])('%s makes no other name', async (_what, name, spelling) => {
    const { may } = newThrottle({ perName: 2 });
    expect([await may(name), await may(spelling), await may(name), await may(spelling)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('whatever letter PostgreSQL looks up as another counts as that other', async () => {
    const pairs = await many<{ letter: string; lower: string }>(
      pool,
      `select chr(n) as letter, lower(chr(n)) as lower from generate_series(1, 1114111) n
       where n not between 55296 and 57343 and chr(n) <> lower(chr(n))`,
    );
    const known = pairs.filter(({ letter }) => /\P{Cn}/u.test(letter)); // the two may know different versions of Unicode
    expect(known.length).toBeGreaterThan(1000);

    const counted: string[] = [];
    const throttle = createThrottle(pool, {
      purpose: 'letters',
      perName: minute(100_000),
      perAddress: null,
      fingerprint: (text) => {
        counted.push(text);
        return digest(text);
      },
    });
    const differing = [];
    for (const { letter, lower } of known) {
      counted.length = 0;
      const name = [`a${letter}b`, `a${lower}b`, `${letter}@b`, `${lower}@b`];
      await throttle.attempt({ name, address: '' });
      if (counted[0] !== counted[1] || counted[2] !== counted[3]) differing.push(letter);
    }
    expect(differing).toEqual([]);
  });

  test('different names have counts of their own', async () => {
    const { may } = newThrottle({ perName: 1 });
    const names = ['ada@example.com', 'bob@example.com', 'ada@example.org', 'ad a@example.com'];
    for (const name of names) expect([name, await may(name)]).toEqual([name, true]);
  });

  test('an address over its own limit keeps no name locked', async () => {
    const { may } = newThrottle({ perName: 3, perAddress: 2 });
    const attempts = [];
    for (let tries = 0; tries < 10; tries += 1) attempts.push(await may('ada', '192.0.2.1'));
    expect(attempts.filter(Boolean)).toHaveLength(2);
    expect([await may('ada', '192.0.2.2'), await may('ada', '192.0.2.2')]).toEqual([true, false]);
  });

  test('a stranger at one address uses up a part of what a name may have, and no more', async () => {
    const { may } = newThrottle({ perName: 5, perNameAtAddress: 2 });
    const stranger = [];
    for (let tries = 0; tries < 9; tries += 1) stranger.push(await may('ada', '192.0.2.1'));
    expect(stranger.filter(Boolean)).toHaveLength(2);
    expect(await may('bob', '192.0.2.1')).toBe(true);
    const owner = [];
    for (let tries = 0; tries < 4; tries += 1) owner.push(await may('ada', '2001:db8::1'));
    expect(owner).toEqual([true, true, false, false]);
    expect([await may('ada', '192.0.2.3'), await may('ada', '192.0.2.4')]).toEqual([true, false]);
  });

  test('what a name refuses takes nothing from what its owner may have at their own address', async () => {
    const { may, clear } = newThrottle({ perName: 2, perNameAtAddress: 2 });
    for (const stranger of ['192.0.2.1', '192.0.2.2']) await may('ada', stranger);
    for (let tries = 0; tries < 5; tries += 1) expect(await may('ada', '192.0.2.9')).toBe(false);
    await clear('ADA ');
    expect([await may('ada', '192.0.2.9'), await may('ada', '192.0.2.9')]).toEqual([true, true]);
  });

  test('one client tries so many names, and locks none of them beyond that', async () => {
    const { may, succeeded } = newThrottle({ perName: 3, perClient: 4 });
    const by = (client: string) => (name: string) => may(name, '', client);
    for (const name of ['a', 'b', 'c', 'd']) expect(await by('shop')(name)).toBe(true);
    for (let tries = 0; tries < 5; tries += 1) expect(await by('shop')('ada')).toBe(false);
    for (let tries = 0; tries < 3; tries += 1) expect(await by('desk')('ada')).toBe(true);
    expect(await by('desk')('ada')).toBe(false); // by its name, which costs the client nothing
    expect(await by('desk')('bob')).toBe(true);
    await succeeded({ name: 'bob', address: '', client: 'desk' });
    expect([await by('desk')('eve'), await by('desk')('eve')]).toEqual([true, false]);
  });

  test('all names of one account have one count beside their own, until its owner is known', async () => {
    const throttle = newThrottle({ perName: 2, perAccount: 3 });
    const at = (account: string) => async (name: string) =>
      throttle.attempt({ name, address: '', account }).then(
        () => true,
        ({ code }) => code,
      );
    const [ada, bob] = [at('ada'), at('bob')];
    expect([await ada('one'), await ada('one'), await ada('one')]).toEqual([
      true,
      true,
      'too_many_attempts', // costs the account nothing
    ]);
    expect([await ada('two'), await ada('two')]).toEqual([true, 'too_many_attempts']);
    expect(await bob('two')).toBe(true);
    await throttle.clear('ada');
    expect([await ada('three'), await ada('one')]).toEqual([true, 'too_many_attempts']);
  });

  test('whoever has one address of an IPv6 /64 has one count with all of it', async () => {
    const { may } = newThrottle({ perAddress: 1 });
    const tries = [
      ['2001:db8:1:2::1', true],
      ['2001:db8:1:2::1', false],
      ['2001:db8:1:2:ffff:ffff:ffff:ffff', false],
      ['2001:DB8:1:2:3::', false],
      ['2001:db8:1:2:0:0:0:9', false],
      ['2001:db8:1:3::1', true],
      ['2001:db8::1', true],
      ['2001:db8:0:0:8::', false],
      ['2001:db8:0:1::', true],
      ['::1', true],
      ['::ffff:192.0.2.1', true],
      ['::ffff:192.0.2.2', true],
      ['192.0.2.3', true],
      ['192.0.2.3:51234', false], // as some proxies forward it
      ['[2001:db8:1:2::7]:51234', false],
      ['192.0.2.4', true],
    ] as const;
    for (const [address, allowed] of tries) {
      expect([address, await may('anybody', address)]).toEqual([address, allowed]);
    }
  });

  test('a right password clears the name it proved, takes back its own attempt at another, and no more', async () => {
    const { may, succeeded } = newThrottle({ perName: 3 });
    const name = ['test user', 'account'];
    for (let tries = 0; tries < 3; tries += 1) expect(await may(name)).toBe(true);
    await succeeded({ name, address: '' }, 'test user');
    expect([await may('account'), await may('account')]).toEqual([true, false]);
    expect([await may('test user'), await may('test user')]).toEqual([true, true]);
  });
});

describe('signing in with a password', () => {
  const databaseUrl = useDatabaseUrl();
  const password = 'ward round at seven';
  let passwordHash: string;
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const passwords = createPasswords();
    passwordHash = await passwords.hash(password);
    await passwords.close();
  });
  afterAll(() => server.close());

  const anApplication = async (
    given: Parameters<typeof aProduct>[1] = {},
  ): Promise<CodeClient & { secret: string; teamId: string | null }> => {
    const product = await aProduct(server.pool, given);
    const subscriptions = [await aSubscription(server.pool, { product })];
    const client = await aClient(server.pool, { subscriptions });
    return { ...client, redirectUri: 'https://client.example/callback' };
  };
  const byGrant = (client: { id: string; secret: string }, username: string, given: string) =>
    post(`${server.sandbox}/token`, client, {
      grant_type: 'password',
      username,
      password: given,
    });
  /** One page, and what it answers to each attempt on it. */
  async function aPage(client: CodeClient) {
    const browser = newBrowser(server.baseUrl);
    const page = await browser.open(authorizationUrl(server.sandbox, client, pkce().challenge));
    return async (username: string, given: string) =>
      (await submit(browser, page, asAccount(username, given))).status;
  }

  test.each(['the page', 'the password grant'])(
    'a test user’s published password, given on %s, clears no count of an account of the same name',
    async (way) => {
      const client = await anApplication();
      const name = `${client.id.toLowerCase()}@example.com`;
      await anAccount(server.pool, { email: name, passwordHash });
      await aTestUser(server.pool, { username: name, password: 'published' });

      const answers = [];
      for (let round = 0; round < 16; round += 1) {
        const attempt = await aPage(client);
        for (let tries = 0; tries < 5; tries += 1) answers.push(await attempt(name, 'wrong'));
        if (way === 'the page') await attempt(name, 'published');
        else await byGrant(client, name, 'published');
      }
      expect(answers.filter((status) => status === 422).length).toBeLessThanOrEqual(20);
      expect(answers.filter((status) => status === 429).length).toBeGreaterThanOrEqual(60);
      expect(await (await aPage(client))(name, password)).toBe(429);
    },
  );

  test('a stranger keeps a shared test user from nobody but the stranger’s own team', async () => {
    const [ours, theirs] = [await anApplication(), await anApplication()];
    const { username } = await aTestUser(server.pool, { password: 'published' });
    for (let tries = 0; tries < 21; tries += 1) await byGrant(theirs, username, 'wrong');
    expect((await byGrant(theirs, username, 'published')).status).toBe(429);
    expect((await byGrant(ours, username, 'published')).status).toBe(200);
  });

  test('nobody can type what a test user is counted as', async () => {
    const client = await anApplication();
    const { username } = await aTestUser(server.pool, { password: 'published' });
    const stranger = newBrowser(server.baseUrl);
    const form = await stranger.open(`${server.baseUrl}/sign-in`);
    const email = testUserName(client.teamId, username);
    for (let tries = 0; tries < 21; tries += 1) {
      expect((await submit(stranger, form, { email, password: 'x' })).status).toBe(422);
    }
    expect((await byGrant(client, username, 'published')).status).toBe(200);
  });

  test('what is counted names nobody: no name, and no digest that a list of names would give', async () => {
    const client = await anApplication();
    const name = 'eve@example.com';
    await (await aPage(client))(name, 'wrong');
    await byGrant(client, name, 'wrong');
    const keys = await many<{ key: string }>(server.pool, 'select key from throttles');
    const all = keys.map(({ key }) => key).join(' ');
    expect(all).toContain(keyring.fingerprint(name).toString('base64url'));
    for (const text of [name, testUserName(client.teamId, name)]) {
      for (const form of [text, digest(text).toString('base64url'), digest(text).toString('hex')]) {
        expect(all).not.toContain(form);
      }
    }
  });

  test.each(['sandbox', 'live'] as const)(
    'sixteen right passwords of one person at once all count as right, in %s',
    async (environment) => {
      const email = `many-${environment}@example.com`;
      await anAccount(server.pool, { email, passwordHash });
      const client = await anApplication({ environment });
      const answers = await Promise.all(
        Array.from({ length: 16 }, () =>
          buyTokens(server[environment], client, asAccount(email, password), { scope: 'openid' }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(16).fill(200));
    },
  );
});
