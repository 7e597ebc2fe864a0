// Takes a picture of every page at every size, and fails when one of them is broken in a way that a
// program can see. The rest is for eyes: look at screenshots/.
import { mkdirSync, rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../test/browser/support.ts';
import { popupStates, startSamplePages } from './sample-pages.ts';

type Size = { readonly name: string; readonly width: number; readonly height: number };

type Shot = {
  readonly name: string;
  readonly path: string;
  readonly sizes: readonly Size[];
  /** What a person does on the page before the picture. */
  readonly setup?: (page: Page) => Promise<void>;
  /** Nothing may lie below the fold at 400 by 500. */
  readonly fits?: true;
  /** An error page says so by its status, which the browser reports as a failed request. */
  readonly status?: number;
};

const wide: Size = { name: '1280', width: 1280, height: 800 };
const phone: Size = { name: '390', width: 390, height: 844 };
const small: Size = { name: '320', width: 320, height: 640 };
const window400: Size = { name: '400x500', width: 400, height: 500 };
const fitting = new Set([
  'test-user',
  'test-user-first-party',
  'credentials',
  'credentials-error',
  'live',
  'live-consent',
]);

/** Presses Authorize and gives the window that opens. */
async function openPopup(page: Page): Promise<Page> {
  const button = page.getByRole('button', { name: 'Authorize' });
  const [popup] = await Promise.all([
    page.waitForEvent('popup', { timeout: 5_000 }),
    button.click(),
  ]);
  return popup;
}

async function authorizeAndSend(page: Page): Promise<void> {
  const popup = await openPopup(page);
  await popup.getByRole('button', { name: 'Authorize' }).click();
  await page.getByText('Token for Dr Asha Menon').waitFor({ timeout: 5_000 });
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('resourceType').waitFor({ timeout: 5_000 });
}

async function closePopup(page: Page): Promise<void> {
  await (await openPopup(page)).close();
  await page.getByText('Nothing was shared').waitFor({ timeout: 5_000 });
}

const shots: readonly Shot[] = [
  ...popupStates.map((state): Shot => {
    const fits = fitting.has(state) || undefined;
    const path = `/sandbox/popup/${state}`;
    return { name: `popup-${state}`, path, sizes: [window400, phone, small, wide], fits };
  }),
  { name: 'start', path: '/', sizes: [wide, phone, small] },
  {
    name: 'start-token-and-answer',
    path: '/',
    sizes: [wide, phone, small],
    setup: authorizeAndSend,
  },
  { name: 'start-popup-closed', path: '/', sizes: [wide], setup: closePopup },
  { name: 'start-empty', path: '/empty', sizes: [wide, phone] },
  { name: 'callback-without-opener', path: '/callback?code=c&state=s', sizes: [window400, wide] },
  { name: 'callback-empty', path: '/callback', sizes: [window400] },
  { name: 'logout', path: '/sandbox/logout', sizes: [window400, phone, wide] },
  { name: 'logged-out', path: '/sandbox/logged-out', sizes: [window400, wide] },
  { name: 'error-in-popup', path: '/sandbox/refused', sizes: [window400, wide], fits: true },
  { name: 'error-not-found', path: '/nowhere', sizes: [wide, phone, small], status: 404 },
  { name: 'error-broken', path: '/broken', sizes: [wide, phone], status: 500 },
];

const folder = new URL('../screenshots/', import.meta.url).pathname;

/** Returns what is wrong with the page, in words. */
async function take(
  browser: Browser,
  origin: string,
  shot: Shot,
  size: Size,
  scheme: 'light' | 'dark',
) {
  const wrong: string[] = [];
  const { width, height } = size;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  page.on('console', (message) => {
    const expected = shot.status && message.text().includes(`status of ${shot.status}`);
    if (message.type() === 'error' && !expected) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
  page.on('requestfailed', (request) =>
    wrong.push(`request: ${request.url()} ${request.failure()?.errorText}`),
  );

  try {
    await page.goto(`${origin}${shot.path}`);
    await shot.setup?.(page);
    const { right, below } = await page.evaluate<{ right: number; below: number }>(`(() => {
      const root = document.documentElement;
      return { right: root.scrollWidth - root.clientWidth, below: root.scrollHeight - root.clientHeight };
    })()`);
    if (right > 0) wrong.push(`overflows sideways by ${right} px`);
    if (shot.fits && size === window400 && below > 0) wrong.push(`scrolls by ${below} px`);
    await page.screenshot({
      path: `${folder}${shot.name}-${size.name}-${scheme}.png`,
      fullPage: size !== window400,
    });
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error));
  } finally {
    await context.close();
  }
  return wrong.map((what) => `${shot.name} at ${size.name}, ${scheme}: ${what}`);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const pages = await startSamplePages();
const browser = await launchBrowser();
const wrong: string[] = [];
let taken = 0;
for (const shot of shots) {
  for (const size of shot.sizes) {
    for (const scheme of ['light', 'dark'] as const) {
      wrong.push(...(await take(browser, pages.origin, shot, size, scheme)));
      taken++;
    }
  }
}
await browser.close();
pages.close();

console.info(`${taken} pictures in screenshots/`);
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
