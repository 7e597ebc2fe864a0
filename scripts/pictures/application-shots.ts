import { generateKeyPairSync } from 'node:crypto';
import type { Page } from 'playwright-core';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { aClient, anAccount, aTeam } from '../../test/support/seed.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import { applications, type Stage } from './stage.ts';
import { helen, priya } from './visits.ts';

const shell = [wide, phone, small];
const few = [wide, small];

async function visit(
  page: Page,
  { baseUrl }: TestServer,
  [email, password]: readonly [string, string],
  path: string,
): Promise<void> {
  await page.goto(`${baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await press(page, 'Sign in');
  await page.waitForURL(`${baseUrl}${path}`);
}

const press = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('button', { name, exact: true }).click();

const as =
  (who: readonly [string, string], path: string) =>
  (page: Page, { demo }: Stage): Promise<void> =>
    visit(page, demo, who, path);

/** Somebody with Priya's password and a team that has nothing. */
async function aNewcomer({ pool }: TestServer): Promise<readonly [string, string]> {
  const { rows } = await pool.query('select password_hash from accounts where email = $1', [
    priya[0],
  ]);
  const account = await anAccount(pool, {
    name: 'Samir Holt',
    passwordHash: rows[0].password_hash,
  });
  await aTeam(pool, { name: 'Larkfield Labs', members: [account] });
  return [account.email, priya[1]];
}

const newPath = '/applications/new?subscription=sub_larkfield_read';

async function fillIn(page: Page, stage: Stage, redirectUris: string): Promise<void> {
  await visit(page, stage.demo, priya, newPath);
  await page.getByLabel('Name', { exact: true }).fill('Bed Board');
  await page.getByLabel('As a system').check();
  await page.getByLabel('Redirect URIs').fill(redirectUris);
  await press(page, 'Make the application');
}

/** Larkfield's, with a key of its own, and what its page says of an assertion. */
async function testAnAssertion(page: Page, { demo }: Stage): Promise<void> {
  const tied = await findSubscription(demo.pool, 'sub_larkfield_read');
  if (!tied) throw new Error('the demo programme has changed');
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'november' };
  const { id } = await aClient(demo.pool, {
    name: 'Night Ledger',
    authMethod: 'private_key_jwt',
    grantTypes: ['client_credentials'],
    redirectUris: [],
    jwks: { keys: [key] },
    subscriptions: [tied],
  });
  await visit(page, demo, priya, `/applications/${id}`);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: id, sub: id, aud: demo.live, exp: 1_700_000_000 };
  const assertion = `${part({ alg: 'ES256', kid: 'october' })}.${part(claims)}.c2ln`;
  await page.getByLabel('Client assertion').fill(assertion);
  await press(page, 'Test it');
  await page.getByText('checks fail').waitFor();
}

/** Applications as their teams see them, and all clients as the desk does. */
export const applicationShots: readonly Shot[] = [
  { name: 'applications', sizes: shell, reach: as(priya, '/applications') },
  {
    name: 'applications-empty',
    sizes: few,
    reach: async (page, { demo }) => visit(page, demo, await aNewcomer(demo), '/applications'),
  },
  { name: 'application-new', sizes: shell, reach: as(priya, newPath) },
  {
    name: 'application-new-without-subscription',
    sizes: few,
    reach: async (page, { demo }) => visit(page, demo, await aNewcomer(demo), '/applications/new'),
  },
  {
    name: 'application-new-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, stage) => {
      await fillIn(page, stage, 'https://app.example.com/back\njavascript:alert(1)');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'application-made',
    sizes: shell,
    refused: [201],
    reach: async (page, stage) => {
      await fillIn(page, stage, 'https://portal.example.com/signin-oauth/code/callback/Records');
      await page.getByText('Copy the new secret now').waitFor();
    },
  },
  {
    name: 'application',
    sizes: shell,
    reach: as(priya, `/applications/${applications.wardRound}`),
  },
  {
    name: 'application-ending-a-secret',
    sizes: few,
    reach: async (page, { demo }) => {
      await visit(page, demo, priya, `/applications/${applications.wardRound}`);
      await page.locator('summary', { hasText: 'End' }).first().click();
    },
  },
  { name: 'application-key', sizes: shell, reach: testAnAssertion },
  {
    name: 'application-change',
    sizes: few,
    reach: as(priya, `/applications/${applications.wardRound}/change`),
  },
  {
    name: 'application-delete',
    sizes: few,
    reach: as(priya, `/applications/${applications.wardRound}/delete`),
  },
  { name: 'desk-clients', sizes: shell, reach: as(helen, '/admin/clients') },
  { name: 'desk-clients-none', sizes: few, reach: as(helen, '/admin/clients?q=nothing-like-it') },
  {
    name: 'desk-client',
    sizes: shell,
    reach: as(helen, `/admin/clients/${applications.firstParty}`),
  },
  {
    name: 'desk-client-of-a-team',
    sizes: few,
    reach: as(helen, `/admin/clients/${applications.wardRound}`),
  },
  { name: 'desk-client-new', sizes: few, reach: as(helen, '/admin/clients/new') },
  {
    name: 'desk-client-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, { demo }) => {
      await visit(page, demo, helen, '/admin/clients/new');
      await press(page, 'Register the client');
      await page.getByRole('alert').waitFor();
    },
  },
];
