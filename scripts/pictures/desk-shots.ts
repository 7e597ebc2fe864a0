import type { Page } from 'playwright-core';
import { findAccountByEmail } from '../../src/accounts/store.ts';
import { deleteSuspension, insertSuspension } from '../../src/suspensions/store.ts';
import type { Stopped } from '../../src/suspensions/suspension.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import { applications, type Stage } from './stage.ts';
import { helen, priya } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];

const ian = ['ian.frost@northmoor.example', 'looks-and-never-touches'] as const;
const mina = ['mina.okafor@northmoor.example', 'who-did-what-and-when'] as const;
const reason = 'Its secret was found on a public forum.';

async function visit(
  page: Page,
  { baseUrl }: TestServer,
  [email, password]: readonly [string, string],
  path: string,
): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${baseUrl}${path}`);
}

const as =
  (who: readonly [string, string], path: string) =>
  (page: Page, { demo }: Stage): Promise<void> =>
    visit(page, demo, who, path);

async function pathOf({ pool }: TestServer, [email]: readonly [string, string]): Promise<string> {
  return `/admin/people/${(await findAccountByEmail(pool, email))?.id}`;
}

/** Only until `look` is done: the other pictures are of a server that works. */
async function whileSuspended(
  { pool }: TestServer,
  stopped: Stopped,
  look: () => Promise<unknown>,
): Promise<void> {
  await insertSuspension(pool, { ...stopped, reason, suspendedBy: null });
  await look();
  await deleteSuspension(pool, stopped);
}

/** What administrators see beside requests and products. */
export const deskShots: readonly Shot[] = [
  { name: 'desk', sizes: shell, reach: as(helen, '/admin') },
  { name: 'desk-people', sizes: shell, reach: as(ian, '/admin/people') },
  {
    name: 'desk-administrators',
    sizes: few,
    reach: as(ian, '/admin/people?show=administrators'),
  },
  {
    name: 'desk-person',
    sizes: shell,
    reach: async (page, { demo }) => {
      await visit(page, demo, helen, await pathOf(demo, priya));
    },
  },
  {
    name: 'desk-person-read-only',
    sizes: few,
    reach: async (page, { demo }) => {
      await visit(page, demo, ian, await pathOf(demo, priya));
    },
  },
  {
    name: 'desk-person-last-owner',
    sizes: few,
    refused: [409],
    reach: async (page, { demo }) => {
      await visit(page, demo, helen, await pathOf(demo, helen));
      await page.getByLabel('Owner').uncheck();
      await page.getByRole('button', { name: 'Change the roles' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  { name: 'desk-team', sizes: shell, reach: as(ian, '/admin/teams/team_larkfield') },
  { name: 'desk-search', sizes: shell, reach: as(ian, '/admin/search?q=larkfield') },
  { name: 'desk-search-none', sizes: few, reach: as(ian, '/admin/search?q=zzz') },
  { name: 'desk-switch', sizes: shell, reach: as(helen, '/admin/switch') },
  {
    name: 'desk-switch-suspended',
    sizes: shell,
    reach: (page, { demo }) =>
      whileSuspended(demo, { kind: 'client', id: applications.rota }, () =>
        visit(page, demo, helen, '/admin/switch'),
      ),
  },
  {
    name: 'desk-switch-everywhere',
    sizes: few,
    reach: (page, { bare }) =>
      whileSuspended(bare, { kind: 'environment', id: 'sandbox' }, () =>
        visit(page, bare, helen, '/admin/switch'),
      ),
  },
  {
    name: 'desk-switch-client',
    sizes: shell,
    reach: as(helen, `/admin/switch/client/${applications.wardRound}`),
  },
  {
    name: 'desk-switch-environment-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, { demo }) => {
      await visit(page, demo, helen, '/admin/switch/environment/sandbox');
      await page.getByRole('button', { name: 'Suspend at once' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'desk-switch-may-not',
    sizes: few,
    reach: as(ian, '/admin/switch/environment/live'),
  },
  { name: 'desk-trail', sizes: shell, reach: as(mina, '/admin/trail') },
  { name: 'desk-trail-none', sizes: few, reach: as(mina, '/admin/trail?day=2001-01-01') },
];
