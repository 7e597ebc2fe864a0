import { guardRecords, walk } from '../../scripts/pictures/journey.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

browserStories('a developer who never was here', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    await applyDemo(server);
    await guardRecords(server);
  }, 60_000);
  afterAll(() => server.close());

  test.each([[1280], [390]])(
    'registers, asks, is approved, and reads a patient in three ways, at %i pixels',
    async (width) => {
      const sideways: string[] = [];
      const page = await walk({
        server,
        email: `noor.${width}@people.example`,
        newPage: async () => {
          const one = await (await newContext()).newPage();
          one.setDefaultTimeout(8_000);
          await one.setViewportSize({ width, height: 844 });
          return one;
        },
        look: async (one, name) => {
          const fits = await one.evaluate('document.documentElement.scrollWidth <= innerWidth');
          if (!fits) sideways.push(name);
        },
      });
      expect(sideways).toEqual([]);
      await page.locator('#history > summary').click();
      const sent = page.locator('#history-list li');
      await sent.nth(2).waitFor(); // the third call may still be under way: the second looks the same
      expect(await sent.count()).toBe(3);
      await page.context().close();
    },
    60_000,
  );
});
