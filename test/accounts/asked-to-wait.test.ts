import { Busy } from '../../src/base/errors.ts';
import { createPasswords, type Passwords } from '../../src/base/passwords.ts';
import { useDatabase } from '../support/database.ts';
import { type Browser, newBrowser, type Page, submit } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { type Doors, startDoors } from './doors.ts';
import {
  anotherPassword,
  fromLetter,
  goodPassword,
  registerAt,
  submitTo,
  typed,
} from './register-support.ts';

describe('a form that has to wait', () => {
  const pool = useDatabase();
  const real = createPasswords();
  let busy = false;
  const orBusy =
    <In extends unknown[], Out>(work: (...given: In) => Promise<Out>) =>
    async (...given: In): Promise<Out> => {
      if (busy) throw new Busy('passwords_busy', 'Too many people are signing in just now.', 2);
      return work(...given);
    };
  const passwords: Passwords = { ...real, hash: orBusy(real.hash), verify: orBusy(real.verify) };
  let doors: Doors;
  let baseUrl: string;
  let passwordHash: string;
  beforeAll(async () => {
    doors = await startDoors({ pool, passwords });
    ({ baseUrl } = doors);
    passwordHash = await real.hash(goodPassword);
  });
  beforeEach(async () => {
    busy = false;
    await pool.query('delete from throttles');
  });
  afterAll(async () => {
    await doors.close();
    real.close();
  });

  let last = 0;
  const newAddress = () => `person${++last}@larkfield.example`;
  async function someone(): Promise<{ email: string; browser: Browser }> {
    const { email } = await anAccount(pool, { email: newAddress(), passwordHash });
    const browser = newBrowser(baseUrl);
    const form = await browser.open(`${baseUrl}/sign-in`);
    await submit(browser, form, { email, password: goodPassword });
    return { email, browser };
  }
  /** Whatever is counted is used up. */
  const exhaust = (): Promise<unknown> => pool.query('update throttles set points = 1000');
  const crowd = async (): Promise<void> => {
    busy = true;
  };

  type Sent = { page: Page; keeps: string[] };
  const doorsOf: [
    what: string,
    status: number,
    refuse: () => Promise<unknown>,
    send: (refuse: () => Promise<unknown>) => Promise<Sent>,
  ][] = [
    ['register', 429, exhaust, register],
    ['register', 503, crowd, register],
    ['send again', 429, exhaust, sendAgain],
    ['a code', 429, exhaust, typeCode],
    ['a link in another browser', 503, crowd, linkElsewhere],
    ['a forgotten password', 429, exhaust, forgotten],
    ['its new one', 503, crowd, resetPassword],
    ['a new email address', 429, exhaust, newEmail],
    ['its code', 429, exhaust, newEmailCode],
    ['a new password', 429, exhaust, newPassword],
    ['a new password', 503, crowd, newPassword],
  ];

  test.each(doorsOf)(
    '%s (%i): the same form, what was typed, and when to come back',
    async (_what, status, refuse, send) => {
      const { page, keeps } = await send(refuse);
      expect(page.status).toBe(status);
      expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(page.text).toMatch(/<title>Error: /);
      expect(page.text).toMatch(/<p class="notice bad" role="alert">Too many (attempts|people)/);
      for (const kept of keeps) expect(page.text).toContain(kept);
      expect(page.text).not.toContain(goodPassword);
      expect(page.text).not.toContain(anotherPassword);
      expect(page.headers.get('cache-control')).toContain('no-store');
    },
  );

  async function register(refuse: () => Promise<unknown>): Promise<Sent> {
    const given = typed({ email: newAddress(), team: 'Larkfield & Sons' });
    const { browser } = await registerAt(baseUrl, given);
    const form = await browser.open(`${baseUrl}/register?return_to=/apis`);
    await refuse();
    const page = await submit(browser, form, given);
    const keeps = [
      'value="Priya Nair"',
      `value="${given.email}"`,
      'value="Larkfield &amp; Sons"',
      'value="yes" required checked',
      'name="return_to" value="/apis"',
      'action="/register"',
    ];
    return { page, keeps };
  }

  async function sendAgain(refuse: () => Promise<unknown>): Promise<Sent> {
    const email = newAddress();
    const { browser, page } = await registerAt(baseUrl, { email });
    const once = await submitTo(browser, page, '/register/resend');
    await refuse();
    const again = await submitTo(browser, once, '/register/resend');
    return { page: again, keeps: [email, 'action="/register/resend"', 'still works'] };
  }

  async function typeCode(refuse: () => Promise<unknown>): Promise<Sent> {
    const email = newAddress();
    const { browser, page } = await registerAt(baseUrl, { email });
    const wrong = await submitTo(browser, page, '/register/check-your-mail', { code: '000000' });
    await refuse();
    const again = await submitTo(browser, wrong, '/register/check-your-mail', { code: '000000' });
    return {
      page: again,
      keeps: [email, 'action="/register/check-your-mail"', 'The link in our email still works'],
    };
  }

  async function linkElsewhere(refuse: () => Promise<unknown>): Promise<Sent> {
    const email = newAddress();
    await registerAt(baseUrl, { email });
    const browser = newBrowser(baseUrl);
    const form = await browser.open(await fromLetter(pool, email, 'link'));
    await refuse();
    const page = await submit(browser, form, { name: 'Priya N.', password: anotherPassword });
    return { page, keeps: [email, 'value="Priya N."', 'action="/verify/'] };
  }

  async function forgotten(refuse: () => Promise<unknown>): Promise<Sent> {
    const email = newAddress();
    const browser = newBrowser(baseUrl);
    const form = await browser.open(`${baseUrl}/forgot?return_to=/apis`);
    await submit(browser, form, { email });
    await refuse();
    const page = await submit(browser, form, { email });
    const keeps = [`value="${email}"`, 'name="return_to" value="/apis"', 'action="/forgot"'];
    return { page, keeps };
  }

  async function resetPassword(refuse: () => Promise<unknown>): Promise<Sent> {
    const { email } = await someone();
    const browser = newBrowser(baseUrl);
    await submit(browser, await browser.open(`${baseUrl}/forgot`), { email });
    const form = await browser.open(await fromLetter(pool, email, 'link'));
    await refuse();
    const page = await submit(browser, form, { password: anotherPassword });
    return { page, keeps: [email, 'action="/reset/'] };
  }

  async function newEmail(refuse: () => Promise<unknown>): Promise<Sent> {
    const { email, browser } = await someone();
    const wanted = newAddress();
    const form = await browser.open(`${baseUrl}/profile/email`);
    await submitTo(browser, form, '/profile/email', { email: newAddress() });
    await refuse();
    const page = await submitTo(browser, form, '/profile/email', { email: wanted });
    return { page, keeps: [email, `value="${wanted}"`, 'action="/profile/email"'] };
  }

  async function newEmailCode(refuse: () => Promise<unknown>): Promise<Sent> {
    const { browser } = await someone();
    const wanted = newAddress();
    const form = await browser.open(`${baseUrl}/profile/email`);
    const path = '/profile/email/confirm';
    const asked = await submitTo(browser, form, '/profile/email', { email: wanted });
    const wrong = await submitTo(browser, asked, path, { code: '000000' });
    await refuse();
    const page = await submitTo(browser, wrong, path, { code: '000000' });
    return { page, keeps: [wanted, `action="${path}"`, 'The link in our email still works'] };
  }

  async function newPassword(refuse: () => Promise<unknown>): Promise<Sent> {
    const { email, browser } = await someone();
    const path = '/profile/password';
    const form = await browser.open(`${baseUrl}${path}`);
    const changed = await submitTo(browser, form, path, { password: anotherPassword });
    expect(changed.url).toContain('done=password');
    const again = await browser.open(`${baseUrl}${path}`);
    await refuse();
    const page = await submitTo(browser, again, path, { password: goodPassword });
    return { page, keeps: [email, `action="${path}"`] };
  }
});
