import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, submit } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const password = 'the kettle is on again';

describe('signing in on our own pages', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let passwordHash: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    passwordHash = await passwords.hash(password);
  });
  afterAll(async () => {
    passwords.close();
    await server.close();
  });

  test('a person signs in, sees their name, and signs out', async () => {
    const { email } = await anAccount(server.pool, { name: 'Priya Nair', passwordHash });
    const browser = newBrowser(server.baseUrl);
    const form = await browser.open(`${server.baseUrl}/sign-in`);
    expect(form.status).toBe(200);
    const home = await submit(browser, form, { email, password });
    expect(home.url).toBe(`${server.baseUrl}/`);
    expect(home.text).toContain('Priya Nair');
    const out = await submit(browser, home, {});
    expect(out.text).not.toContain('Priya Nair');
    expect(out.text).toContain('href="/sign-in"');
  });
});
