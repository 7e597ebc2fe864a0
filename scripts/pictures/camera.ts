import type { BrowserContext, Page, Response } from 'playwright-core';
import type { Stage } from './stage.ts';

export type Size = { readonly name: string; readonly width: number; readonly height: number };

export const wide: Size = { name: '1280', width: 1280, height: 800 };
export const phone: Size = { name: '390', width: 390, height: 844 };
export const small: Size = { name: '320', width: 320, height: 640 };
export const popup: Size = { name: '400x500', width: 400, height: 500 };

/** One page in one state. */
export type Shot = {
  readonly name: string;
  /** The first one is the page's main size. */
  readonly sizes: readonly Size[];
  /** Goes there as a person would, in a browser without a past. */
  readonly reach: (page: Page, stage: Stage) => Promise<unknown>;
  /** Nothing may need scrolling at 400 by 500. */
  readonly fits?: true;
  /** What pages on the way may answer beside 200 and a redirect; the last page answers the last one. */
  readonly refused?: readonly number[];
  /** A browser without JavaScript. */
  readonly withoutScript?: true;
};

export type Scheme = 'light' | 'dark';

type Order = {
  /** A browser without a past. */
  readonly newContext: () => Promise<BrowserContext>;
  readonly stage: Stage;
  /** Where the pictures go. */
  readonly folder: string;
  readonly schemes: readonly Scheme[];
  /** Looked at, and not checked only. */
  readonly pictured: (size: Size) => boolean;
  /** What else to look for once the state is reached; answers what is wrong, in words. */
  readonly read?: (page: Page) => Promise<string[]>;
};

/** Reaches the state once, then looks at it in every size and scheme. Returns what is wrong, in words. */
export async function take(order: Order, shot: Shot): Promise<string[]> {
  const context = await order.newContext();
  const wrong = new Set<string>();
  const lastStatus = watch(context, shot, wrong);
  const page = await context.newPage();
  page.setDefaultTimeout(5_000);
  try {
    await page.setViewportSize(shot.sizes[0] ?? wide);
    if (shot.withoutScript) await disableScript(page);
    await shot.reach(page, order.stage);
    const expected = shot.refused?.at(-1) ?? 200;
    if (lastStatus() !== expected) wrong.add(`answers ${lastStatus()}, not ${expected}`);
    const isPopup = await page.locator('body.popup').isVisible();
    for (const scheme of order.schemes) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const size of shot.sizes) {
        const { width, height } = size;
        await page.setViewportSize({ width, height });
        for (const what of await misfits(page, shot.fits === true && size === popup)) {
          wrong.add(`at ${size.name}, ${scheme}: ${what}`);
        }
        if (!order.pictured(size)) continue;
        await page.screenshot({
          path: `${order.folder}/${shot.name}-${size.name}-${scheme}.png`,
          fullPage: !isPopup, // its buttons stick to the window's end
        });
      }
    }
    for (const what of (await order.read?.(page)) ?? []) wrong.add(what);
  } catch (error) {
    wrong.add(error instanceof Error ? error.message : String(error));
    await page.screenshot({ path: `${order.folder}/${shot.name}-failed.png` });
  } finally {
    await context.close();
  }
  return [...wrong].map((what) => `${shot.name}: ${what}`);
}

async function disableScript(page: Page): Promise<void> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('Emulation.setScriptExecutionDisabled', { value: true });
}

/** Notes down what pages complain of. Gives the status of the page that was answered last. */
function watch(context: BrowserContext, shot: Shot, wrong: Set<string>): () => number {
  const refusals = shot.refused ?? [];
  const refusedPages = new Set<string>();
  let last = 0;
  const isPage = (response: Response) => response.request().isNavigationRequest();

  context.on('response', (response) => {
    const status = response.status();
    const expected = isPage(response) && refusals.includes(status);
    if (expected) refusedPages.add(response.url());
    if (status >= 400 && !expected) wrong.add(`${response.url()} answers ${status}`);
    if (isPage(response) && (status < 300 || status >= 400)) last = status;
  });
  context.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    // a window that closes itself drops what it was still loading
    if (why !== 'net::ERR_ABORTED') wrong.add(`request: ${request.url()} ${why}`);
  });
  context.on('weberror', (error) => wrong.add(`script: ${error.error().message}`));
  context.on('console', (message) => {
    // a browser reports a refused page as a resource that failed to load
    const refused = refusedPages.has(message.location().url) && /status of/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !refused) {
      wrong.add(`console: ${message.text()}`);
    }
  });
  return () => last;
}

/** What does not fit, in words. */
async function misfits(page: Page, mustFit: boolean): Promise<string[]> {
  // text, since the compiler knows no document here
  const measured = await page.evaluate<{ right: number; below: number; boxes: string[] }>(`(() => {
    const root = document.documentElement;
    const scrolls = (box) => box.scrollHeight > box.clientHeight + 1 &&
      ['auto', 'scroll'].includes(getComputedStyle(box).overflowY);
    return {
      right: root.scrollWidth - root.clientWidth,
      below: root.scrollHeight - root.clientHeight,
      boxes: [...document.body.querySelectorAll('*')].filter(scrolls)
        .map((box) => box.tagName.toLowerCase() + ' in .' + box.parentElement.className),
    };
  })()`);
  const { right, below, boxes } = measured;
  return [
    ...(right > 0 ? [`overflows sideways by ${right} px`] : []),
    ...(mustFit && below > 0 ? [`scrolls by ${below} px`] : []),
    ...(mustFit ? boxes.map((box) => `${box} scrolls`) : []),
  ];
}
