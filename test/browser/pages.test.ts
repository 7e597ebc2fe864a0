import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { allShots } from '../../scripts/pictures/all-shots.ts';
import { phone, type Shot, take, wide } from '../../scripts/pictures/camera.ts';
import { type Stage, setStage } from '../../scripts/pictures/stage.ts';
import { browserStories } from './stories.ts';

type Finding = { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] };
declare global {
  var axe: { run(context: object): Promise<{ violations: Finding[] }> };
  var document: object;
}

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

/** Every rule that axe has on by itself, on the whole page; in words, or empty. */
async function findings(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate(() => axe.run(document));
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target}: ${failureSummary}`),
  );
}

/** Each size and each scheme; every pair of them in the long run, `npm run test:long`. */
const looks = [
  { size: wide, colorScheme: 'light' },
  { size: phone, colorScheme: 'dark' },
  ...(process.env.TEST_LONG
    ? ([
        { size: wide, colorScheme: 'dark' },
        { size: phone, colorScheme: 'light' },
      ] as const)
    : []),
] as const;

/** axe is a script, and says nothing of a page that may not run any; their pages are among the others. */
const lookedAt = (shot: Shot): boolean =>
  !shot.withoutScript && shot.name !== 'mailbox-letter-html';

// What `npm run screenshots` does, at all sizes, but in one scheme and with one picture of each page;
// and then axe, for whoever hears a page or sees little of it.
browserStories('every page in every state', (newContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-pictures-'));
  let stage: Stage;
  beforeAll(async () => {
    stage = await setStage();
  }, 60_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stage.close();
  });

  async function read(page: Page): Promise<string[]> {
    await page.evaluate(axeSource); // past the CSP, which lets no inline script in
    const wrong: string[] = [];
    for (const { size, colorScheme } of looks) {
      const { name, width, height } = size;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height });
      for (const what of await findings(page)) wrong.push(`${name}, ${colorScheme}: ${what}`);
    }
    return wrong;
  }

  test.each(allShots)(
    'is sound, fits its windows, and everybody can use it: $name',
    async (shot) => {
      const order = {
        newContext,
        stage,
        folder,
        schemes: ['light'],
        pictured: (size: unknown) => size === shot.sizes[0],
        ...(lookedAt(shot) && { read }),
      } as const;
      expect(await take(order, shot)).toEqual([]);
    },
    60_000,
  );

  test('and axe does find what is wrong', async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(`${stage.demo.baseUrl}/register`);
    await page.evaluate("document.querySelector('label[for=email]').remove()");
    expect((await read(page)).join()).toMatch(/label/);
    await context.close();
  });
});
