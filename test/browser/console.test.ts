import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { BrowserContext, Page } from 'playwright-core';
import { priya } from '../../scripts/pictures/visits.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { browserStories } from './stories.ts';
import { launchBrowser } from './support.ts';

const operation = '/console/patient-record/readPatient';

browserStories('a developer in the console', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let context: BrowserContext;
  let page: Page;
  let errors: string[];

  beforeAll(async () => {
    server = await startServer({ databaseUrl, name: 'localhost' });
    await applyDemo(server);
  }, 60_000);
  afterAll(() => server.close());
  beforeEach(async () => {
    context = await newContext();
    page = await signedIn(context);
  });
  afterEach(async () => {
    expect(errors).toEqual([]);
    await context.close();
  });

  async function signedIn(of: BrowserContext, path = operation): Promise<Page> {
    const one = await of.newPage();
    one.setDefaultTimeout(8_000);
    errors = [];
    one.on('pageerror', (error) => errors.push(error.message));
    one.on('console', (said) => said.type() === 'error' && errors.push(said.text()));
    await one.goto(`${server.baseUrl}/sign-in?${new URLSearchParams({ return_to: path })}`);
    await one.getByLabel('Email').fill(priya[0]);
    await one.getByLabel('Password').fill(priya[1]);
    await one.locator('main').getByRole('button', { name: 'Sign in' }).click();
    await one.getByRole('heading', { level: 1, name: 'Try it' }).waitFor();
    await one.locator('#authorize:enabled').waitFor();
    return one;
  }

  const popup = async (on = page): Promise<Page> => {
    const [window] = await Promise.all([on.waitForEvent('popup'), on.click('#authorize')]);
    await window.getByText('asks for access').waitFor();
    return window;
  };
  async function authorizeAs(name: string, on = page): Promise<void> {
    const window = await popup(on);
    await window.getByText(name, { exact: true }).click();
    await window.click('button[value=authorize]');
    await on.locator('#token').waitFor();
  }
  const send = async (on = page): Promise<void> => {
    await on.click('#send');
    await on
      .locator('#answer-status')
      .filter({ hasText: /\d{3}|No answer/ })
      .waitFor();
  };
  const said = async (words: string | RegExp): Promise<void> => {
    const began = Date.now();
    await page.locator('#progress').getByText(words).waitFor();
    expect(Date.now() - began).toBeLessThan(2000);
  };
  /** Until the request, and with it the token in it, is another one. */
  async function changed(before: string | null): Promise<void> {
    const until = Date.now() + 5_000;
    while ((await page.textContent('#request')) === before) {
      if (Date.now() > until) throw new Error('the request is still the same');
      await page.waitForTimeout(50);
    }
  }

  test('on behalf of a user: the pop-up, Send, and the patient is there', async () => {
    await authorizeAs('Dr Asha Menon');
    expect(await page.textContent('#token-for')).toBe('Token for tu_gp');
    await send();
    expect(await page.textContent('#answer-status')).toBe('200 OK');
    expect(await page.textContent('#answer-body')).toContain('"id": "NM-0007"');
    expect(await page.textContent('#sent')).toMatch(
      /^GET \/sandbox-api\/fhir\/Patient\/NM-0007 HTTP\/1\.1\nhost: localhost:\d+\n/,
    );
    expect(await page.textContent('#sent')).toContain('sg_test_••••');
  });

  test('as a system: a test application, Send, and the patient is there', async () => {
    await page.selectOption('#grant', 'client_credentials');
    await page.click('#authorize');
    await page.locator('#token').waitFor();
    expect(await page.textContent('#token-for')).toBe('Token for the application itself');
    await send();
    expect(await page.textContent('#answer-status')).toBe('200 OK');
  });

  test('with a user’s password: a test user, Send, and the patient is there', async () => {
    await page.selectOption('#grant', 'password');
    await page.click('#authorize');
    await page.locator('#token').waitFor();
    expect(await page.textContent('#token-for')).toBe('Token for tu_gp');
    await send();
    expect(await page.textContent('#answer-status')).toBe('200 OK');
    await page.getByText('Token request').click();
    expect(await page.textContent('#token-request')).toContain('grant_type=password');
    expect(await page.textContent('#token-request')).not.toContain('surgery');
  });

  test('sees the request take shape at every keystroke', async () => {
    const field = page.getByLabel('id', { exact: true });
    await field.fill('');
    await field.pressSequentially('NM-0', { delay: 5 });
    expect(await page.textContent('#request')).toMatch(
      /^GET \/sandbox-api\/fhir\/Patient\/NM-0 HTTP/,
    );
    await field.pressSequentially('0 /?&', { delay: 5 });
    expect(await page.textContent('#request')).toContain('/Patient/NM-00%20%2F%3F%26 HTTP');
    expect(await page.textContent('#curl')).toContain('$KEY');
    await field.fill('');
    await page.click('#send');
    await page.getByText('Fill this in.').waitFor();
    expect(await field.getAttribute('aria-invalid')).toBe('true');
  });

  test('checks a body against the document before it is sent', async () => {
    await page.goto(`${server.baseUrl}/console/patient-record/createObservation`);
    await page.locator('#body').fill('{ "resourceType": "Observation", ');
    await page.click('#send');
    await page.getByText('This is not JSON').waitFor();
    await page.locator('#body').fill('{ "resourceType": "Observation" }');
    await page.getByText('"status" is missing.').waitFor();
    await page.getByText('Read Records does not open this operation').waitFor();
  });

  test('who closes the pop-up is told so', async () => {
    await (await popup()).close();
    await said('was closed before you decided');
  });

  test('who cancels is told so', async () => {
    const window = await popup();
    await window.click('button[value=cancel]');
    await said('You cancelled');
  });

  test('an authorization that fails says why', async () => {
    // as if the subscription had lost the scope since the page was opened
    await page.evaluate(`document.querySelector('[data-scopes] input').value = 'user/Nothing.rs'`);
    await page.click('#authorize');
    await said('does not have this scope');
  });

  test('a code that cannot be exchanged says why', async () => {
    await page.route('**/sandbox/token', (route) => route.abort());
    const window = await popup();
    await window.click('button[value=authorize]');
    await said('The token endpoint did not answer');
    errors = []; // the request that was aborted
  });

  test('a pop-up that is left alone for ten minutes is given up', async () => {
    await page.clock.install();
    await page.reload();
    await page.locator('#authorize:enabled').waitFor();
    const window = await popup();
    await page.clock.fastForward('10:01');
    await said('for ten minutes');
    expect(window.isClosed()).toBe(true);
  });

  test('a browser that blocks the window is told so, and what to do', async () => {
    const browser = await launchBrowser({ blockPopups: true });
    try {
      const tab = await signedIn(await browser.newContext());
      // pressed by no person: that is what blockers go by
      await tab.addInitScript(`setInterval(() => {
        const button = document.querySelector('#authorize:enabled');
        if (button && !window.pressed) (window.pressed = true, button.click());
      }, 100)`);
      await tab.reload();
      await tab.getByText('Your browser blocked the window').first().waitFor({ timeout: 2_000 });
      expect(tab.context().pages()).toHaveLength(1);
    } finally {
      await browser.close();
    }
  });

  test('messages from other origins, other windows and with another state are ignored', async () => {
    await context.route('http://evil.example/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<p>not the one</p>' }),
    );
    await page.evaluate(`
      window.heard = [];
      window.addEventListener('message', ({ origin }) => window.heard.push(origin));
      window.opened = [];
      const open = window.open;
      window.open = (url, ...more) => {
        window.opened.push(new URL(url, location.href).searchParams.get('state'));
        return open.call(window, url, ...more);
      };
    `);
    const window = await popup();
    const state = await page.evaluate<string>('window.opened[0]');
    const forged = JSON.stringify({
      type: 'authorization-answer',
      answer: { code: 'forged', state },
    });
    await page.evaluate(`window.postMessage(${forged}, '*')`); // of this window
    const [child] = await Promise.all([
      page.waitForEvent('popup'), // of another of ours
      page.evaluate(`void window.open('/try/callback?code=forged&state=${state}')`),
    ]);
    await child.waitForEvent('close');
    await window.evaluate(`location.href = 'http://evil.example/'`); // of the pop-up, gone astray
    await window.getByText('not the one').waitFor();
    await window.evaluate(`window.opener.postMessage(${forged}, '*')`);
    await page.waitForTimeout(700);

    const { origin } = new URL(server.baseUrl);
    const heard = await page.evaluate<string[]>('window.heard');
    expect(heard).toEqual([origin, origin, 'http://evil.example']);
    expect(await page.textContent('#progress')).toContain('Waiting for the other window');
    await window.close();
    await said('was closed before you decided');
  });

  test('an answer of the pop-up with another state is no answer', async () => {
    const window = await popup();
    const closed = window.waitForEvent('close');
    await window.goto(`${server.baseUrl}/try/callback?code=forged&state=other`).catch(() => {});
    await closed;
    await said('was closed before you decided');
    expect(await page.locator('#token').isVisible()).toBe(false);
  });

  test('keeps its token over a reload, and a copy of the tab never gets the refresh token', async () => {
    await authorizeAs('Dr Asha Menon');
    await page.reload();
    await page.locator('#renew').waitFor();
    const [copy] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate('void window.open(location.href)'),
    ]);
    await copy.locator('#authorize:enabled').waitFor();
    expect(await copy.locator('#token').isVisible()).toBe(true);
    expect(await copy.locator('#renew').isVisible()).toBe(false);
    const kept = (one: Page) =>
      one.evaluate<string>(`sessionStorage.getItem('sandgate.console.refresh') ?? '{}'`);
    expect(JSON.parse(await kept(copy))).toEqual({});
    expect(Object.keys(JSON.parse(await kept(page)))).toHaveLength(1);
    await copy.close();

    const before = await page.textContent('#request');
    await page.click('#renew');
    await changed(before);
    await send();
    expect(await page.textContent('#answer-status')).toBe('200 OK');
  });

  test('of a tab and its copy, the one that comes back first has the refresh token, and it alone', async () => {
    await authorizeAs('Dr Asha Menon');
    await page.goto(`${server.baseUrl}/profile`);
    const [copy] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate(`void window.open('${operation}')`),
    ]);
    await copy.locator('#renew').waitFor();
    await copy.goto(`${server.baseUrl}/profile`);
    await page.goto(`${server.baseUrl}${operation}`);
    await page.locator('#authorize:enabled').waitFor();
    expect(await page.locator('#token').isVisible()).toBe(true);
    expect(await page.locator('#renew').isVisible()).toBe(false);
  });

  test('a second click opens a new window in the place of the first', async () => {
    const first = await popup();
    const closed = first.waitForEvent('close');
    const second = await popup();
    await closed;
    await second.getByText('Dr Asha Menon', { exact: true }).click();
    await second.click('button[value=authorize]');
    await page.locator('#token').waitFor();
  });

  test('a token is renewed by itself before it ends, and a dead one leaves one thing to press', async () => {
    await page.clock.install();
    await page.reload();
    await page.locator('#authorize:enabled').waitFor();
    await authorizeAs('Dr Asha Menon');
    const before = await page.textContent('#request');
    await page.clock.fastForward('09:40');
    await changed(before);
    expect(await page.textContent('#token-left')).toMatch(/^(10|9) min/);

    await page.uncheck('#renew-itself');
    await page.clock.fastForward('10:01');
    await page.getByText('It has expired').waitFor();
    for (const other of ['#renew', '#forget'])
      expect(await page.locator(other).isVisible()).toBe(false);
    expect(await page.textContent('#authorize')).toBe('Authorize again');
  });

  test('forgets the token with one click', async () => {
    await page.selectOption('#grant', 'client_credentials');
    await page.click('#authorize');
    await page.click('#forget');
    await said('The token is forgotten');
    expect(await page.textContent('#request')).not.toContain('authorization');
    expect(await page.evaluate(`sessionStorage.getItem('sandgate.console.tokens')`)).toBe('{}');
  });

  test('says why a call was refused, reveals what was sent, and keeps a history and a HAR without secrets', async () => {
    await send();
    expect(await page.textContent('#answer-status')).toBe('401 Unauthorized');
    await page.getByText('The call carried no token').waitFor();
    await page.selectOption('#grant', 'client_credentials');
    await page.click('#authorize');
    await page.locator('#token').waitFor();
    await page.click('#send');
    await page.locator('#answer-status').getByText('200 OK').waitFor();

    await page.getByText('As it was sent').click();
    await page.getByRole('button', { name: 'Reveal secrets' }).click();
    await page
      .locator('#sent')
      .getByText(/sg_test_[0-9A-Za-z]{36}/)
      .waitFor();
    const [, token] = /Bearer (\S+)/.exec((await page.textContent('#sent')) ?? '') ?? [];
    expect(token?.split('.')).toHaveLength(3);

    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#har')]);
    const har = JSON.parse(await readFile(await download.path(), 'utf8'));
    expect(
      har.log.entries.map((one: { response: { status: number } }) => one.response.status),
    ).toEqual([200, 401]);
    expect(JSON.stringify(har)).not.toContain(token);
    expect(JSON.stringify(har)).not.toMatch(/sg_test_[0-9A-Za-z]{9}/);

    await page.locator('#history > summary').click();
    await page
      .getByRole('button', { name: /^Show GET/ })
      .last()
      .click();
    expect(await page.textContent('#answer-status')).toBe('401 Unauthorized');
  });

  test('somebody else in the same tab finds nothing of it', async () => {
    await authorizeAs('Dr Asha Menon');
    await send();
    await page.evaluate(`sessionStorage.setItem('sandgate.console.account', 'acc_other')`);
    await page.reload();
    await page.locator('#authorize:enabled').waitFor();
    expect(await page.locator('#token').isVisible()).toBe(false);
    expect(await page.locator('#response').isVisible()).toBe(false);
  });

  test('at 390 pixels: the same, and nothing needs scrolling sideways', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await authorizeAs('Dr Asha Menon');
    await send();
    expect(await page.textContent('#answer-status')).toBe('200 OK');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });

  test('loads less than 60 kB of script, gzipped', async () => {
    const scripts: string[] = [];
    page.on('request', (one) => one.resourceType() === 'script' && scripts.push(one.url()));
    await page.reload();
    await page.locator('#authorize:enabled').waitFor();
    const sizes = await Promise.all(
      scripts.map(async (url) => gzipSync(await (await fetch(url)).text()).length),
    );
    expect(sizes.length).toBeGreaterThan(5);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
  });
});
