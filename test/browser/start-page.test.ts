import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

browserStories('a newcomer who opens the printed address', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;

  beforeAll(async () => {
    const consoleClientId = 'console_sub_larkfield_read';
    server = await startServer({ databaseUrl, name: 'localhost', consoleClientId });
    await applyDemo(server);
  }, 60_000);
  afterAll(() => server.close());

  async function tokenAs(name: string) {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(server.baseUrl);
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('#authorize')]);
    await popup.getByText(name, { exact: true }).click();
    await popup.click('button[value=authorize]');
    await page.locator('#token').waitFor();
    return { context, page };
  }

  test('gets a token as a test user with one click in the pop-up, and the sample API answers', async () => {
    const { context, page } = await tokenAs('Dr Asha Menon');
    expect(JSON.parse((await page.textContent('#claims')) ?? '')).toMatchObject({
      sub: 'tu_gp',
      env: 'sandbox',
      test_user: true,
      scope: 'user/Patient.rs user/Observation.rs user/MedicationRequest.rs',
    });
    await page.click('#send');
    await page.getByText('200 OK').waitFor();
    await context.close();
  });

  test('as a patient sees her own record and nobody else’s', async () => {
    const { context, page } = await tokenAs('Margaret Vale');
    await page.click('#send');
    await page.getByText('200 OK').waitFor();
    const answer = await page.textContent('#exchange');
    expect(answer).toContain('NM-0007');
    expect(answer).not.toContain('NM-0001');
    await context.close();
  });

  test('who closes the pop-up is told that nothing was shared', async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(server.baseUrl);
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('#authorize')]);
    await popup.getByText('Dr Asha Menon').waitFor();
    await popup.close();
    await page.getByText('Nothing was shared').waitFor();
    await context.close();
  });
});
