import type { Page } from 'playwright-core';
import { codeOf } from '../../test/accounts/second-factor-support.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, popup, type Shot, small, wide } from './camera.ts';
import { applications, type Stage } from './stage.ts';
import { ask, authorize, priya, typeCredentials } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];
const [priyasEmail, password] = priya;
const emailOf = (who: string): string => `${who}@second-factor.example`;

const press = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('button', { name }).click();
const heading = (page: Page, name: string): Promise<void> =>
  page.getByRole('heading', { name, exact: true }).waitFor();

async function signIn(page: Page, { baseUrl }: TestServer, who: string): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?return_to=/profile/second-factor`);
  await page.getByLabel('Email').fill(emailOf(who));
  await page.getByLabel('Password').fill(password);
  await press(page, 'Sign in');
}

/** Somebody new, with Priya's password. */
async function comeToSetUp(page: Page, { demo }: Stage, who: string): Promise<void> {
  await demo.pool.query(
    `insert into accounts (email, name, password_hash, email_verified_at)
     select $1, 'Noor Haddad', password_hash, now() from accounts where email = $2`,
    [emailOf(who), priyasEmail],
  );
  await signIn(page, demo, who);
  await heading(page, 'Set up an authenticator app');
}

async function setUp(page: Page, stage: Stage, who: string): Promise<void> {
  await comeToSetUp(page, stage, who);
  const seed = (await page.locator('#seed').textContent()) ?? '';
  await page.getByLabel('Code from the app').fill(codeOf(seed.replaceAll(' ', '')));
  await press(page, 'Ask for it from now on');
  await heading(page, 'Keep your recovery codes');
}

const askForCode = 'Type the code from your app';

async function comeToCode(page: Page, stage: Stage, who: string): Promise<void> {
  await setUp(page, stage, who);
  await page.context().clearCookies();
  await signIn(page, stage.demo, who);
  await heading(page, askForCode);
}

async function comeToCodeInPopUp(page: Page, stage: Stage, who: string): Promise<void> {
  await setUp(page, stage, who);
  await ask(page, stage.demo, { client: applications.rota, scope: 'openid' });
  await typeCredentials(page, emailOf(who), password);
  await authorize(page);
  await heading(page, askForCode);
}

/** An authenticator app: set up, asked for, given up. */
export const secondFactorShots: readonly Shot[] = [
  {
    name: 'second-factor-set-up',
    sizes: shell,
    reach: (page, stage) => comeToSetUp(page, stage, 'set-up'),
  },
  {
    name: 'second-factor-set-up-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await comeToSetUp(page, stage, 'set-up-wrong');
      await page.getByText('Type it instead').click();
      await page.getByLabel('Code from the app').fill('12');
      await press(page, 'Ask for it from now on');
      await page.getByRole('alert').waitFor();
      await page.getByText('Type it instead').click();
    },
  },
  {
    name: 'second-factor-codes',
    sizes: shell,
    reach: (page, stage) => setUp(page, stage, 'codes'),
  },
  {
    name: 'second-factor',
    sizes: shell,
    reach: async (page, stage) => {
      await setUp(page, stage, 'own');
      await page.goto(`${stage.demo.baseUrl}/profile/second-factor`);
    },
  },
  {
    name: 'second-factor-on-profile',
    sizes: few,
    reach: async (page, stage) => {
      await setUp(page, stage, 'profile');
      await page.goto(`${stage.demo.baseUrl}/profile`);
    },
  },
  {
    name: 'sign-in-code',
    sizes: shell,
    reach: (page, stage) => comeToCode(page, stage, 'code'),
  },
  {
    name: 'sign-in-code-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await comeToCode(page, stage, 'code-wrong');
      await page.getByText('Use a recovery code instead').click();
      await page.getByLabel('Recovery code').fill('not one of the ten');
      await press(page, 'Sign in');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'pop-up-code',
    sizes: [popup, small, wide],
    fits: true,
    reach: (page, stage) => comeToCodeInPopUp(page, stage, 'pop-up'),
  },
  {
    name: 'pop-up-code-wrong',
    sizes: [popup, small],
    fits: true,
    refused: [422],
    reach: async (page, stage) => {
      await comeToCodeInPopUp(page, stage, 'pop-up-wrong');
      await page.getByLabel('Code', { exact: true }).fill('000000');
      await authorize(page);
      await page.getByRole('alert').waitFor();
    },
  },
];
