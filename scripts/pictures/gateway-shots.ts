import type { Page } from 'playwright-core';
import { addCredential, addGateway, removeGateway } from '../../src/gateway/gateway-service.ts';
import { findGatewayByName } from '../../src/gateway/gateway-store.ts';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';

const shell = [wide, phone, small];
const few = [wide, small];

const ruth = ['ruth.calder@northmoor.example', 'words-for-every-product'] as const;
const ian = ['ian.frost@northmoor.example', 'looks-and-never-touches'] as const;

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

const home = '/admin/gateways';
const doer = { actor: { kind: 'system' } } as const;

/** Its page. One of that name that a picture before this one left behind goes. */
async function aGateway({ pool }: TestServer, name: string, baseUrlName = ''): Promise<string> {
  const before = await findGatewayByName(pool, name);
  if (before) await removeGateway(pool, doer, before.id);
  const { id } = await addGateway(pool, doer, { name, baseUrlName });
  return `${home}/${id}`;
}

async function twoGateways(server: TestServer): Promise<string> {
  await aGateway(server, 'Sandbox gateway', 'sandbox');
  return aGateway(server, 'Entrance of the hospital', 'northmoor-general');
}

/** What asks about calls, for those who keep it; and what a call needs, for those who make it. */
export const gatewayShots: readonly Shot[] = [
  {
    name: 'desk-gateways-none',
    sizes: few,
    reach: (page, { bare }) => visit(page, bare, ruth, home),
  },
  {
    name: 'desk-gateways',
    sizes: shell,
    reach: async (page, { demo }) => {
      await twoGateways(demo);
      await visit(page, demo, ruth, home);
    },
  },
  {
    name: 'desk-gateway-new-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, { demo }) => {
      await twoGateways(demo);
      await visit(page, demo, ruth, `${home}/new`);
      await page.getByLabel('Name').fill('Sandbox gateway');
      await page.getByRole('button', { name: 'Add the gateway' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'desk-gateway-made',
    refused: [201],
    sizes: shell,
    reach: async (page, { demo }) => {
      await visit(page, demo, ruth, await twoGateways(demo));
      await page.getByRole('button', { name: 'Make a second credential' }).click();
      await page.getByText('Copy the new credential now.').waitFor();
    },
  },
  {
    name: 'desk-gateway-end',
    sizes: few,
    reach: async (page, { demo }) => {
      await visit(page, demo, ruth, await twoGateways(demo));
      await page.locator('summary').filter({ hasText: 'End' }).click();
    },
  },
  {
    name: 'desk-gateway-read',
    sizes: few,
    reach: async (page, { demo }) => {
      const path = await twoGateways(demo);
      await addCredential(demo.pool, doer, path.split('/').at(-1) ?? '');
      await visit(page, demo, ian, path);
    },
  },
  {
    name: 'desk-gateway-remove',
    sizes: few,
    reach: async (page, { demo }) => visit(page, demo, ruth, `${await twoGateways(demo)}/remove`),
  },
  {
    name: 'product-key-alone',
    sizes: few,
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/products/opening-times`);
    },
  },
  {
    name: 'product-with-price',
    sizes: few,
    reach: async (page, { demo }) => {
      await page.goto(`${demo.baseUrl}/products/live-ward-capacity`);
    },
  },
];
