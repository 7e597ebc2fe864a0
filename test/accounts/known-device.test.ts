import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asAccount,
  authorizationUrl,
  type Browser,
  newBrowser,
  type Page,
  pkce,
  submit,
} from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { submitTo } from './register-support.ts';

const password = 'seven herons crossed a loud river';

describe('a stranger who guesses at an account', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let passwordHash: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    passwordHash = await passwords.hash(password);
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const signIn = async (browser: Browser, email: string, given: string): Promise<Page> => {
    const form = await browser.open(`${server.baseUrl}/sign-in?return_to=/profile`);
    return submitTo(browser, form, '/sign-in', { email, password: given });
  };
  /** Signed in once, and out again. */
  async function aKnownDevice() {
    const { email, id } = await anAccount(server.pool, { passwordHash });
    const browser = newBrowser(server.baseUrl);
    await submitTo(browser, await signIn(browser, email, password), '/sign-out');
    return { email, id, browser };
  }
  async function guess(email: string, times: number): Promise<void> {
    const stranger = newBrowser(server.baseUrl);
    const form = await stranger.open(`${server.baseUrl}/sign-in`);
    for (let n = 0; n < times; n += 1) {
      await submitTo(stranger, form, '/sign-in', { email, password: `guess ${n}` });
    }
  }
  const failuresAt = async (id: string) =>
    (
      await server.pool.query(
        `select reason, environment from audit
         where action = 'sign_in.failed' and subject_id = $1 order by id`,
        [id],
      )
    ).rows;

  test('keeps everybody out but the owner on a device that the account knows', async () => {
    const { email, browser } = await aKnownDevice();
    await guess(email, 20);
    const elsewhere = await signIn(newBrowser(server.baseUrl), email, password);
    expect(elsewhere.status).toBe(429);
    expect((await signIn(browser, email, password)).url).toBe(`${server.baseUrl}/profile`);
  });

  test('nor in the pop-up', async () => {
    const { email, browser } = await aKnownDevice();
    await guess(email, 20);
    const product = await aProduct(server.pool, { environment: 'live' });
    const subscriptions = [await aSubscription(server.pool, { product })];
    const client = await aClient(server.pool, { subscriptions });
    const url = authorizationUrl(
      server.live,
      { ...client, redirectUri: client.redirectUris[0] ?? '' },
      pkce().challenge,
      { scope: 'openid' },
    );
    const answer = async (from: Browser) =>
      submit(from, await from.open(url), asAccount(email, password));
    expect(await answer(newBrowser(server.baseUrl))).toMatchObject({ status: 429, location: null });
    expect((await answer(browser)).location).toContain('code=');
  });

  test('on such a device too, only so often', async () => {
    const { email, browser } = await aKnownDevice();
    const form = await browser.open(`${server.baseUrl}/sign-in`);
    const statuses: number[] = [];
    for (let n = 0; n < 21; n += 1) {
      const answer = await submitTo(browser, form, '/sign-in', { email, password: 'wrong' });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([...Array(20).fill(422), 429]);
  });

  test('cannot bring the device of another account', async () => {
    const [{ browser }, { email }] = [await aKnownDevice(), await aKnownDevice()];
    await guess(email, 20);
    expect((await signIn(browser, email, password)).status).toBe(429);
  });

  test('fills the trail with one line of having to wait, not with one for each try', async () => {
    const { email, id } = await aKnownDevice();
    await guess(email, 25);
    expect((await failuresAt(id)).map(({ reason }) => reason)).toEqual([
      ...Array(20).fill('wrong address or password'),
      'too many attempts',
    ]);
  });

  test('is on the trail with whom they aimed at, in the pop-up as well, and with one line', async () => {
    const { email, id } = await aKnownDevice();
    const product = await aProduct(server.pool);
    const subscriptions = [await aSubscription(server.pool, { product })];
    const client = await aClient(server.pool, { subscriptions });
    const from = { ...client, redirectUri: client.redirectUris[0] ?? '' };
    const stranger = newBrowser(server.baseUrl);
    const page = await stranger.open(authorizationUrl(server.sandbox, from, pkce().challenge));
    for (let n = 0; n < 24; n += 1) await submit(stranger, page, asAccount(email, 'wrong'));
    const failures = await failuresAt(id);
    expect(failures).toHaveLength(21);
    expect(failures.at(-1)).toEqual({ reason: 'too many attempts', environment: 'sandbox' });
    expect(failures[0]).toEqual({ reason: 'wrong username or password', environment: 'sandbox' });
  });
});
