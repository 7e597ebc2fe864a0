import type { Page } from 'playwright-core';
import type { Team } from '../../src/teams/team.ts';
import { aTestUser } from '../../test/support/seed.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, popup, type Shot, small, wide } from './camera.ts';
import { ask, priya } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];

/** Priya of the demo, signed in on our own pages. */
async function enter(page: Page, { baseUrl }: TestServer, path: string): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(priya[0]);
  await page.getByLabel('Password').fill(priya[1]);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Two of Priya's team, one of which misbehaves; made once. */
async function withOwn({ pool }: TestServer): Promise<void> {
  const team = { id: 'team_larkfield' } as Team; // of the demo
  const password = 'tuesdays-only-please';
  const ines = { id: 'tu_ines', username: 'ines.okafor', name: 'Ines Okafor', title: 'Locum GP' };
  await aTestUser(pool, {
    ...{ ...ines, team, password, role: 'gp', about: 'Sees everybody on Tuesdays.' },
    claims: { given_name: 'Ines', email: 'ines.okafor@larkfield.example', email_verified: true },
  });
  const slow = { id: 'tu_slow', username: 'slow.sam', name: 'Sam Whitlock', team, password };
  await aTestUser(pool, { ...slow, role: 'nurse', title: 'Ward nurse' });
  await pool.query(`update test_users set behaviour = 'token_expired' where id = 'tu_slow'`);
}

/** The shared test users, a team's own, and what they do on purpose. */
export const testUserShots: readonly Shot[] = [
  {
    name: 'test-users-visitor',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/test-users`),
  },
  {
    name: 'test-users-new-team',
    sizes: shell,
    reach: (page, { crowded }) => enter(page, crowded, '/test-users'),
  },
  {
    name: 'test-users-none',
    sizes: few,
    reach: (page, { bare }) => enter(page, bare, '/test-users'),
  },
  {
    name: 'test-users',
    sizes: shell,
    reach: async (page, { demo }) => {
      await withOwn(demo);
      await enter(page, demo, '/test-users');
    },
  },
  {
    name: 'test-users-reset',
    sizes: few,
    reach: async (page, { demo }) => {
      await withOwn(demo);
      await enter(page, demo, '/test-users');
      await page.getByText('Reset all').click();
    },
  },
  {
    name: 'test-user-copy',
    sizes: shell,
    reach: (page, { demo }) => enter(page, demo, '/test-users/new?clone=tu_nurse'),
  },
  {
    name: 'test-user-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, { demo }) => {
      await enter(page, demo, '/test-users/new');
      await page.getByLabel('Username').fill('night shift');
      await page.getByLabel('Claims').fill('favourite_colour: blue');
      await page.getByRole('button', { name: 'Make this test user' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'test-user',
    sizes: shell,
    reach: async (page, { demo }) => {
      await withOwn(demo);
      await enter(page, demo, '/test-users/tu_slow');
    },
  },
  {
    name: 'test-user-done',
    sizes: few,
    reach: async (page, { demo }) => {
      await withOwn(demo);
      await enter(page, demo, '/test-users/tu_ines');
      await page.getByLabel('About').fill('Sees everybody on Wednesdays.');
      await page.getByRole('button', { name: 'Save the changes' }).click();
      await page.getByText('Saved.').waitFor();
    },
  },
  {
    name: 'pop-up-own-test-users',
    sizes: [popup, small],
    reach: async (page, { demo }) => {
      await withOwn(demo);
      await enter(page, demo, '/profile');
      await ask(page, demo);
      await page.getByText('Ines Okafor').waitFor();
    },
  },
];
