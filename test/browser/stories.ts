import { existsSync } from 'node:fs';
import type { Browser, BrowserContext } from 'playwright-core';
import { launchBrowser } from './support.ts';

/** The Chromium that npm brings is for Linux on x64; elsewhere one has to be named. */
const available =
  Boolean(process.env.CHROME_PATH) ||
  existsSync('/usr/bin/chromium') ||
  (process.platform === 'linux' && process.arch === 'x64');

/** Where only CI can install it, it is demanded there; a machine without one reports the stories as skipped. */
const demanded = process.env.CI_DEMANDS?.includes('browser') ?? false;

/** Stories in a real Chromium; `newContext` is a browser profile of its own. */
export function browserStories(
  title: string,
  stories: (newContext: () => Promise<BrowserContext>) => void,
): void {
  const run = available || demanded ? describe : describe.skip;
  run(title, () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launchBrowser();
    }, 60_000);
    afterAll(() => browser.close());
    stories(() => browser.newContext({ viewport: { width: 1280, height: 800 } }));
  });
}
