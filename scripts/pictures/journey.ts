import type { Page } from 'playwright-core';
import { saveProductApis } from '../../src/products/store.ts';
import { fromLetter, goodPassword } from '../../test/accounts/register-support.ts';
import { aProduct } from '../../test/support/seed.ts';
import type { TestServer } from '../../test/support/server.ts';

// The whole way of a newcomer, from registering to a patient by each of the three grants.

const joan = ['joan.whitlock@northmoor.example', 'reads-every-request-twice'] as const;

/** A product that somebody has to approve, for people and for systems. */
export async function guardRecords({ pool }: TestServer): Promise<void> {
  const description = 'Read names, addresses and dates of birth';
  const guarded = await aProduct(pool, {
    id: 'guarded-records',
    name: 'Guarded Records',
    description:
      'Look up people in the shared care record. The sandbox holds invented people only.',
    needsApproval: true,
    scopes: [
      { scope: 'user/Patient.rs', description, isDefault: true },
      { scope: 'system/Patient.rs', description: `${description}, as a system`, isDefault: true },
    ],
    roleScopes: { gp: ['user/Patient.rs'] },
  });
  const opened = [{ id: 'patient-record', baseUrl: 'sandbox', version: null }];
  await saveProductApis(pool, guarded.id, opened);
}

export type Journey = {
  server: TestServer;
  email: string;
  /** In a browser without a past. */
  newPage: () => Promise<Page>;
  /** Called at each place worth a look. */
  look?: (page: Page, name: string) => Promise<unknown>;
};

const press = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('button', { name, exact: true }).click();
const follow = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('link', { name, exact: true }).click();
const isOn = (page: Page, heading: string): Promise<void> =>
  page.getByRole('heading', { name: heading, level: 1 }).waitFor();

/** Answers the page on which all three calls were made. */
export async function walk(journey: Journey): Promise<Page> {
  const { server, newPage, look = async () => {} } = journey;
  const page = await newPage();
  await register(page, journey);
  await page.getByLabel('What will you use it for?').fill('We show a ward round who needs what.');
  await look(page, 'ask for a product');
  await page.locator('form[action$="/subscriptions"] button').click();
  await page.getByText('Waiting for approval').first().waitFor();
  await look(page, 'waiting for approval');
  const subscription = page.url().replace(/\?.*/, '');

  await approve(journey);
  await page.goto(subscription);
  await look(page, 'approved');
  await follow(page, 'Try it');
  await page.locator('#authorize:enabled').waitFor();
  await page.locator('summary', { hasText: 'Another operation' }).click();
  await look(page, 'console');
  await follow(page, 'Read one patient');
  await isOn(page, 'Try it: Read one patient');
  await page.locator('#authorize:enabled').waitFor();

  const [popup] = await Promise.all([page.waitForEvent('popup'), press(page, 'Authorize')]);
  await popup.getByText('Dr Asha Menon', { exact: true }).click();
  await look(popup, 'pop-up');
  await popup.click('button[value=authorize]');
  await page.getByText('Token for tu_gp').waitFor();
  await sendAndSeeThePatient(page);
  await look(page, 'on behalf of a user');

  for (const [grant, name] of [
    ['client_credentials', 'as a system'],
    ['password', 'with a user’s password'],
  ] as const) {
    await press(page, 'Forget the token');
    await page.selectOption('#grant', grant);
    await press(page, 'Authorize');
    await page.locator('#token').waitFor();
    await sendAndSeeThePatient(page);
    await look(page, name);
  }
  await page.goto(server.baseUrl);
  await look(page, 'home');
  await page.goBack();
  return page;
}

/** On the way to the product, and back to it by the letter. */
async function register(page: Page, { server, email, look = async () => {} }: Journey) {
  await page.goto(`${server.baseUrl}/apis`);
  await look(page, 'catalogue');
  await page.goto(`${server.baseUrl}/apis/patient-record/operations/readPatient`);
  await look(page, 'an operation');
  await page.goto(`${server.baseUrl}/products/guarded-records`);
  await look(page, 'a product');
  await follow(page, 'Register as a developer');
  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('Work email').fill(email);
  await page.getByLabel('Password').fill(goodPassword);
  await page.getByLabel('I accept the terms').check();
  await look(page, 'register');
  await press(page, 'Register');
  await isOn(page, 'Check your email');
  await look(page, 'check your email');
  await page.goto(await fromLetter(server.pool, email, 'link'));
  await look(page, 'verify');
  await press(page, 'Verify my email');
  await isOn(page, 'Guarded Records');
}

/** By an approver, in a browser of her own. */
async function approve({ server, newPage, look = async () => {} }: Journey): Promise<void> {
  const page = await newPage();
  await page.goto(`${server.baseUrl}/admin/approvals`);
  await page.getByLabel('Email').fill(joan[0]);
  await page.getByLabel('Password').fill(joan[1]);
  await press(page, 'Sign in');
  await isOn(page, 'Approvals');
  await look(page, 'approvals');
  const row = page.getByRole('row', { name: /Guarded Records/ });
  await row.getByRole('link').first().click();
  const reason = page.locator('form[action$="/approve"] textarea');
  await reason.fill('A ward round, with invented people.');
  await look(page, 'approve');
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
  await page.locator('#answer-body').getByText('"resourceType": "Patient"').waitFor();
}
