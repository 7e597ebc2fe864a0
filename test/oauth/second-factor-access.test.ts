import { upsertAccountProfile } from '../../src/accounts/profile-store.ts';
import { resetSecondFactor } from '../../src/accounts/second-factor-service.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { endAccess } from '../../src/oauth/consents.ts';
import { submitTo } from '../accounts/register-support.ts';
import { codeOf, forgetSteps, path, setUp, stepBegins } from '../accounts/second-factor-support.ts';
import { aPerson, password } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  asAccount,
  authorizationUrl,
  type Browser,
  buyTokens,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  submit,
} from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('what applications had by one way of signing in', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let client: CodeClient;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const product = await aProduct(server.pool, { environment: 'live' });
    const subscriptions = [await aSubscription(server.pool, { product })];
    const made = await aClient(server.pool, { subscriptions });
    client = { ...made, redirectUri: made.redirectUris[0] ?? '' };
  });
  beforeEach(stepBegins, 15_000);
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  async function someone() {
    const person = await aPerson(server, passwords);
    const place = { accountId: person.account.id, environment: 'live' } as const;
    await upsertAccountProfile(server.pool, place, { role: 'gp', claims: {}, patient: null });
    return person;
  }
  const refreshed = async (token: unknown) => {
    const form = { grant_type: 'refresh_token', refresh_token: String(token) };
    const { status, body } = await post(`${server.live}/token`, client, form);
    return [status, body.error];
  };
  const ask = (browser: Browser, more: Record<string, string> = {}) =>
    browser.open(
      authorizationUrl(server.live, client, pkce().challenge, { scope: 'openid', ...more }),
    );
  const silently = async (browser: Browser): Promise<string | null> =>
    answerOf(await ask(browser, { prompt: 'none' })).get('error');

  test('ends when a second factor is set up: the refresh token was given for the password alone', async () => {
    const { account, browser } = await someone();
    const { body } = await buyTokens(server.live, client, asAccount(account.email, password), {
      scope: 'openid offline_access read',
      prompt: 'consent',
    });
    await setUp(browser, server.baseUrl);
    expect(await refreshed(body.refresh_token)).toEqual([400, 'invalid_grant']);
  });

  test.each(['its owner', 'an operator'])(
    'ends again when %s removes it, and no session from before comes to life',
    async (who) => {
      const { account, browser, open } = await someone();
      const thief = newBrowser(server.baseUrl);
      answerOf(await submit(thief, await ask(thief), asAccount(account.email, password)));
      expect(await silently(thief)).toBeNull();
      const { seed } = await setUp(browser, server.baseUrl);
      expect(await silently(thief)).toBe('login_required');

      await forgetSteps(server.pool, account.id);
      const own = newBrowser(server.baseUrl);
      const page = await submit(own, await ask(own), asAccount(account.email, password));
      await submit(own, page, { decision: 'prove', code: codeOf(seed) });
      expect(await silently(own)).toBeNull();

      if (who === 'its owner') await submitTo(browser, await open(path), `${path}/remove`);
      else {
        const given = { email: account.email, reason: 'Known by voice' };
        await resetSecondFactor({ pool: server.pool, endAccess }, given);
      }
      expect([await silently(thief), await silently(own)]).toEqual(Array(2).fill('login_required'));
    },
  );
});
