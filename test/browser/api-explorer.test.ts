import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { password } from '../portal/profile-support.ts';
import { aSubscriber, keysOf, type Subscriber } from '../portal/subscriber.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { aClient, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

browserStories('an API in Swagger UI on our own pages', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let priya: Subscriber;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    await applyDemo(server);
    priya = await aSubscriber(server, passwords, { product: { id: 'read-records' } as Product });
  }, 60_000);
  afterAll(async () => {
    passwords.close();
    await server.close();
  });

  test('is set up for the viewer’s subscription: Authorize, one click, and the call answers 200', async () => {
    const context = await newContext();
    const tab = await context.newPage();
    const complaints: string[] = [];
    tab.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await tab.goto(`${server.baseUrl}/sign-in?return_to=%2Fapis%2Fpatient-record%2Fswagger-ui`);
    await tab.getByLabel('Email').fill(priya.account.email);
    await tab.getByLabel('Password', { exact: true }).fill(password);
    await tab.getByRole('button', { name: 'Sign in' }).click();

    await tab.locator('.auth-wrapper .authorize').click();
    const dialog = tab.locator('.auth-container', { hasText: 'authorizationCode' });
    const box = dialog.locator('input[data-value="user/Patient.rs"]');
    await dialog
      .locator(`label[for="${await box.getAttribute('id')}"]`)
      .first()
      .click();
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      dialog.locator('button.authorize').click(),
    ]);
    await popup.getByText('asks for access').waitFor();
    await Promise.all([popup.waitForEvent('close'), popup.click('button[value=authorize]')]);
    await dialog.getByText('Logout').waitFor();

    const [key] = await keysOf(server, priya.subscription.id);
    const keyBox = tab.locator('.auth-container', { hasText: 'subscription_key' });
    await keyBox.locator('input').fill(key?.value ?? '');
    await keyBox.locator('button.authorize').click();
    await tab.click('.close-modal');

    await tab.locator('.opblock-summary-path', { hasText: '/Patient' }).first().click();
    await tab.click('.try-out__btn');
    const [answer] = await Promise.all([
      tab.waitForResponse((response) => response.url().includes('/sandbox-api/fhir/Patient')),
      tab.click('.btn.execute'),
    ]);
    expect(answer.status()).toBe(200);
    const headers = answer.request().headers();
    expect(headers.authorization).toMatch(/^Bearer eyJ/);
    expect(headers['ocp-apim-subscription-key']).toBe(key?.value);
    expect(complaints).toEqual([]); // the policy for scripts and styles is as strict as elsewhere
    await context.close();
  }, 60_000);

  test('says when the pop-up was cancelled', async () => {
    const context = await newContext();
    const tab = await context.newPage();
    await tab.goto(`${server.baseUrl}/sign-in?return_to=%2Fapis%2Fpatient-record%2Fswagger-ui`);
    await tab.getByLabel('Email').fill(priya.account.email);
    await tab.getByLabel('Password', { exact: true }).fill(password);
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.locator('.auth-wrapper .authorize').click();
    const dialog = tab.locator('.auth-container', { hasText: 'authorizationCode' });
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      dialog.locator('button.authorize').click(),
    ]);
    await popup.getByRole('button', { name: 'Cancel' }).click();
    await dialog.getByText('access_denied').waitFor();
    await context.close();
  }, 60_000);

  test.each([
    ['as a system', 'clientCredentials'],
    ['with a test user’s password', 'password'],
  ])(
    '%s, with an application of one’s own',
    async (_, flow) => {
      const application = await aClient(server.pool, { subscriptions: [priya.subscription] });
      const persona = await aTestUser(server.pool, { team: priya.team });
      const context = await newContext();
      const tab = await context.newPage();
      await tab.goto(`${server.baseUrl}/sign-in?return_to=%2Fapis%2Fpatient-record%2Fswagger-ui`);
      await tab.getByLabel('Email').fill(priya.account.email);
      await tab.getByLabel('Password', { exact: true }).fill(password);
      await tab.getByRole('button', { name: 'Sign in' }).click();
      await tab.locator('.auth-wrapper .authorize').click();
      const dialog = tab.locator('.auth-container', { hasText: `Flow: ${flow}` });
      if (flow === 'password') {
        await dialog.getByLabel('username:').fill(persona.username);
        await dialog.getByLabel('password:').fill(persona.password);
      }
      await dialog.getByLabel('client_id:').fill(application.id);
      await dialog.getByLabel('client_secret:').fill(application.secret);
      const [token] = await Promise.all([
        tab.waitForResponse(`${server.sandbox}/token`),
        dialog.locator('button.authorize').click(),
      ]);
      expect([token.status(), await token.text()]).toEqual([200, expect.any(String)]);
      await dialog.getByText('Logout').waitFor();
      await context.close();
    },
    60_000,
  );
});
