import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { codeOf, stepBegins } from '../accounts/second-factor-support.ts';
import { type Sandgate, startSandgate, takeLetter } from '../people/sandgate.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { authorizationUrl, pkce, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { browserStories } from './stories.ts';

const first = 'seven herons crossed a loud river';
const second = 'nine copper kettles under snow';
const verifyLetter = 'Verify your email address';

/** A portal on another site: opens pop-ups, and hears what its own callback says to it. */
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

/** A button of the page, and not the one of that name in the bar. */
const press = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('button', { name, exact: true }).click();

const follow = (page: Page, name: string): Promise<void> =>
  page.locator('main').getByRole('link', { name }).click();

async function fillRegistration(page: Page, email: string, password = first): Promise<void> {
  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('Work email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByLabel('I accept the terms').check();
  await press(page, 'Register');
  await page.getByRole('heading', { name: 'Check your email' }).waitFor();
}

async function fillSignIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await press(page, 'Sign in');
}

async function signOut(page: Page): Promise<void> {
  await page.locator('header summary').click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await page.locator('header').getByRole('link', { name: 'Sign in' }).waitFor();
}

const isAskedIn = (page: Page): Promise<void> =>
  page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
const isOnProfile = (page: Page): Promise<void> =>
  page.getByRole('heading', { name: 'Profile', exact: true }).waitFor();

browserStories('people who come by themselves, with letters by SMTP', (newContext) => {
  const databaseUrl = useDatabaseUrl();
  let sandgate: Sandgate;
  let profile: string;
  beforeAll(async () => {
    sandgate = await startSandgate(databaseUrl);
    profile = `${sandgate.baseUrl}/profile`;
  }, 60_000);
  afterAll(() => sandgate?.close());

  const letter = (email: string, subject: string) => takeLetter(sandgate.mail, email, subject);

  /** From the page that needs a sign-in to "Check your email". */
  async function registerFromProfile(page: Page, email: string): Promise<void> {
    await page.goto(profile);
    await follow(page, 'Register as a developer');
    await fillRegistration(page, email);
  }

  describe.each([
    ['with scripts', true],
    ['without scripts', false],
  ])('%s', (_title, javaScriptEnabled) => {
    const contexts: BrowserContext[] = [];
    const newPage = async (): Promise<Page> => {
      const browser = (await newContext()).browser();
      if (!browser) throw new Error('a browser has its contexts');
      const context = await browser.newContext({ javaScriptEnabled });
      contexts.push(context);
      return context.newPage();
    };
    const emailOf = (name: string) => `${name}.${javaScriptEnabled}@people.example`;
    afterEach(async () => {
      for (const context of contexts.splice(0)) await context.close();
    });

    test('whoever opens the letter in another browser chooses the password there, and lands where they started', async () => {
      const email = emailOf('elsewhere');
      const [here, there] = [await newPage(), await newPage()];
      await registerFromProfile(here, email);

      await there.goto((await letter(email, verifyLetter)).link);
      await there.getByLabel('Your name').fill('Noor Haddad');
      await there.getByLabel('Password').fill(second);
      await press(there, 'Verify my email');
      await isOnProfile(there);
      expect(there.url()).toBe(profile);
      expect(await there.locator('header').textContent()).toContain('Noor Haddad');

      await here.goto(profile); // the browser that asked has not come in by that
      await fillSignIn(here, email, first);
      await here.getByText('Email or password is wrong.').waitFor();
      await fillSignIn(here, email, second);
      await isOnProfile(here);
    });

    test('whoever opens it in the same browser has only a button to press', async () => {
      const email = emailOf('here');
      const page = await newPage();
      await registerFromProfile(page, email);
      await page.goto((await letter(email, verifyLetter)).link);
      await press(page, 'Verify my email');
      await isOnProfile(page);
    });

    test('an authenticator app: set up by the key that is shown, asked for at the next sign-in, and a recovery code without it', async () => {
      const email = emailOf('app');
      const page = await newPage();
      await registerFromProfile(page, email);
      await page.goto((await letter(email, verifyLetter)).link);
      await press(page, 'Verify my email');
      await follow(page, 'Set up an authenticator app');
      await page.getByText('Type it instead').click();
      const seed = ((await page.locator('#seed').textContent()) ?? '').replaceAll(' ', '');
      await stepBegins();
      await page.getByLabel('Code from the app').fill(codeOf(seed, -1));
      await press(page, 'Ask for it from now on');
      await page.getByRole('heading', { name: 'Keep your recovery codes' }).waitFor();
      const [recovery = ''] = ((await page.locator('#codes').textContent()) ?? '').split('\n');
      await follow(page, 'I have kept them');
      await isOnProfile(page);

      for (const proof of ['code', 'recovery code']) {
        await signOut(page);
        await page.goto(profile);
        await fillSignIn(page, email, first);
        await page.getByRole('heading', { name: 'Type the code from your app' }).waitFor();
        if (proof === 'code') {
          await page.getByLabel('Code', { exact: true }).fill(codeOf(seed));
        } else {
          await page.getByText('Use a recovery code instead').click();
          await page.getByLabel('Recovery code').fill(recovery);
        }
        await press(page, 'Sign in');
        await isOnProfile(page);
        expect(page.url()).toBe(profile);
      }
      await letter(email, 'How you sign in was changed');
    }, 60_000);

    test('the code does it too; signed out the page asks, and a sign-in in its place leads on to it', async () => {
      const email = emailOf('code');
      const page = await newPage();
      await registerFromProfile(page, email);
      const { code } = await letter(email, verifyLetter);
      await page.getByLabel('Code from the email').fill(code === '000000' ? '000001' : '000000');
      await press(page, 'Verify my email');
      await page.getByRole('alert').waitFor();
      await page.getByLabel('Code from the email').fill(code);
      await press(page, 'Verify my email');
      await isOnProfile(page);

      await signOut(page);
      await page.goto(profile);
      await isAskedIn(page);
      await fillSignIn(page, email, first);
      await isOnProfile(page);
      expect(page.url()).toBe(profile);
    });

    test('a forgotten password is replaced by letter, and ends the session of whoever was in', async () => {
      const email = emailOf('forgetful');
      const [thief, owner] = [await newPage(), await newPage()];
      await registerFromProfile(thief, email);
      await thief.goto((await letter(email, verifyLetter)).link);
      await press(thief, 'Verify my email');
      await isOnProfile(thief);

      await owner.goto(profile);
      await follow(owner, 'Forgotten it?');
      await owner.getByLabel('Email').fill(email);
      await press(owner, 'Send me the link');
      await owner.getByRole('heading', { name: 'Check your email' }).waitFor();
      await owner.goto((await letter(email, 'Choose a new password')).link);
      await owner.getByLabel('New password').fill(second);
      await press(owner, 'Change my password');
      await letter(email, 'Your password was changed');

      await thief.reload();
      await isAskedIn(thief);
      await follow(owner, 'Sign in');
      await fillSignIn(owner, email, first);
      await owner.getByText('Email or password is wrong.').waitFor();
      await fillSignIn(owner, email, second);
      await isOnProfile(owner);
    });
  });

  describe('begun in a pop-up that a portal of another site opened', () => {
    let portal: Server;
    let origin: string;
    let client: { id: string; redirectUri: string };

    beforeAll(async () => {
      portal = await startPortal();
      origin = `http://portal.localhost:${(portal.address() as AddressInfo).port}`;
      const product = await aProduct(sandgate.pool, {
        subjects: 'accounts',
        grantTypes: ['authorization_code'],
      });
      const subscription = await aSubscription(sandgate.pool, { product });
      const redirectUri = `${origin}/callback`;
      const { id } = await aClient(sandgate.pool, {
        authMethod: 'none',
        subscriptions: [subscription],
        redirectUris: [redirectUri],
      });
      client = { id, redirectUri };
    });
    afterAll(() => {
      portal.close();
    });

    async function openPopup(context: BrowserContext, url: string): Promise<[Page, Page]> {
      const tab = await context.newPage();
      await tab.goto(`${origin}/`);
      const [popup] = await Promise.all([
        context.waitForEvent('page'),
        tab.evaluate((address) => void open(address, '_blank', 'width=400,height=500'), url),
      ]);
      await popup.getByText('asks for access').waitFor();
      return [tab, popup];
    }

    /** What the portal hears from its own callback in the end. */
    async function authorizeIn(popup: Page, tab: Page): Promise<URLSearchParams> {
      await popup.click('button[value=authorize]');
      await tab.waitForFunction(() => heard.messages.length > 0);
      const messages = (await tab.evaluate(() => heard.messages)) as string[];
      expect(messages).toHaveLength(1); // nothing on the way spoke to the opener
      return new URLSearchParams(messages[0]);
    }

    test('registering leads back into the pop-up, and the portal gets its code and tokens', async () => {
      const context = await newContext();
      const { verifier, challenge } = pkce();
      const url = authorizationUrl(sandgate.sandbox, client, challenge, { scope: 'openid email' });
      const [tab, popup] = await openPopup(context, url);
      await follow(popup, 'Register');
      const email = 'popup@people.example';
      await fillRegistration(popup, email);
      const { code } = await letter(email, verifyLetter);
      await popup.getByLabel('Code from the email').fill(code);
      await press(popup, 'Verify my email');

      await popup.getByText('asks for access').waitFor();
      expect(new URL(popup.url()).pathname).toMatch(/^\/sandbox\//);
      // an issuer's sign-in is its own, and never follows from the portal's
      await popup.fill('#username', email);
      await popup.fill('#password', first);
      const answer = await authorizeIn(popup, tab);
      const { status, body } = await post(`${sandgate.sandbox}/token`, client, {
        grant_type: 'authorization_code',
        code: answer.get('code') ?? `none: ${answer}`,
        redirect_uri: client.redirectUri,
        code_verifier: verifier,
      });
      expect(status).toBe(200);
      const me = await fetch(`${sandgate.sandbox}/me`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(await me.json()).toMatchObject({ email, email_verified: true });
      await context.close();
    });

    test('so does a forgotten password', async () => {
      const context = await newContext();
      const page = await context.newPage();
      const email = 'popup.forgetful@people.example';
      await registerFromProfile(page, email);
      await page.goto((await letter(email, verifyLetter)).link);
      await press(page, 'Verify my email');
      await isOnProfile(page);

      const fresh = await newContext();
      const { challenge } = pkce();
      const url = authorizationUrl(sandgate.sandbox, client, challenge, { scope: 'openid email' });
      const [tab, popup] = await openPopup(fresh, url);
      await follow(popup, 'Forgotten your password?');
      await popup.getByLabel('Email').fill(email);
      await press(popup, 'Send me the link');
      await popup.getByRole('heading', { name: 'Check your email' }).waitFor();
      const other = await context.newPage(); // the letter opens where the person reads letters
      await other.goto((await letter(email, 'Choose a new password')).link);
      await other.getByLabel('New password').fill(second);
      await press(other, 'Change my password');
      await other.getByRole('heading', { name: 'Your password is changed' }).waitFor();

      await follow(popup, 'Back to signing in');
      await popup.fill('#username', email);
      await popup.fill('#password', second);
      expect((await authorizeIn(popup, tab)).get('code')).toBeTruthy();
      await context.close();
      await fresh.close();
    });
  });
});
