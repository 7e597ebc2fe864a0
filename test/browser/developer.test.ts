import type { Page } from 'playwright-core';
import { priya } from '../../scripts/pictures/visits.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { anAccount, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

/** What a screen reader would call the thing that has the focus, as far as these pages need it. */
const focused = (page: Page): Promise<string> =>
  // text, since the compiler knows no document here
  page.evaluate<string>(`(() => {
    const one = document.activeElement;
    const words = one?.labels?.length ? one.labels[0].textContent : one?.textContent;
    return (words ?? '').replace(/\\s+/g, ' ').trim();
  })()`);

/** Presses Tab until that has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const words = await focused(page);
    if (words === name) return;
    passed.push(words);
  }
  throw new Error(`no way by keyboard to "${name}" on ${page.url()}, past: ${passed.join(' | ')}`);
}

/** A button or a link, and the page that it leads to. */
async function press(page: Page, name: string): Promise<void> {
  await tabTo(page, name);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
}

async function type(page: Page, field: string, words: string): Promise<void> {
  await tabTo(page, field);
  await page.keyboard.type(words);
}

browserStories('a developer without a mouse', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let email: string;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    await applyDemo(server);
    const { rows } = await server.pool.query(
      'select password_hash from accounts where email = $1',
      [priya[0]],
    );
    const passwordHash = rows[0].password_hash;
    const account = await anAccount(server.pool, { name: 'Samir Holt', passwordHash });
    await aTeam(server.pool, { name: 'Larkfield Labs', members: [account] });
    email = account.email;
  }, 60_000);
  afterAll(() => server.close());

  test('signs in, subscribes, reveals and copies a key, makes a new one and keeps the old for an hour', async () => {
    const context = await newContext();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await context.newPage();
    const seen: string[] = [];
    page.on('request', (request) => seen.push(request.url()));

    await page.goto(`${server.baseUrl}/products/read-records`);
    await press(page, 'Sign in to subscribe');
    await type(page, 'Email', email);
    await type(page, 'Password', priya[1]);
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    await type(page, 'What will you use it for?', 'Showing a ward round who needs what.');
    await press(page, 'Subscribe to Read Records');
    expect(await page.getByRole('status').textContent()).toContain('You have it.');

    await press(page, 'Reveal the primary key');
    const key = (await page.locator('#key-primary').textContent()) ?? '';
    expect(key).toMatch(/^sg_test_[0-9A-Za-z]{36}$/);
    await tabTo(page, 'Copy');
    await page.keyboard.press('Enter');
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(key);

    await tabTo(page, 'Regenerate the primary key');
    await page.keyboard.press('Enter');
    await tabTo(page, '24 hours');
    await page.keyboard.press('ArrowUp');
    expect(await focused(page)).toBe('1 hour');
    await press(page, 'Make a new key');
    expect(await page.getByRole('status').textContent()).toContain('The new key is made.');
    expect(await page.locator('#keys').textContent()).toContain(
      `Old primary key, ending ${key.slice(-4)}`,
    );
    expect(await page.content()).not.toContain(key);
    const { rows } = await server.pool.query(
      `select extract(epoch from expires_at - replaced_at)::int as seconds from subscription_keys
       where last_four = $1 and replaced_at is not null`,
      [key.slice(-4)],
    );
    expect(rows).toEqual([{ seconds: 3600 }]);

    await press(page, 'Home');
    expect(await page.locator('main').textContent()).toContain('Stop using the old primary key');
    expect(seen.join()).not.toContain(key);
    await context.close();
  }, 60_000);

  test('without scripts reveals a key just so, and has no button that does nothing', async () => {
    const browser = (await newContext()).browser();
    const context = await browser?.newContext({ javaScriptEnabled: false });
    const page = await context?.newPage();
    if (!page) throw new Error('a browser has its contexts');
    await page.goto(`${server.baseUrl}/sign-in?return_to=/`);
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password').fill(priya[1]);
    await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Read Records', exact: true }).click();
    await page.getByRole('button', { name: 'Reveal the secondary key' }).click();
    expect(await page.locator('#key-secondary').textContent()).toMatch(/^sg_test_/);
    expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0);
    await context?.close();
  }, 60_000);
});
