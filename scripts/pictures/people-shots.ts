import type { Page } from 'playwright-core';
import { fromLetter } from '../../test/accounts/register-support.ts';
import { phone, popup, type Shot, small, wide } from './camera.ts';
import { applications, type Stage } from './stage.ts';
import { ask, helen, letIn, priya, typeCredentials } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];
const password = 'seven herons crossed a loud river';

const emailOf = (who: string): string => `${who}@fernbank.example`;

const press = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('button', { name }).click();

const heading = (page: Page, name: string): Promise<void> =>
  page.getByRole('heading', { name, exact: true }).waitFor();

/** Types a whole registration and sends it. */
async function register(page: Page, { demo }: Stage, email: string): Promise<void> {
  await page.goto(`${demo.baseUrl}/register`);
  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('Work email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByLabel('Organisation or team').fill('Fernbank Health');
  await page.getByLabel('I accept the terms').check();
  await press(page, 'Register');
  await heading(page, 'Check your email');
}

/** A new account of that name, signed in and on its profile. */
async function enter(page: Page, stage: Stage, who: string): Promise<void> {
  await register(page, stage, emailOf(who));
  const code = await fromLetter(stage.demo.pool, emailOf(who), 'code');
  await page.getByLabel('Code from the email').fill(code);
  await press(page, 'Verify my email');
  await page.locator('header summary').waitFor();
  await page.goto(`${stage.demo.baseUrl}/profile`);
}

/** Asks for a new password, and opens the link of the letter. */
async function openReset(page: Page, stage: Stage, who: string): Promise<void> {
  await enter(page, stage, who);
  await page.goto(`${stage.demo.baseUrl}/forgot`);
  await page.getByLabel('Email').fill(emailOf(who));
  await press(page, 'Send me the link');
  await page.goto(await fromLetter(stage.demo.pool, emailOf(who), 'link'));
}

async function askForEmail(page: Page, stage: Stage, who: string): Promise<void> {
  await enter(page, stage, who);
  await page.goto(`${stage.demo.baseUrl}/profile/email`);
  await page.getByLabel('New email').fill(emailOf(`new.${who}`));
  await press(page, 'Send the email');
  await heading(page, 'Confirm your new address');
}

const visit =
  (who: string, path: string) =>
  async (page: Page, stage: Stage): Promise<void> => {
    await enter(page, stage, who);
    await page.goto(`${stage.demo.baseUrl}${path}`);
  };

/** The same for somebody of the demo programme. */
const visitAs =
  ([email, word]: typeof priya | typeof helen, path: string) =>
  async (page: Page, { demo }: Stage): Promise<void> => {
    await page.goto(`${demo.baseUrl}/sign-in?return_to=${path}`);
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password').fill(word);
    await press(page, 'Sign in');
    await page.waitForURL(`${demo.baseUrl}${path}`);
  };

/** What people see who come by themselves: registering, letters, passwords, and their profile. */
export const peopleShots: readonly Shot[] = [
  {
    name: 'register',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/register`),
  },
  {
    name: 'register-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/register`);
      await page.getByLabel('Work email').fill('noor.haddad at fernbank');
      await page.getByLabel('Password').fill('too short');
      await press(page, 'Register');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'register-from-pop-up',
    sizes: [popup, small],
    reach: async (page, { demo }) => {
      await ask(page, demo, { client: applications.rota });
      await page.getByRole('link', { name: 'Register' }).click();
      await heading(page, 'Register');
    },
  },
  {
    name: 'check-your-mail',
    sizes: shell,
    reach: (page, stage) => register(page, stage, emailOf('check')),
  },
  {
    name: 'check-your-mail-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await register(page, stage, emailOf('check-wrong'));
      await page.getByLabel('Code from the email').fill('12345');
      await press(page, 'Verify my email');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'check-your-mail-again',
    sizes: few,
    reach: async (page, stage) => {
      await register(page, stage, emailOf('check-again'));
      await press(page, 'Send it again');
      await page.getByText('We sent another email').waitFor();
    },
  },
  {
    name: 'check-your-mail-blocked',
    sizes: shell,
    refused: [422, 429],
    reach: async (page, stage) => {
      await register(page, stage, emailOf('check-blocked'));
      for (let tries = 0; tries < 21; tries += 1) {
        await page.getByLabel('Code from the email').fill('12345 6');
        await press(page, 'Verify my email');
        await page.getByRole('alert').waitFor();
      }
      await page.getByText('still works').waitFor();
    },
  },
  {
    name: 'verify',
    sizes: shell,
    reach: async (page, stage) => {
      await register(page, stage, emailOf('verify'));
      await page.goto(await fromLetter(stage.demo.pool, emailOf('verify'), 'link'));
    },
  },
  {
    name: 'verify-elsewhere',
    sizes: shell,
    reach: async (page, stage) => {
      await register(page, stage, emailOf('verify-elsewhere'));
      await page.context().clearCookies();
      await page.goto(await fromLetter(stage.demo.pool, emailOf('verify-elsewhere'), 'link'));
    },
  },
  {
    name: 'verify-elsewhere-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await register(page, stage, emailOf('verify-wrong'));
      await page.context().clearCookies();
      await page.goto(await fromLetter(stage.demo.pool, emailOf('verify-wrong'), 'link'));
      await press(page, 'Verify my email');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'verify-ended',
    sizes: few,
    refused: [410],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/verify/${'x'.repeat(43)}`),
  },
  {
    name: 'sign-in-in-place',
    sizes: shell,
    refused: [401],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/profile`),
  },
  {
    name: 'sign-in-again',
    sizes: few,
    refused: [401],
    reach: async (page, stage) => {
      await enter(page, stage, 'stale');
      await stage.demo.pool.query(
        `update account_sessions set authenticated_at = now() - interval '11 minutes'
         where account_id = (select id from accounts where email = $1)`,
        [emailOf('stale')],
      );
      await page.goto(`${stage.demo.baseUrl}/profile/password`);
    },
  },
  {
    name: 'forgot',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/forgot`),
  },
  {
    name: 'forgot-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/forgot`);
      await press(page, 'Send me the link');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'forgot-too-often',
    sizes: few,
    refused: [429],
    reach: async (page, { demo }) => {
      for (let letters = 0; letters < 6; letters += 1) {
        await page.goto(`${demo.baseUrl}/forgot`);
        await page.getByLabel('Email').fill(emailOf('too-often'));
        await press(page, 'Send me the link');
      }
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'forgot-sent',
    sizes: shell,
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/forgot`);
      await page.getByLabel('Email').fill(emailOf('nobody'));
      await press(page, 'Send me the link');
      await heading(page, 'Check your email');
    },
  },
  {
    name: 'reset',
    sizes: shell,
    reach: (page, stage) => openReset(page, stage, 'reset'),
  },
  {
    name: 'reset-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await openReset(page, stage, 'reset-wrong');
      await page.getByLabel('New password').fill('passwordpassword');
      await press(page, 'Change my password');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'reset-done',
    sizes: few,
    reach: async (page, stage) => {
      await openReset(page, stage, 'reset-done');
      await page.getByLabel('New password').fill('nine copper kettles under snow');
      await press(page, 'Change my password');
      await heading(page, 'Your password is changed');
    },
  },
  {
    name: 'reset-ended',
    sizes: few,
    refused: [410],
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/reset/${'x'.repeat(43)}`),
  },
  { name: 'profile-new', sizes: shell, reach: visit('profile-new', '/profile') },
  {
    name: 'profile',
    sizes: shell,
    reach: async (page, { demo }) => {
      const live = { issuer: 'live', client: applications.wardRoundLive } as const;
      await ask(page, demo, live);
      await typeCredentials(page, ...priya);
      await letIn(page);
      for (const _ of ['another browser', 'this one']) {
        await page.context().clearCookies({ name: 'sg_account' });
        await page.goto(`${demo.baseUrl}/sign-in?return_to=/profile`);
        await page.getByLabel('Email').fill(priya[0]);
        await page.getByLabel('Password').fill(priya[1]);
        await press(page, 'Sign in');
        await heading(page, 'Profile');
      }
      await page.getByRole('button', { name: 'Withdraw' }).first().waitFor();
    },
  },
  { name: 'profile-name', sizes: shell, reach: visit('name', '/profile/name') },
  {
    name: 'profile-name-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await visit('name-wrong', '/profile/name')(page, stage);
      await page.getByLabel('Your name').fill('');
      await press(page, 'Change my name');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'profile-done',
    sizes: few,
    reach: async (page, stage) => {
      await visit('name-done', '/profile/name')(page, stage);
      await page.getByLabel('Your name').fill('Noor Haddad-Wells');
      await press(page, 'Change my name');
      await page.getByText('Your name is changed.').waitFor();
    },
  },
  { name: 'profile-email', sizes: shell, reach: visit('email', '/profile/email') },
  {
    name: 'profile-email-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await visit('email-wrong', '/profile/email')(page, stage);
      await page.getByLabel('New email').fill('nothing like it');
      await press(page, 'Send the email');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'profile-email-confirm',
    sizes: shell,
    reach: (page, stage) => askForEmail(page, stage, 'confirm'),
  },
  {
    name: 'profile-email-confirm-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await askForEmail(page, stage, 'confirm-wrong');
      await page.getByLabel('Code from the email').fill('12');
      await press(page, 'Change my email');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'profile-email-waits',
    sizes: few,
    reach: async (page, stage) => {
      await askForEmail(page, stage, 'waits');
      await page.goto(`${stage.demo.baseUrl}/profile`);
    },
  },
  {
    name: 'profile-email-link',
    sizes: few,
    reach: async (page, stage) => {
      await askForEmail(page, stage, 'link');
      await page.goto(await fromLetter(stage.demo.pool, emailOf('new.link'), 'link'));
    },
  },
  {
    name: 'profile-email-ended',
    sizes: few,
    refused: [410],
    reach: visit('email-ended', `/profile/email/${'x'.repeat(43)}`),
  },
  { name: 'profile-password', sizes: shell, reach: visit('password', '/profile/password') },
  {
    name: 'profile-password-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await visit('password-wrong', '/profile/password')(page, stage);
      await page.getByLabel('New password').fill('short');
      await press(page, 'Change my password');
      await page.getByRole('alert').waitFor();
    },
  },
  { name: 'profile-delete', sizes: shell, reach: visit('delete', '/profile/delete') },
  {
    name: 'profile-delete-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await visit('delete-wrong', '/profile/delete')(page, stage);
      await press(page, 'Delete my account');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'profile-delete-with-subscriptions',
    sizes: shell,
    reach: (page, stage) => visitAs(priya, '/profile/delete')(page, stage),
  },
  {
    name: 'profile-delete-last-administrator',
    sizes: shell,
    reach: (page, stage) => visitAs(helen, '/profile/delete')(page, stage),
  },
  {
    name: 'profile-deleted',
    sizes: few,
    reach: async (page, stage) => {
      await visit('deleted', '/profile/delete')(page, stage);
      await page.getByLabel('Your email').fill(emailOf('deleted'));
      await press(page, 'Delete my account');
      await heading(page, 'Your account is deleted');
    },
  },
  {
    name: 'mailbox',
    sizes: shell,
    reach: async (page, stage) => {
      await register(page, stage, emailOf('mailbox'));
      await page.goto(`${stage.mailbox.baseUrl}/dev/mailbox`);
    },
  },
  {
    name: 'mailbox-empty',
    sizes: few,
    reach: (page, { mailbox }) => page.goto(`${mailbox.baseUrl}/dev/mailbox?to=nobody@example.com`),
  },
  {
    name: 'mailbox-letter',
    sizes: shell,
    reach: async (page, stage) => {
      await register(page, stage, emailOf('letter'));
      await page.goto(`${stage.mailbox.baseUrl}/dev/mailbox?to=${emailOf('letter')}`);
      await page.getByRole('link', { name: 'Verify your email address' }).click();
      await heading(page, 'Verify your email address');
    },
  },
  {
    name: 'mailbox-letter-html',
    sizes: few,
    reach: async (page, stage) => {
      await register(page, stage, emailOf('letter-html'));
      const { rows } = await stage.demo.pool.query('select id from letters where recipient = $1', [
        emailOf('letter-html'),
      ]);
      await page.goto(`${stage.mailbox.baseUrl}/dev/mailbox/${rows[0].id}/html`);
      await page.getByText('Northmoor Shared Care Record').first().waitFor();
    },
  },
];
