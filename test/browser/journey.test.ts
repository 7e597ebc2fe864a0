import type { Page } from 'playwright-core';
import { saveProductApis } from '../../src/products/store.ts';
import { fromLetter, goodPassword } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

const joan = ['joan.whitlock@northmoor.example', 'reads-every-request-twice'] as const;

/** What the page of a product that somebody has to approve opens, for people and for systems. */
const scopes = ['user/Patient.rs', 'system/Patient.rs'].map((scope) => ({
  scope,
  description: 'Read names, addresses and dates of birth',
  isDefault: true,
}));

const press = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('button', { name, exact: true }).click();
const follow = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('link', { name, exact: true }).click();
const isOn = (page: Page, heading: string): Promise<void> =>
  page.getByRole('heading', { name: heading, level: 1 }).waitFor();

browserStories('a developer who never was here', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    await applyDemo(server);
    const guarded = await aProduct(server.pool, {
      id: 'guarded-records',
      name: 'Guarded Records',
      needsApproval: true,
      scopes,
      roleScopes: { gp: ['user/Patient.rs'] },
    });
    const opened = [{ id: 'patient-record', baseUrl: 'sandbox', version: null }];
    await saveProductApis(server.pool, guarded.id, opened);
  }, 60_000);
  afterAll(() => server.close());

  async function newPage(width: number): Promise<Page> {
    const context = await newContext();
    const page = await context.newPage();
    await page.setViewportSize({ width, height: 844 });
    page.setDefaultTimeout(8_000);
    return page;
  }

  /** Registers on the way to the product, and comes back to it by the letter. */
  async function register(page: Page, email: string): Promise<void> {
    await page.goto(`${server.baseUrl}/products/guarded-records`);
    await follow(page, 'Register as a developer');
    await page.getByLabel('Your name').fill('Noor Haddad');
    await page.getByLabel('Work email').fill(email);
    await page.getByLabel('Password').fill(goodPassword);
    await page.getByLabel('I accept the terms').check();
    await press(page, 'Register');
    await isOn(page, 'Check your email');
    await page.goto(await fromLetter(server.pool, email, 'link'));
    await press(page, 'Verify my email');
    await isOn(page, 'Guarded Records');
  }

  /** In a browser of her own. */
  async function approveAsJoan(): Promise<void> {
    const page = await newPage(1280);
    await page.goto(`${server.baseUrl}/admin/approvals`);
    await page.getByLabel('Email').fill(joan[0]);
    await page.getByLabel('Password').fill(joan[1]);
    await press(page, 'Sign in');
    await page
      .getByRole('row', { name: /Guarded Records/ })
      .getByRole('link')
      .first()
      .click();
    await page
      .locator('form[action$="/approve"] textarea')
      .fill('A ward round, with invented people.');
    await press(page, 'Approve');
    await page
      .getByText(/^(It is approved|Approved)/)
      .first()
      .waitFor();
    await page.context().close();
  }

  async function sendAndSeeThePatient(page: Page): Promise<void> {
    await press(page, 'Send');
    await page.locator('#answer-status').getByText('200 OK', { exact: true }).waitFor();
    expect(await page.textContent('#answer-body')).toContain('"resourceType": "Patient"');
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  }

  test.each([[1280], [390]])(
    'registers, asks, is approved, and reads a patient in three ways, at %i pixels',
    async (width) => {
      const page = await newPage(width);
      await register(page, `noor.${width}@people.example`);
      await page
        .getByLabel('What will you use it for?')
        .fill('We show a ward round who needs what. Live in May.');
      await page.locator('form[action$="/subscriptions"] button').click();
      await page.getByText('Waiting for approval').first().waitFor();
      const subscription = page.url();

      await approveAsJoan();
      await page.goto(subscription);
      await follow(page, 'Try it');
      await page.locator('#authorize:enabled').waitFor();
      await page.locator('summary', { hasText: 'Another operation' }).click();
      await follow(page, 'Read one patient');
      await isOn(page, 'Try it: Read one patient');
      await page.locator('#authorize:enabled').waitFor();

      const [popup] = await Promise.all([page.waitForEvent('popup'), press(page, 'Authorize')]);
      await popup.getByText('Dr Asha Menon', { exact: true }).click();
      await popup.click('button[value=authorize]');
      await page.getByText('Token for tu_gp').waitFor();
      await sendAndSeeThePatient(page);

      for (const grant of ['client_credentials', 'password']) {
        await press(page, 'Forget the token');
        await page.selectOption('#grant', grant);
        await press(page, 'Authorize');
        await page.locator('#token').waitFor();
        await sendAndSeeThePatient(page);
      }
      await page.locator('#history > summary').click();
      expect(await page.locator('#history-list li').count()).toBe(3);
      await page.context().close();
    },
    60_000,
  );
});
