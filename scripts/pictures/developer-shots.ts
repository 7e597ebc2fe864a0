import type { Page } from 'playwright-core';
import type { Account } from '../../src/accounts/account.ts';
import { findAccountByEmail } from '../../src/accounts/store.ts';
import { findProduct } from '../../src/products/store.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import type { Team } from '../../src/teams/team.ts';
import { as, askFor } from '../../test/subscriptions/support.ts';
import { aClient, anAccount, aProduct, aTeam } from '../../test/support/seed.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import type { Stage } from './stage.ts';
import { helen, priya } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];
const [, password] = priya;

type Developer = { account: Account; team: Team };

/** Samir of Larkfield, with a team of his own, and Priya's password. */
async function aDeveloper({ pool }: TestServer): Promise<Developer> {
  const { rows } = await pool.query('select password_hash from accounts where email = $1', [
    priya[0],
  ]);
  const account = await anAccount(pool, {
    name: 'Samir Holt',
    passwordHash: rows[0].password_hash,
  });
  return { account, team: await aTeam(pool, { name: 'Larkfield Labs', members: [account] }) };
}

async function enter(
  page: Page,
  { baseUrl }: TestServer,
  { account }: Developer,
  path: string,
): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(account.email);
  await page.getByLabel('Password').fill(password);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** What a developer has of a product of the demo. */
async function subscribed(
  { pool }: TestServer,
  { account, team }: Developer,
  productId: string,
): Promise<Subscription> {
  const product = await findProduct(pool, productId);
  if (!product) throw new Error('the demo programme has changed');
  const { rows } = await pool.query('select terms_version from products where id = $1', [
    productId,
  ]);
  const termsAccepted = product.terms ? Number(rows[0].terms_version) : null;
  return askFor(pool, { team, doer: as(account) }, product, { termsAccepted });
}

/** As Helen decides. */
async function decide(
  { pool }: TestServer,
  { id }: Subscription,
  state: string,
  reason: string,
): Promise<void> {
  const decider = await findAccountByEmail(pool, helen[0]);
  await pool.query(
    `update subscriptions set state = $2, reason = $3, decided_by = $4, decided_at = now(),
       decided_as = 'administrator' where id = $1`,
    [id, state, reason, decider?.id],
  );
}

/** A developer who looks at a subscription of theirs. */
const looksAt =
  (productId: string, before?: (demo: TestServer, mine: Subscription) => Promise<unknown>) =>
  async (page: Page, { demo }: Stage): Promise<void> => {
    const developer = await aDeveloper(demo);
    const mine = await subscribed(demo, developer, productId);
    await before?.(demo, mine);
    await enter(page, demo, developer, `/subscriptions/${mine.id}`);
    await page.getByRole('heading', { name: 'History' }).waitFor();
  };

async function aBusyHome(page: Page, { demo }: Stage): Promise<void> {
  const { pool } = demo;
  const developer = await aDeveloper(demo);
  await aTeam(pool, { name: 'Northmoor Pilot Group', members: [developer.account] });
  const read = await subscribed(demo, developer, 'read-records');
  const night = await aClient(pool, { name: 'Night Batch', subscriptions: [read] });
  await aClient(pool, { name: 'Ward Round Helper', authMethod: 'none', subscriptions: [read] });
  await pool.query(
    `update client_secrets set expires_at = now() + interval '9 days' where client_id = $1`,
    [night.id],
  );
  await pool.query(
    `update subscription_keys set expires_at = now() + interval '7 hours', replaced_at = now()
     where subscription_id = $1 and slot = 'primary'`,
    [read.id],
  );
  await pool.query(
    `insert into subscription_keys (subscription_id, slot, fingerprint, sealed, last_four)
     values ($1, 'primary', $2, 'x', '9tQe')`,
    [read.id, Buffer.from(read.id)],
  );
  await subscribed(demo, developer, 'submit-records');
  const live = await subscribed(demo, developer, 'live-read-records');
  await decide(demo, live, 'rejected', 'Name the care sites that take part, then ask again.');
  const pilot = await aProduct(pool, { name: 'Appointments pilot', visibility: 'signed_in' });
  const past = await subscribed(demo, developer, pilot.id);
  await pool.query(`update subscriptions set state = 'cancelled' where id = $1`, [past.id]);
  await enter(page, demo, developer, '/');
  await page.getByRole('heading', { name: 'What to do next' }).waitFor();
}

/** In the card of the keys. */
const keyButton = (page: Page, name: string) =>
  page.locator('#keys').getByRole('button', { name, exact: true });

/** What developers see of products, of their subscriptions, and at home. */
export const developerShots: readonly Shot[] = [
  { name: 'home', sizes: shell, reach: aBusyHome },
  {
    name: 'home-new',
    sizes: shell,
    reach: async (page, { demo }) => enter(page, demo, await aDeveloper(demo), '/'),
  },
  {
    name: 'home-none-of-that-state',
    sizes: few,
    reach: async (page, { demo }) => {
      const developer = await aDeveloper(demo);
      await subscribed(demo, developer, 'read-records');
      await enter(page, demo, developer, '/?state=ended');
    },
  },
  {
    name: 'products',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/products`),
  },
  {
    name: 'products-none',
    sizes: few,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/products?q=unicorns`),
  },
  {
    name: 'product-visitor',
    sizes: shell,
    reach: (page, { demo }) => page.goto(`${demo.baseUrl}/products/read-records`),
  },
  {
    name: 'product-to-ask-for',
    sizes: shell,
    reach: async (page, { demo }) =>
      enter(page, demo, await aDeveloper(demo), '/products/submit-records'),
  },
  {
    name: 'product-asked-wrongly',
    sizes: shell,
    refused: [422],
    reach: async (page, { demo }) => {
      await enter(page, demo, await aDeveloper(demo), '/products/submit-records');
      await page.getByLabel('What will you use it for?').fill('Tests');
      await page.getByRole('button', { name: 'Ask for' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'product-had',
    sizes: few,
    reach: async (page, { demo }) => {
      const developer = await aDeveloper(demo);
      await subscribed(demo, developer, 'read-records');
      await enter(page, demo, developer, '/products/read-records');
    },
  },
  {
    name: 'product-going-away',
    sizes: few,
    reach: async (page, { demo }) => {
      const product = await aProduct(demo.pool, {
        name: 'Read Records 1',
        state: 'deprecated',
        visibility: 'signed_in',
        retiresOn: '2100-03-31',
        deprecationNotice: 'Read Records has all of it. Subscribe to that, and change one address.',
      });
      await enter(page, demo, await aDeveloper(demo), `/products/${product.id}`);
    },
  },
  { name: 'subscription', sizes: shell, reach: looksAt('read-records') },
  {
    name: 'subscription-key-revealed',
    sizes: shell,
    reach: async (page, stage) => {
      await looksAt('read-records')(page, stage);
      await keyButton(page, 'Reveal the primary key').click();
      await page.getByRole('link', { name: 'Hide' }).waitFor();
    },
  },
  {
    name: 'subscription-key-overlap',
    sizes: shell,
    reach: async (page, stage) => {
      await looksAt('read-records')(page, stage);
      await page.getByText('Regenerate').first().click();
    },
  },
  {
    name: 'subscription-key-replaced',
    sizes: shell,
    reach: async (page, stage) => {
      await looksAt('read-records')(page, stage);
      await page.getByText('Regenerate').first().click();
      await keyButton(page, 'Make a new key').first().click();
      await page.getByText('Old primary key, ending').waitFor();
    },
  },
  {
    name: 'subscription-waiting',
    sizes: shell,
    reach: looksAt('submit-records'),
  },
  {
    name: 'subscription-purpose-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, stage) => {
      await looksAt('submit-records')(page, stage);
      await page.getByLabel('What it is for').fill('');
      await page.getByRole('button', { name: 'Change the request' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'subscription-rejected',
    sizes: shell,
    reach: looksAt('submit-records', (demo, mine) =>
      decide(demo, mine, 'rejected', 'Name the care sites that take part, then ask again.'),
    ),
  },
  {
    name: 'subscription-suspended',
    sizes: shell,
    reach: looksAt('read-records', (demo, mine) =>
      decide(demo, mine, 'suspended', 'A key of yours was found in a public repository.'),
    ),
  },
  {
    name: 'subscription-stopped',
    sizes: few,
    reach: looksAt('read-records', ({ pool }, { teamId }) =>
      pool.query(
        `insert into suspensions (kind, id, reason) values ('team', $1, 'We look into an incident.')`,
        [teamId],
      ),
    ),
  },
  {
    name: 'subscription-cancelled',
    sizes: few,
    reach: async (page, stage) => {
      await looksAt('read-records')(page, stage);
      await page.getByText('Cancel this subscription').click();
      await page.getByRole('button', { name: 'Cancel the subscription' }).click();
      await page.getByText('The subscription is cancelled.').waitFor();
    },
  },
];
