import { createPasswords } from '../../src/base/passwords.ts';
import { aPerson, type Person, password, send, signInAs } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { type Browser, newBrowser, type Page } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { anotherPassword, fromLetter, lettersTo, submitTo } from './register-support.ts';
import {
  codeOf,
  forgetSteps,
  giveCode,
  givePassword,
  type Kept,
  setUp,
  stepBegins,
} from './second-factor-support.ts';

describe('whoever knows the password and guesses at codes', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl, limitAddresses: true });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });
  beforeEach(async () => {
    await stepBegins();
    await server.pool.query('delete from throttles');
  }, 15_000);

  const prepared = async (): Promise<Person & Kept> => {
    const someone = await aPerson(server, passwords);
    return { ...someone, ...(await setUp(someone.browser, server.baseUrl)) };
  };
  const asked = async ({ account }: Person, browser: Browser, given = password) => {
    await server.pool.query(`delete from throttles where key like 'sign-in:%'`);
    return givePassword(browser, server.baseUrl, { email: account.email, password: given });
  };
  const wrongly = async (someone: Person, browser: Browser, tries: number): Promise<Page> => {
    let page = await asked(someone, browser);
    for (let n = 1; n <= tries; n += 1) {
      page = await giveCode(browser, page, { code: '000000' });
      if (n % 5 === 0 && n < tries) page = await asked(someone, browser);
    }
    return page;
  };
  /** With the code of the app, in a browser that waits for it. */
  const rightly = async (someone: Person & Kept, browser: Browser, given = password) => {
    await forgetSteps(server.pool, someone.account.id);
    const page = await asked(someone, browser, given);
    return giveCode(browser, page, { code: codeOf(someone.seed) });
  };
  const signOut = async (someone: Person): Promise<unknown> =>
    submitTo(someone.browser, await someone.open('/profile'), '/sign-out');
  const lettersOf = async ({ account }: Person): Promise<string[]> =>
    (await lettersTo(server.pool, account.email)).map(({ template }) => template);
  const setCount = (kind: string, points: number) =>
    server.pool.query('update throttles set points = $2 where key like $1', [
      `second-factor:${kind}:%`,
      points,
    ]);

  test('has nothing of the browsers that were known before the factor was set up', async () => {
    const someone = await aPerson(server, passwords);
    const thief = await signInAs(server, someone.account.email);
    const kept = { ...someone, ...(await setUp(someone.browser, server.baseUrl)) };
    await wrongly(kept, newBrowser(server.baseUrl), 20);
    expect((await rightly(kept, thief)).status).toBe(429);
    await signOut(someone);
    expect((await rightly(kept, someone.browser)).url).toBe(`${server.baseUrl}/profile`);
  }, 60_000);

  test('has a hundred tries a day over all browsers, known ones too', async () => {
    const someone = await prepared();
    await signOut(someone);
    await wrongly(someone, someone.browser, 1);
    await setCount('account', 99);
    expect((await wrongly(someone, someone.browser, 1)).status).toBe(422);
    expect((await rightly(someone, someone.browser)).status).toBe(429);
  });

  test('keeps others of one network from their codes for five minutes and no longer', async () => {
    const [someone, other] = [await prepared(), await prepared()];
    await wrongly(other, newBrowser(server.baseUrl), 1);
    await setCount('address', 100);
    await signOut(someone);
    const refused = await rightly(someone, someone.browser);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(300);
    expect(await lettersOf(someone)).not.toContain('second-factor-tried');
  });

  test('is told of to the owner, once; changing the password in a session ends it', async () => {
    const someone = await prepared();
    const thief = newBrowser(server.baseUrl);
    await wrongly(someone, thief, 23);
    expect((await lettersOf(someone)).filter((one) => one === 'second-factor-tried')).toHaveLength(
      1,
    );
    const elsewhere = newBrowser(server.baseUrl);
    expect((await rightly(someone, elsewhere)).status).toBe(429);
    await send(someone, '/profile/password', { password: anotherPassword });
    const within = await rightly(someone, elsewhere, anotherPassword);
    expect(within.url).toBe(`${server.baseUrl}/profile`);
  }, 60_000);

  test('gets no new tries by a link from the mailbox, and the browsers known before none', async () => {
    const someone = await prepared();
    const { email } = someone.account;
    await wrongly(someone, newBrowser(server.baseUrl), 20);
    const reader = newBrowser(server.baseUrl);
    await submitTo(reader, await reader.open(`${server.baseUrl}/forgot`), '/forgot', { email });
    const link = await fromLetter(server.pool, email, 'link');
    const form = await reader.open(link);
    await submitTo(reader, form, new URL(link).pathname, { password: anotherPassword });
    for (const browser of [reader, someone.browser]) {
      expect((await rightly(someone, browser, anotherPassword)).status).toBe(429);
    }
  }, 60_000);

  test('is a new device to the account after a reset, wherever they were before', async () => {
    const someone = await aPerson(server, passwords);
    const { email } = someone.account;
    const thief = await signInAs(server, email);
    const browser = newBrowser(server.baseUrl);
    await submitTo(browser, await browser.open(`${server.baseUrl}/forgot`), '/forgot', { email });
    const link = await fromLetter(server.pool, email, 'link');
    const form = await browser.open(link);
    await submitTo(browser, form, new URL(link).pathname, { password: anotherPassword });
    expect((await asked(someone, thief, anotherPassword)).url).toBe(`${server.baseUrl}/profile`);
    expect((await lettersOf(someone)).at(-1)).toBe('new-device');
  });
});
