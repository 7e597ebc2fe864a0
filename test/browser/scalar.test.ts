import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import type { BrowserContext, Page } from 'playwright-core';
import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { password } from '../portal/profile-support.ts';
import { aSubscriber, keysOf, type Subscriber } from '../portal/subscriber.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { aClient, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

/** The newest needs another Node to be installed, not to run: it comes as text within a plugin. */
function newest(): string {
  const url = new URL('../../node_modules/scalar-newest/dist/index.js', import.meta.url);
  const [, literal = ''] =
    /^var standalone_default = (".*");$/m.exec(readFileSync(url, 'utf8')) ?? [];
  return runInNewContext(literal) as string; // a string literal is one string
}

browserStories('an API in Scalar on our own pages', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let priya: Subscriber;
  let application: { id: string; secret: string };
  let persona: { username: string; password: string };

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    await applyDemo(server);
    const { pool } = server;
    priya = await aSubscriber(server, passwords, { product: { id: 'read-records' } as Product });
    application = await aClient(pool, { subscriptions: [priya.subscription] });
    persona = await aTestUser(pool, { team: priya.team });
  }, 60_000);
  afterAll(async () => {
    passwords.close();
    await server.close();
  });

  describe.each([
    ['as it is served', undefined],
    ['of today', newest],
  ])('%s', (_, bundle) => {
    let context: BrowserContext;
    let tab: Page;
    let complaints: string[];

    beforeEach(async () => {
      context = await newContext();
      const body = bundle?.();
      if (body) {
        await context.route('**/scalar/*/standalone.js', (route) =>
          route.fulfill({ contentType: 'text/javascript', body }),
        );
      }
      complaints = [];
      context.on('request', (request) => {
        if (!request.url().startsWith(server.baseUrl)) complaints.push(request.url());
      });
      tab = await context.newPage();
      tab.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await tab.goto(`${server.baseUrl}/sign-in?return_to=%2Fapis%2Fpatient-record%2Fscalar`);
      await tab.getByLabel('Email').fill(priya.account.email);
      await tab.getByLabel('Password', { exact: true }).fill(password);
      await tab.getByRole('button', { name: 'Sign in' }).click();
    }, 60_000);
    afterEach(() => context.close());

    const authorize = () => tab.getByRole('button', { name: 'Authorize' }).click();
    const answered = () =>
      tab.waitForResponse((response) => response.url() === `${server.sandbox}/token`);

    /** Some are inputs, and some an editor; the same stand once more in a dialog that is closed. */
    const field = (label: string) =>
      tab
        .locator('td', { hasText: new RegExp(`^\\s*${label}\\s*:`) })
        .first()
        .locator('input, [contenteditable=true]');
    async function withSecret(flow: string): Promise<void> {
      await tab.getByRole('button', { name: flow, exact: true }).click();
      await field('Client ID').fill(application.id);
      await field('Client Secret').fill(application.secret);
    }

    test('on behalf of a user: the pop-up is read and closed, and the call answers 200', async () => {
      const [key] = await keysOf(server, priya.subscription.id);
      await field('Value').fill(key?.value ?? '');
      const [popup] = await Promise.all([context.waitForEvent('page'), authorize()]);
      await popup.getByText('asks for access').waitFor();
      const [token] = await Promise.all([
        answered(),
        popup.waitForEvent('close'),
        popup.click('button[value=authorize]'),
      ]);
      expect(token.status()).toBe(200);
      await field('Access Token').waitFor();

      await tab.getByRole('button', { name: /Test Request.*\/Patient\)$/ }).click();
      const [answer] = await Promise.all([
        tab.waitForResponse((response) => response.url().includes('/sandbox-api/fhir/Patient')),
        tab.getByRole('button', { name: /^Send/ }).first().click(),
      ]);
      expect(answer.status()).toBe(200);
      const headers = answer.request().headers();
      expect(headers.authorization).toMatch(/^Bearer eyJ/);
      expect(headers['ocp-apim-subscription-key']).toBe(key?.value);
      expect(complaints).toEqual([]); // nothing was refused by our policy, nothing asked elsewhere
    }, 60_000);

    test('on behalf of a user who cancels: it says so', async () => {
      const [popup] = await Promise.all([context.waitForEvent('page'), authorize()]);
      await Promise.all([
        popup.waitForEvent('close'),
        popup.getByRole('button', { name: 'Cancel' }).click(),
      ]);
      await tab.getByText('access_denied').first().waitFor({ state: 'attached' });
    }, 60_000);

    test('as a system, with an application of one’s own', async () => {
      await withSecret('clientCredentials');
      const [token] = await Promise.all([answered(), authorize()]);
      expect([token.status(), await token.text()]).toEqual([200, expect.any(String)]);
      await field('Access Token').waitFor();
      expect(complaints).toEqual([]);
    }, 60_000);

    test('with a test user’s password', async () => {
      await withSecret('password');
      await field('Username').fill(persona.username);
      await field('Password').fill(persona.password);
      const [token] = await Promise.all([answered(), authorize()]);
      expect([token.status(), await token.text()]).toEqual([200, expect.any(String)]);
      await field('Access Token').waitFor();
      expect(complaints).toEqual([]);
    }, 60_000);
  });
});
