import type { Page } from 'playwright-core';
import { authorizationUrl, pkce } from '../../test/support/flow.ts';
import type { TestServer } from '../../test/support/server.ts';
import { applications, callbackOf } from './stage.ts';

// What a person does, in the words that stand on the pages.

type Request = { client?: string; issuer?: 'sandbox' | 'live' } & Record<string, string>;

/** Opens the pop-up's address. Whatever else is given goes into the authorization request. */
export function ask(page: Page, server: TestServer, request: Request = {}): Promise<unknown> {
  const { client = applications.wardRound, issuer = 'sandbox', ...more } = request;
  const from = { id: client, redirectUri: callbackOf(server) };
  return page.goto(authorizationUrl(server[issuer], from, pkce().challenge, more));
}

export const chooseTestUser = (page: Page, name: string): Promise<void> =>
  page.getByText(name, { exact: true }).click();

export const authorize = (page: Page): Promise<void> =>
  page.getByRole('button', { name: 'Authorize' }).click();

/** Presses the button, and waits until the application has its answer. */
export async function letIn(page: Page): Promise<void> {
  await authorize(page);
  await page.getByRole('heading', { name: 'You are authorized' }).waitFor();
}

/** Types into the half of the pop-up that shows without the tick. */
export async function typeCredentials(
  page: Page,
  username: string,
  password: string,
): Promise<void> {
  const tick = page.getByLabel('Use a test user');
  if (await tick.isVisible()) await tick.uncheck();
  await page.locator('#username').fill(username);
  await page.locator('#password').fill(password);
}

/** On the start page: presses Authorize and gives the window that opens. */
export async function openPopup(page: Page): Promise<Page> {
  const [popup] = await Promise.all([page.waitForEvent('popup'), authorize(page)]);
  await popup.getByText('asks for access').waitFor();
  return popup;
}

/** On the start page: a token in one click. */
export async function getToken(page: Page): Promise<void> {
  const popup = await openPopup(page);
  await Promise.all([popup.waitForEvent('close'), authorize(popup)]);
  await page.getByText('Token for tu_gp').waitFor();
}

/** Priya of the demo's development.yaml, who has a role; Helen has none. */
export const priya = ['priya.nair@larkfield.example', 'ward-round-at-seven'] as const;
export const helen = ['helen.ashby@northmoor.example', 'northmoor-keeps-the-keys'] as const;
