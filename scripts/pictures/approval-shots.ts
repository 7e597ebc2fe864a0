import type { Page } from 'playwright-core';
import { findAccountByEmail } from '../../src/accounts/store.ts';
import { findProduct } from '../../src/products/store.ts';
import { aDeveloper, askFor } from '../../test/subscriptions/support.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import type { Stage } from './stage.ts';
import { helen } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];

const joan = ['joan.whitlock@northmoor.example', 'reads-every-request-twice'] as const;
const ian = ['ian.frost@northmoor.example', 'looks-and-never-touches'] as const;

const purpose = `Ward Round Helper shows nurses the day’s measurements and lets them record new ones at the bed. In the pilot two wards use it on tablets.

The measurements come from the nurses, not from devices. We want to go live in February.`;

/** A request of a new team for the live product, which waits for so many hours; answers its path. */
async function aRequest({ pool }: TestServer, hours: number): Promise<string> {
  const product = await findProduct(pool, 'live-read-records');
  if (!product) throw new Error('the demo has no live product');
  const developer = await aDeveloper(pool, { name: 'Noor Haddad' });
  await pool.query(`update teams set name = 'Fernbank Health' where id = $1`, [developer.team.id]);
  const termsAccepted = product.terms ? await termsOf(pool, product.id) : null;
  const { id } = await askFor(pool, developer, product, { purpose, termsAccepted });
  await pool.query(
    'update subscriptions set created_at = now() - make_interval(hours => $2) where id = $1',
    [id, hours],
  );
  return `/admin/approvals/${id}`;
}

const termsOf = async (pool: TestServer['pool'], id: string): Promise<number> =>
  (await pool.query('select terms_version from products where id = $1', [id])).rows[0]
    .terms_version;

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

/** Joan in front of a new request. */
async function read(page: Page, { demo }: Stage): Promise<string> {
  const path = await aRequest(demo, 75);
  await visit(page, demo, joan, path);
  return path;
}

/** The card of that heading. */
const form = (page: Page, name: string) =>
  page.locator('form.card', { has: page.getByRole('heading', { name, exact: true }) });

async function decide(page: Page, deed: string, reason: string): Promise<void> {
  await form(page, deed).getByLabel('Reason').fill(reason);
  await form(page, deed).getByRole('button', { name: deed }).click();
  await page.locator('.notice').first().waitFor();
}

/** What an approver sees: the queue, a request in every state, and what went wrong. */
export const approvalShots: readonly Shot[] = [
  {
    name: 'approvals-none',
    sizes: few,
    reach: async (page, { bare }) => {
      await bare.pool.query(
        `update subscriptions set state = 'cancelled' where state = 'submitted'`,
      );
      await visit(page, bare, helen, '/admin/approvals');
    },
  },
  {
    name: 'approvals',
    sizes: shell,
    reach: async (page, { demo }) => {
      await aRequest(demo, 26);
      await aRequest(demo, 2);
      await visit(page, demo, joan, '/admin/approvals');
    },
  },
  {
    name: 'approvals-all',
    sizes: shell,
    reach: (page, { demo }) => visit(page, demo, joan, '/admin/approvals?show=all'),
  },
  { name: 'approval', sizes: shell, reach: read },
  {
    name: 'approval-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, stage) => {
      await read(page, stage);
      await form(page, 'Approve').getByLabel('Until').fill('2020-01-01');
      await form(page, 'Approve').getByRole('button').click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'approval-approved',
    sizes: shell,
    reach: async (page, stage) => {
      await read(page, stage);
      await form(page, 'Approve').getByRole('checkbox').last().uncheck();
      await form(page, 'Approve').getByLabel('Until').fill('2099-11-23');
      await decide(page, 'Approve', 'Approved without the last scope. Ask again if you need it.');
    },
  },
  {
    name: 'approval-suspended',
    sizes: few,
    reach: async (page, stage) => {
      await read(page, stage);
      await decide(page, 'Approve', 'Fine for the pilot.');
      await decide(page, 'Suspend', 'It calls us three thousand times a minute.');
      await page.getByText('Suspended. It opens nothing').waitFor();
    },
  },
  {
    name: 'approval-rejected',
    sizes: few,
    reach: async (page, stage) => {
      await read(page, stage);
      await decide(page, 'Reject', 'Which two wards? And who looks after the tablets?');
    },
  },
  {
    name: 'approval-too-late',
    sizes: shell,
    refused: [409],
    reach: async (page, stage) => {
      const path = await read(page, stage);
      const other = await findAccountByEmail(stage.demo.pool, helen[0]);
      await stage.demo.pool.query(
        `update subscriptions set state = 'rejected', decided_by = $2, decided_at = now(),
           reason = 'Which two wards?' where id = $1`,
        [path.split('/').at(-1), other?.id],
      );
      await decide(page, 'Approve', 'Fine for the pilot.');
    },
  },
  {
    name: 'approval-for-readers',
    sizes: few,
    reach: async (page, { demo }) => visit(page, demo, ian, await aRequest(demo, 5)),
  },
];
