// Takes a picture of every page of the real server in every state worth a look, and fails when one of
// them is broken in a way that a program can see. The rest is for eyes: look at screenshots/.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from '../test/browser/support.ts';
import stopDatabase from '../test/support/stop-database.ts';
import makeTemplate from '../test/support/template-database.ts';
import { allShots } from './pictures/all-shots.ts';
import { take } from './pictures/camera.ts';
import { setStage } from './pictures/stage.ts';

/** `npm run screenshots -- pop-up`: only those whose names hold this. */
const [wanted = ''] = process.argv.slice(2);
const shots = allShots.filter(({ name }) => name.includes(wanted));
const folder = fileURLToPath(new URL('../screenshots', import.meta.url));

async function takeAll(): Promise<string[]> {
  const stage = await setStage();
  const browser = await launchBrowser();
  try {
    const wrong: string[] = [];
    const order = {
      newContext: () => browser.newContext(),
      stage,
      folder,
      schemes: ['light', 'dark'],
      pictured: () => true,
    } as const;
    for (const shot of shots) wrong.push(...(await take(order, shot)));
    return wrong;
  } finally {
    await browser.close();
    await stage.close();
  }
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
try {
  await makeTemplate();
  const wrong = await takeAll();
  console.info(`${shots.length} pages in screenshots/`);
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  await stopDatabase();
}
