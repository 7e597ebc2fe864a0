import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allShots } from '../../scripts/pictures/all-shots.ts';
import { take } from '../../scripts/pictures/camera.ts';
import { type Stage, setStage } from '../../scripts/pictures/stage.ts';
import { browserStories } from './stories.ts';

// What `npm run screenshots` does, at all sizes, but in one scheme and with one picture of each page.
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

  test.each(allShots)(
    'is sound and fits its windows: $name',
    async (shot) => {
      const pictured = (size: unknown) => size === shot.sizes[0];
      const order = { newContext, stage, folder, schemes: ['light'], pictured } as const;
      expect(await take(order, shot)).toEqual([]);
    },
    60_000,
  );
});
