import type { Page } from 'playwright-core';
import type { TestServer } from '../../test/support/server.ts';
import { phone, type Shot, small, wide } from './camera.ts';
import { helen } from './visits.ts';

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

/** What a publisher sees of products and APIs, and what others may read. */
export const productShots: readonly Shot[] = [
  {
    name: 'desk-products-none',
    sizes: few,
    reach: (page, { bare }) => visit(page, bare, helen, '/admin/products?q=nothing'),
  },
  {
    name: 'desk-products',
    sizes: shell,
    reach: (page, { demo }) => visit(page, demo, ruth, '/admin/products'),
  },
  {
    name: 'desk-product',
    sizes: shell,
    reach: (page, { demo }) => visit(page, demo, ruth, '/admin/products/read-records'),
  },
  {
    name: 'desk-product-read',
    sizes: few,
    reach: (page, { demo }) => visit(page, demo, ian, '/admin/products/live-read-records'),
  },
  {
    name: 'desk-product-new-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, { demo }) => {
      await visit(page, demo, ruth, '/admin/products/new');
      await page.getByLabel('Name').fill('Letters');
      await page.getByRole('textbox', { name: 'Scopes' }).fill('user/Letter.rs');
      await page.getByRole('button', { name: 'Make the product' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'desk-product-deprecate-wrong',
    sizes: few,
    refused: [422],
    reach: async (page, { demo }) => {
      await visit(page, demo, ruth, '/admin/products/submit-records');
      await page.getByLabel('Deprecated').check();
      await page.getByRole('button', { name: 'Change the state' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'desk-apis',
    sizes: shell,
    reach: (page, { demo }) => visit(page, demo, ruth, '/admin/apis'),
  },
  {
    name: 'desk-api',
    sizes: shell,
    reach: async (page, { demo }) => {
      await visit(page, demo, ruth, '/admin/apis/patient-record');
      const next = 'openapi: 3.1.0\ninfo: { title: Patient record, version: 2.0.0 }\npaths: {}\n';
      await page.getByLabel('OpenAPI document').fill(next);
      await page.getByRole('button', { name: 'Keep the document' }).click();
      await page.getByText('The document is kept.').waitFor();
    },
  },
  {
    name: 'desk-api-read',
    sizes: few,
    reach: (page, { demo }) => visit(page, demo, ian, '/admin/apis/patient-record'),
  },
  {
    name: 'desk-api-new-wrong',
    sizes: shell,
    refused: [422],
    reach: async (page, { demo }) => {
      await visit(page, demo, ruth, '/admin/apis/new');
      await page.getByLabel('ID').fill('letters');
      await page.getByLabel('Base URLs').fill('sandbox https://sandbox.example/letters');
      await page.getByLabel('OpenAPI document').fill('openapi: 3.1.0\ninfo:\n\ttitle: Letters\n');
      await page.getByRole('button', { name: 'Add the API' }).click();
      await page.getByRole('alert').waitFor();
    },
  },
];
