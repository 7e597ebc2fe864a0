import { TOTP } from 'otpauth';
import type pg from 'pg';
import type { Browser, Page } from '../support/flow.ts';
import { submitTo } from './register-support.ts';

export const path = '/profile/second-factor';

/** What the app on a phone shows, `steps` of thirty seconds from now. */
export const codeOf = (seed: string, steps = 0): string =>
  new TOTP({ secret: seed }).generate({ timestamp: Date.now() + steps * 30_000 });

/** Waits where the next code is so near that a test could be overtaken by it. */
export async function stepBegins(): Promise<void> {
  const left = 30_000 - (Date.now() % 30_000);
  if (left < 6000) await new Promise((resolve) => setTimeout(resolve, left));
}

export const seedOn = ({ text }: Page): string =>
  (/<code id="seed">([^<]+)</.exec(text)?.[1] ?? '').replaceAll(' ', '');

export const recoveryCodesOn = ({ text }: Page): string[] =>
  (/<pre id="codes"[^>]*>([^<]+)</.exec(text)?.[1] ?? '').split('\n').filter(Boolean);

export type Kept = { seed: string; recoveryCodes: string[] };

/** Sets an app up in a browser that has just signed in. */
export async function setUp(browser: Browser, baseUrl: string): Promise<Kept> {
  const page = await browser.open(`${baseUrl}${path}`);
  const seed = seedOn(page);
  const shown = await submitTo(browser, page, path, { code: codeOf(seed, -1) });
  const recoveryCodes = recoveryCodesOn(shown);
  if (recoveryCodes.length !== 10) throw new Error(`not set up: ${shown.status} ${shown.text}`);
  return { seed, recoveryCodes };
}

/** As if the codes of the last minutes had not been used. */
export const forgetSteps = (pool: pg.Pool, accountId: string): Promise<unknown> =>
  pool.query('update second_factors set last_step = 0 where account_id = $1', [accountId]);

/** The right password; the page that comes then. */
export async function givePassword(
  browser: Browser,
  baseUrl: string,
  given: { email: string; password: string },
  place = '/profile',
): Promise<Page> {
  const form = await browser.open(
    `${baseUrl}/sign-in?${new URLSearchParams({ return_to: place })}`,
  );
  return submitTo(browser, form, '/sign-in', given);
}

export const giveCode = (
  browser: Browser,
  page: Page,
  fields: { code?: string; recovery_code?: string },
): Promise<Page> => submitTo(browser, page, '/sign-in/code', fields);
