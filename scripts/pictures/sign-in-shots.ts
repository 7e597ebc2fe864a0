import type { Page } from 'playwright-core';
import { phone, type Shot, small, wide } from './camera.ts';
import { secondFactorShots } from './second-factor-shots.ts';
import { priya } from './visits.ts';

const shell = [wide, phone, small];

async function fillIn(page: Page, [email, password]: readonly [string, string]): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
}

/** The door of our own pages, and the bar of whoever came in. */
export const signInShots: readonly Shot[] = [
  {
    name: 'sign-in',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/sign-in`),
  },
  {
    name: 'sign-in-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/sign-in`);
      await fillIn(page, ['somebody@example.com', 'not this one']);
      await page.getByText('Email or password is wrong.').waitFor();
    },
  },
  {
    name: 'signed-in',
    sizes: shell,
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/sign-in`);
      await fillIn(page, priya);
      await page.getByText('Priya Nair').click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
    },
  },
  {
    name: 'signed-in-without-script',
    sizes: [small],
    withoutScript: true,
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/sign-in`);
      await fillIn(page, priya);
      await page.getByText('Priya Nair').click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('link', { name: 'Sign in' }).waitFor();
    },
  },
  ...secondFactorShots,
];
