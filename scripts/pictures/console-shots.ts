import type { Page } from 'playwright-core';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import { priya } from './visits.ts';

const shell = [wide, phone, small];
const ofPatient = '/console/patient-record/readPatient';

async function open(page: Page, { baseUrl }: TestServer, path = ofPatient): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(priya[0]);
  await page.getByLabel('Password').fill(priya[1]);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#authorize:enabled').waitFor();
}

/** With a token of the test application. */
async function withToken(page: Page, server: TestServer): Promise<void> {
  await open(page, server);
  await page.selectOption('#grant', 'client_credentials');
  await page.click('#authorize');
  await page.locator('#token').waitFor();
}

async function send(page: Page): Promise<void> {
  await page.click('#send');
  await page.locator('#response').waitFor();
}

/** The console, in every state worth a look. */
export const consoleShots: readonly Shot[] = [
  { name: 'console', sizes: shell, reach: (page, { demo }) => open(page, demo) },
  {
    name: 'console-visitor',
    sizes: [wide, phone],
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}${ofPatient}`);
      await page.getByText('Sign in to send').waitFor();
    },
  },
  {
    name: 'console-answer',
    sizes: shell,
    reach: async (page, { demo }) => {
      await withToken(page, demo);
      await send(page);
    },
  },
  {
    name: 'console-sent',
    sizes: [wide, phone],
    reach: async (page, { demo }) => {
      await withToken(page, demo);
      await send(page);
      await send(page);
      await page.getByText('As it was sent').click();
      await page.locator('#history > summary').click();
      await page.getByText('Token request').click();
    },
  },
  {
    name: 'console-refused',
    sizes: [wide, phone],
    reach: async (page, { demo }) => {
      await open(page, demo);
      await send(page);
    },
  },
  {
    name: 'console-closed',
    sizes: [wide, phone],
    reach: async (page, { demo }) => {
      await open(page, demo);
      const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('#authorize')]);
      await popup.getByText('asks for access').waitFor();
      await popup.close();
      await page.getByText('was closed before').waitFor();
    },
  },
  {
    name: 'console-body',
    sizes: shell,
    reach: async (page, { demo }) => {
      await open(page, demo, '/console/patient-record/createObservation');
      await page.selectOption('#grant', 'password');
      await page.locator('#body').fill('{ "resourceType": "Patient" }');
      await page.click('#send');
      await page.getByText('needs another look').waitFor();
    },
  },
];
