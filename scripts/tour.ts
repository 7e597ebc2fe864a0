// Walks a newcomer's whole way on the real server and leaves a picture of each place, in order, in
// tour/: what a person would see who registers, is approved, and tries an API in three ways.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from '../test/browser/support.ts';
import stopDatabase from '../test/support/stop-database.ts';
import makeTemplate from '../test/support/template-database.ts';
import { phone, wide } from './pictures/camera.ts';
import { guardRecords, walk } from './pictures/journey.ts';
import { setStage } from './pictures/stage.ts';

const folder = fileURLToPath(new URL('../tour', import.meta.url));

async function tour(): Promise<void> {
  const { demo, close } = await setStage();
  const browser = await launchBrowser();
  try {
    await guardRecords(demo);
    for (const { name: size, width, height } of [wide, phone]) {
      let taken = 0;
      await walk({
        server: demo,
        email: `noor.${size}@people.example`,
        newPage: () => browser.newPage({ viewport: { width, height } }),
        look: async (page, name) => {
          taken += 1;
          const place = `${String(taken).padStart(2, '0')}-${name.replace(/[^a-z]+/gi, '-')}`;
          await page.screenshot({ path: `${folder}/${size}/${place}.png`, fullPage: true });
        },
      });
      console.info(`${taken} pictures in tour/${size}/`);
    }
  } finally {
    await browser.close();
    await close();
  }
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
try {
  await makeTemplate();
  await tour();
} finally {
  await stopDatabase();
}
