import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mayAdminister } from '../../src/accounts/second-factor.ts';
import { findAccount, saveRoles } from '../../src/accounts/store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { aPerson, isSignedIn, password, signInAs } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { lettersTo, submitTo } from './register-support.ts';
import { codeOf, givePassword, path, seedOn, setUp, stepBegins } from './second-factor-support.ts';

const databaseUrl = useDatabaseUrl();
const passwords = createPasswords();
afterAll(() => passwords.close());
beforeEach(stepBegins, 15_000);

describe('a programme whose administrators need a second factor', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl, administratorsNeedSecondFactor: true });
  });
  afterAll(() => server.close());

  const administrator = async () => {
    const someone = await aPerson(server, passwords);
    await saveRoles(server.pool, someone.account.id, ['approver']);
    return someone;
  };
  const may = async (id: string) => {
    const account = await findAccount(server.pool, id);
    if (!account) throw new Error('gone');
    return mayAdminister(account, true);
  };

  test('sends one to set it up after the sign-in, and then to where they were going', async () => {
    const { account } = await administrator();
    const browser = newBrowser(server.baseUrl);
    const given = { email: account.email, password };
    const page = await givePassword(browser, server.baseUrl, given, '/profile/name');
    expect(page.url).toBe(`${server.baseUrl}${path}?return_to=%2Fprofile%2Fname`);
    expect(page.text).toContain('Administrators of this programme need one');
    expect(await may(account.id)).toBe('set up a second factor first');

    const shown = await submitTo(browser, page, path, { code: codeOf(seedOn(page), -1) });
    expect(shown.text).toContain('class="button" href="/profile/name"');
    expect(await may(account.id)).toBe('yes');
    const next = newBrowser(server.baseUrl);
    const asked = await givePassword(next, server.baseUrl, given, '/profile/name');
    const back = await submitTo(next, asked, '/sign-in/code', { code: codeOf(seedOn(page)) });
    expect(back.url).toBe(`${server.baseUrl}/profile/name`);
  });

  test('ends what was begun with the password alone, when it is set up', async () => {
    const { account, browser } = await administrator();
    const early = await signInAs(server, account.email);
    await setUp(browser, server.baseUrl);
    expect(await may(account.id)).toBe('yes');
    expect(await isSignedIn(early, server)).toBe(false);
  });

  test('sends nobody else', async () => {
    const { account } = await aPerson(server, passwords);
    const page = await givePassword(newBrowser(server.baseUrl), server.baseUrl, {
      email: account.email,
      password,
    });
    expect(page.url).toBe(`${server.baseUrl}/profile`);
  });

  test('warns one who gives it up, and sends them again', async () => {
    const { account, browser, open } = await administrator();
    await setUp(browser, server.baseUrl);
    const page = await open(path);
    expect(page.text).toContain('you cannot administer until you set one up again');
    await submitTo(browser, page, `${path}/remove`);
    expect(await may(account.id)).toBe('set up a second factor first');
  });
});

describe('an operator', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(() => server.close());

  async function sandgate(...args: string[]): Promise<{ code: number; said: string }> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/index.ts', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: databaseUrl,
        SANDGATE_SECRET: 'the master secret that only the tests know, 32+ bytes',
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    const [code] = await once(child, 'close');
    return { code, said };
  }

  test('takes it away from somebody who lost phone and codes, with a reason and a letter', async () => {
    const { account, browser } = await aPerson(server, passwords);
    await setUp(browser, server.baseUrl);
    const reset = ['account', 'reset-second-factor', account.email.toUpperCase()];
    const { code, said } = await sandgate(...reset, '--reason', 'Known by voice, case 12');
    expect([said, code]).toEqual([expect.stringContaining('by password alone'), 0]);

    expect(await isSignedIn(browser, server)).toBe(false);
    const given = { email: account.email, password };
    const page = await givePassword(newBrowser(server.baseUrl), server.baseUrl, given);
    expect(page.url).toBe(`${server.baseUrl}/profile`);
    const { rows } = await server.pool.query(
      `select actor_kind, reason from audit where subject_id = $1 and action = 'second_factor.removed'`,
      [account.id],
    );
    expect(rows).toEqual([{ actor_kind: 'system', reason: 'Known by voice, case 12' }]);
    const letters = (await lettersTo(server.pool, account.email)).map(({ data }) => data.what);
    expect(letters).toContainEqual(
      expect.stringContaining('An operator removed your authenticator app'),
    );

    const again = await sandgate(...reset, '--reason', 'again');
    expect([again.said, again.code]).toEqual([expect.stringContaining('no second factor'), 1]);
  }, 60_000);

  test.each([
    ['without a reason', ['reset-second-factor', 'somebody@example.com'], 'Say why'],
    ['without an address', ['reset-second-factor', '--reason', 'x'], 'Say it so'],
    ['for nobody', ['reset-second-factor', 'nobody@example.com', '--reason', 'x'], 'no account'],
  ])(
    '%s is told what is missing',
    async (_, args, words) => {
      const { code, said } = await sandgate('account', ...args);
      expect([said, code]).toEqual([expect.stringContaining(words), 1]);
    },
    30_000,
  );
});
