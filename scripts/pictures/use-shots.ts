import type { Page } from 'playwright-core';
import { aClient, anAccount, aProduct, aSubscription, aTeam } from '../../test/support/seed.ts';
import type { TestServer } from '../../test/support/server.ts';
import { aRefusal, someCalls } from '../../test/support/use.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import type { Stage } from './stage.ts';
import { helen, priya } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];

/** A month that is over, so that the pictures stay the same. */
const month = { from: Date.UTC(2026, 9, 1), days: 31 };
const hour = 3_600_000;

/** Somebody with Priya's password and a team of their own. */
async function aDeveloper({ pool }: TestServer) {
  const { rows } = await pool.query('select password_hash from accounts where email = $1', [
    priya[0],
  ]);
  const account = await anAccount(pool, {
    name: 'Samir Holt',
    passwordHash: rows[0].password_hash,
  });
  return { account, team: await aTeam(pool, { name: 'Larkfield Labs', members: [account] }) };
}

/** A developer with 31 days of calls, from `first` on. */
async function aBusyDeveloper(server: TestServer, first = month.from) {
  const { pool } = server;
  const { account, team } = await aDeveloper(server);
  const product = await aProduct(pool, {
    name: 'Read Records',
    quota: { calls: 50_000, seconds: 2_592_000 },
    visibility: 'signed_in',
  });
  const subscription = await aSubscription(pool, { team, product });
  const client = await aClient(pool, { name: 'Night Batch', subscriptions: [subscription] });
  const long = await aClient(pool, {
    name: 'Ward Round Helper for the Northern Wards and their Neighbours in the Valley',
    subscriptions: [subscription],
  });
  const known = {
    teamId: team.id,
    productId: product.id,
    subscriptionId: subscription.id,
    apiId: 'patient-record',
  };
  for (let day = 0; day < month.days; day += 1) {
    const at = new Date(first + day * 24 * hour + 9 * hour);
    const weekend = [0, 6].includes(at.getUTCDay());
    const calls = weekend ? 80 + (day % 7) * 9 : 620 + ((day * 37) % 190) + day * 9;
    await someCalls(pool, {
      ...known,
      hour: at,
      calls,
      clientId: client.id,
      operation: 'GET /Patient/{id}',
    });
    await someCalls(pool, {
      ...known,
      hour: new Date(at.getTime() + 5 * hour),
      calls: Math.round(calls / 5),
      clientId: long.id,
      operation: 'GET /Observation',
      testUser: true,
    });
    await someCalls(pool, {
      ...known,
      hour: at,
      calls: day === 14 ? 96 : 3 + (day % 9),
      clientId: client.id,
      operation: 'GET /Patient/{id}',
      outcome: day === 14 ? 'rate_limited' : 'unauthorized',
    });
  }
  return { account, known, client };
}

async function enter(
  page: Page,
  { baseUrl }: TestServer,
  email: string,
  path: string,
): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(priya[1]);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${baseUrl}${path}`);
}

const busy =
  (path: string) =>
  async (page: Page, { demo }: Stage): Promise<void> =>
    enter(page, demo, (await aBusyDeveloper(demo)).account.email, path);

async function enterTheDesk(page: Page, { baseUrl }: TestServer, path: string): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(helen[0]);
  await page.getByLabel('Password').fill(helen[1]);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${baseUrl}${path}`);
}

/** Calls of two live products, of which one has a price. */
async function aPricedMonth({ pool }: TestServer, teamId: string): Promise<void> {
  const price = { includedCalls: 10_000, perThousand: '0.45', currency: 'EUR' };
  const environment = 'live' as const;
  const priced = await aProduct(pool, { name: 'Read Records', environment, price });
  const free = await aProduct(pool, { name: 'Opening times', environment });
  const hour = new Date(month.from);
  for (const [product, calls] of [
    [priced, 4_018_204],
    [free, 312],
  ] as const) {
    await someCalls(pool, { teamId, productId: product.id, environment, hour, calls });
  }
}

/** Use, and why calls were refused, as developers see them. */
export const useShots: readonly Shot[] = [
  { name: 'use', sizes: shell, reach: busy('/use?by=day&on=2026-10') },
  {
    name: 'use-as-a-table',
    sizes: few,
    reach: async (page, stage) => {
      await busy('/use?by=day&on=2026-10')(page, stage);
      await page.getByText('The same as a table').click();
    },
  },
  { name: 'use-hours', sizes: few, reach: busy('/use?by=hour&on=2026-10-15&of=application') },
  { name: 'use-months', sizes: few, reach: busy('/use?by=month&on=2026&of=operation') },
  {
    name: 'use-narrowed',
    sizes: few,
    reach: busy(
      '/use?by=day&on=2026-10&of=outcome&api=patient-record&operation=GET+%2FPatient%2F%7Bid%7D&tests=without',
    ),
  },
  {
    name: 'use-none',
    sizes: few,
    reach: async (page, { demo }) =>
      enter(page, demo, (await aDeveloper(demo)).account.email, '/use'),
  },
  {
    name: 'use-refusals',
    sizes: shell,
    reach: async (page, { demo }) => {
      const { account, known, client } = await aBusyDeveloper(demo);
      const called = { ...known, clientId: client.id, operation: 'GET /Patient/{id}' };
      await aRefusal(demo.pool, { ...called, reason: 'token_expired' });
      await aRefusal(demo.pool, {
        ...called,
        reason: 'scope_missing',
        outcome: 'forbidden',
        status: 403,
      });
      await aRefusal(demo.pool, { ...known, reason: 'key_expired' });
      await enter(page, demo, account.email, '/use/refusals');
    },
  },
  {
    name: 'use-refusals-none',
    sizes: few,
    reach: async (page, { demo }) =>
      enter(page, demo, (await aDeveloper(demo)).account.email, '/use/refusals'),
  },
  {
    name: 'use-refusal',
    sizes: shell,
    reach: async (page, { demo }) => {
      const { account, known, client } = await aBusyDeveloper(demo);
      const id = await aRefusal(demo.pool, {
        ...known,
        clientId: client.id,
        operation: 'GET /Patient/{id}',
        reason: 'scope_missing',
        detail: 'user/Patient.rs',
        outcome: 'forbidden',
        status: 403,
        testUser: true,
      });
      await enter(page, demo, account.email, `/use/refusals/${id}`);
    },
  },
  {
    name: 'use-refusal-not-there',
    sizes: few,
    refused: [404],
    reach: async (page, { demo }) => {
      await enter(page, demo, (await aDeveloper(demo)).account.email, '/use/refusals');
      await page.getByLabel('Request ID').fill('req_of-somebody-else');
      await page.getByRole('button', { name: 'Find the call' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'use-of-a-subscription',
    sizes: shell,
    reach: async (page, { demo }) => {
      const today = new Date().setUTCHours(0, 0, 0, 0);
      const { account, known } = await aBusyDeveloper(demo, today - 30 * 24 * hour);
      await enter(page, demo, account.email, `/subscriptions/${known.subscriptionId}`);
    },
  },
  {
    name: 'use-at-home',
    sizes: few,
    reach: async (page, { demo }) => {
      const { account, known } = await aBusyDeveloper(demo);
      await someCalls(demo.pool, { ...known, calls: 1_204 });
      await enter(page, demo, account.email, '/');
    },
  },
  {
    name: 'desk-use',
    sizes: shell,
    reach: async (page, { demo }) => {
      await aBusyDeveloper(demo);
      await enterTheDesk(page, demo, '/admin/use?by=day&on=2026-10');
    },
  },
  {
    name: 'desk-use-refusals',
    sizes: shell,
    reach: async (page, { demo }) => {
      const { known } = await aBusyDeveloper(demo);
      await aRefusal(demo.pool, { ...known, reason: 'quota_exceeded', status: 403 });
      await aRefusal(demo.pool, { reason: 'key_unknown', environment: '' });
      await enterTheDesk(page, demo, '/admin/use/refusals');
    },
  },
  {
    name: 'desk-use-refusal',
    sizes: few,
    reach: async (page, { demo }) => {
      const { known } = await aBusyDeveloper(demo);
      const id = await aRefusal(demo.pool, { ...known, reason: 'token_not_of_subscription' });
      await enterTheDesk(page, demo, `/admin/use/refusals/${id}`);
    },
  },
  {
    name: 'use-statement',
    sizes: few,
    reach: async (page, { demo }) => {
      const { account, known } = await aBusyDeveloper(demo);
      await aPricedMonth(demo, known.teamId);
      await enter(page, demo, account.email, '/use/statements?month=2026-10');
    },
  },
  {
    name: 'use-statement-none',
    sizes: few,
    reach: async (page, { demo }) =>
      enter(page, demo, (await aDeveloper(demo)).account.email, '/use/statements?month=2026-09'),
  },
  {
    name: 'desk-use-statements',
    sizes: shell,
    reach: async (page, { demo }) => {
      const { known } = await aBusyDeveloper(demo);
      await aPricedMonth(demo, known.teamId);
      await enterTheDesk(page, demo, '/admin/use/statements?month=2026-10');
    },
  },
];
