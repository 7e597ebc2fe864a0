import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useDatabaseUrl } from '../support/database.ts';
import { authorizationUrl, pkce } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';

type Heard = { messages: unknown[]; closedEarly: boolean };
declare global {
  var heard: Heard;
  var popup: { closed: boolean } | null;
  var open: (...window: string[]) => { closed: boolean } | null;
}

/** A portal that opens pop-ups and hears whatever they say; its callback keeps the answer. */
function startPortal(): Promise<Server> {
  const pages: Record<string, string> = {
    '/': `<!doctype html><title>Portal</title><script>
      heard = { messages: [], closedEarly: false };
      addEventListener('message', (event) => heard.messages.push(event.data));
    </script>`,
    '/callback': `<!doctype html><title>Back</title><script>
      opener.postMessage(location.search, location.origin);
    </script>`,
  };
  const server = createServer((request, response) => {
    const page = pages[new URL(request.url ?? '/', 'http://portal').pathname];
    response.writeHead(page ? 200 : 404, { 'content-type': 'text/html' }).end(page);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

browserStories('a pop-up that a portal of another site opened', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let portal: Server;
  let portalOrigin: string;
  let client: { id: string; redirectUri: string };

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    portal = await startPortal();
    portalOrigin = `http://portal.localhost:${(portal.address() as AddressInfo).port}`;
    const product = await aProduct(server.pool);
    const subscription = await aSubscription(server.pool, { product });
    const redirectUri = `${portalOrigin}/callback`;
    const { id } = await aClient(server.pool, {
      authMethod: 'none',
      subscriptions: [subscription],
      redirectUris: [redirectUri],
    });
    client = { id, redirectUri };
    await aTestUser(server.pool, { id: 'tu_one', name: 'First Persona', position: 1 });
    await aTestUser(server.pool, { id: 'tu_two', name: 'Second Persona', position: 2 });
  });
  afterAll(async () => {
    portal.close();
    await server.close();
  });

  const url = (state: string) =>
    authorizationUrl(server.sandbox, client, pkce().challenge, { state, scope: 'read' });

  test('keeps its opener to the end, says nothing to it by itself, and hands the answer back', async () => {
    const context = await newContext();
    const tab = await context.newPage();
    await tab.goto(`${portalOrigin}/`);
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      tab.evaluate((address) => {
        globalThis.popup = open(address, '_blank', 'width=400,height=500');
      }, url('one')),
    ]);
    await popup.getByText('First Persona').waitFor();
    expect(await tab.evaluate(() => globalThis.popup?.closed)).toBe(false);
    expect(await tab.evaluate(() => heard.messages)).toEqual([]);

    await popup.click('button[value=authorize]');
    await tab.waitForFunction(() => heard.messages.length > 0);
    const messages = (await tab.evaluate(() => heard.messages)) as string[];
    expect(messages).toHaveLength(1); // the callback's, and none of ours before it
    expect(new URLSearchParams(messages[0]).get('state')).toBe('one');
    expect(new URLSearchParams(messages[0]).get('code')).toBeTruthy();
    await context.close();
  });

  test('two of them at once both finish, each with its own answer', async () => {
    const context = await newContext();
    const tab = await context.newPage();
    await tab.goto(`${portalOrigin}/`);
    const popups = [];
    for (const state of ['first', 'second']) {
      const [popup] = await Promise.all([
        context.waitForEvent('page'),
        tab.evaluate((address) => void open(address, '_blank', 'width=400,height=500'), url(state)),
      ]);
      await popup.getByText('First Persona').waitFor();
      popups.push(popup);
    }
    for (const popup of popups) await popup.click('button[value=authorize]');
    await tab.waitForFunction(() => heard.messages.length === 2);
    const messages = (await tab.evaluate(() => heard.messages)) as string[];
    const states = messages.map((message) => new URLSearchParams(message).get('state'));
    expect(states.sort()).toEqual(['first', 'second']);
    await context.close();
  });

  test('works by keyboard alone, and remembers the persona that was used last', async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(url('keyboard'));
    await page.locator('#use-test-user').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('input[name=test_user]:checked').getAttribute('value')).toBe(
      'tu_two',
    );
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/callback\?/);

    await page.goto(url('again'));
    // Consent stands, so the page comes only when asked for.
    await page.goto(`${url('again')}&prompt=consent`);
    const first = page.locator('.persona').first();
    expect(await first.textContent()).toContain('Second Persona');
    expect(await first.locator('input').isChecked()).toBe(true);
    await context.close();
  });

  test('unticked it takes username and password, and keeps what was typed when they are wrong', async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(url('typed'));
    await page.uncheck('#use-test-user');
    await page.fill('#username', 'two');
    await page.fill('#password', 'not it');
    await page.click('button[value=authorize]');
    await page.getByText('Username or password is wrong.').waitFor();
    expect(await page.inputValue('#username')).toBe('two');
    expect(await page.inputValue('#password')).toBe('');
    await page.fill('#password', 'published password');
    await page.click('button[value=authorize]');
    await page.waitForURL(/\/callback\?.*state=typed/);
    await context.close();
  });

  test('who comes back as someone else is let in as that one', async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(url('before'));
    await page.click('button[value=authorize]');
    await page.waitForURL(/\/callback\?.*state=before/);

    // The library ends the first one's session by a page that posts itself.
    await page.goto(`${url('after')}&prompt=login`);
    await page.getByText('Second Persona').click();
    await page.click('button[value=authorize]');
    await page.waitForURL(/\/callback\?.*state=after/);
    await context.close();
  });

  test('an answer asked for as a form (response_mode=form_post) reaches the client', async () => {
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(`${url('posted')}&response_mode=form_post`);
    const [posted] = await Promise.all([
      page.waitForRequest((request) => request.url() === client.redirectUri),
      page.click('button[value=authorize]'),
    ]);
    expect(posted.method()).toBe('POST');
    expect(new URLSearchParams(posted.postData() ?? '').get('state')).toBe('posted');
    await context.close();
  });
});
