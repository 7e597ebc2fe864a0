import { createPasswords } from '../../src/base/passwords.ts';
import {
  actsOf,
  aPerson,
  isSignedIn,
  makeStale,
  type Person,
  password,
  send,
  signInAs,
} from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { type Browser, newBrowser, type Page } from '../support/flow.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';
import { anotherPassword, fromLetter, lettersTo, samePage, submitTo } from './register-support.ts';
import {
  codeOf,
  forgetSteps,
  giveCode,
  givePassword,
  type Kept,
  path,
  recoveryCodesOn,
  seedOn,
  setUp,
  stepBegins,
} from './second-factor-support.ts';

describe('a second factor', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  beforeEach(stepBegins, 15_000);

  const person = (given = {}) => aPerson(server, passwords, given);
  const prepared = async (): Promise<Person & Kept> => {
    const someone = await person();
    return { ...someone, ...(await setUp(someone.browser, server.baseUrl)) };
  };
  /** The page that asks for the code, in a browser of its own. */
  const askedFor = async ({ account }: Person, given = password) => {
    const browser = newBrowser(server.baseUrl);
    const page = await givePassword(browser, server.baseUrl, {
      email: account.email,
      password: given,
    });
    return { browser, page };
  };
  const asksForCode = ({ text }: Page): boolean => text.includes('action="/sign-in/code"');
  const failuresOf = async (accountId: string): Promise<string[]> =>
    (
      await server.pool.query(
        `select action || ': ' || reason as said from audit
         where subject_id = $1 and action = 'second_factor.failed' order by id`,
        [accountId],
      )
    ).rows.map(({ said }) => said);
  const letters = async ({ account }: Person): Promise<string[]> =>
    (await lettersTo(server.pool, account.email))
      .filter(({ template }) => template === 'second-factor-changed')
      .map(({ data }) => String(data.what));

  describe('is set up', () => {
    test('by a code of the app, with ten recovery codes, a letter and an act', async () => {
      const someone = await person({ name: 'Priya Nair' });
      const elsewhere = await signInAs(server, someone.account.email);
      const page = await someone.open(path);
      const seed = seedOn(page);
      expect(seed).toMatch(/^[A-Z2-7]{32}$/);
      expect(page.text).toMatch(/<svg role="img" aria-label="QR code[^"]*"/);
      expect(page.text).not.toMatch(/<script|otpauth:/);
      expect(page.headers.get('cache-control')).toBe('no-store');

      const shown = await submitTo(someone.browser, page, path, { code: codeOf(seed) });
      expect(shown.status).toBe(200);
      expect(shown.headers.get('cache-control')).toBe('no-store');
      const codes = recoveryCodesOn(shown);
      expect(new Set(codes).size).toBe(10);
      for (const code of codes) expect(code).toMatch(/^([0-9a-z]{4}-){3}[0-9a-z]{4}$/);
      expect(await letters(someone)).toEqual([
        'An authenticator app was added: a sign-in asks for its code, and applications have to ask you again.',
      ]);
      expect(await actsOf(server.pool, someone.account.id)).toEqual(['second_factor.added']);
      expect(await isSignedIn(someone.browser, server)).toBe(true);
      expect(await isSignedIn(elsewhere, server)).toBe(false);
      expect((await someone.open('/profile')).text).toMatch(
        /Authenticator app<\/dt><dd>since today/,
      );
      for (const code of codes) expect((await someone.open(path)).text).not.toContain(code);
    });

    test.each([
      ['a wrong code', '000000', 'This is not the code'],
      ['no code', '', 'Type the six digits'],
      ['words', 'what?', 'Type the six digits'],
    ])('not by %s: the same secret stays, and nothing counts yet', async (_, code, words) => {
      const someone = await person();
      const page = await someone.open(path);
      const answer = await submitTo(someone.browser, page, path, { code });
      expect(answer.status).toBe(422);
      expect(answer.text).toContain('<title>Error: ');
      expect(answer.text).toContain(words);
      expect(seedOn(answer)).toBe(seedOn(page));
      expect((await askedFor(someone)).page.url).toBe(`${server.baseUrl}/profile`);
      expect(await letters(someone)).toEqual([]);
      expect(await actsOf(server.pool, someone.account.id)).toEqual([]);
    });

    test('not with what was offered to somebody else, or in another session', async () => {
      const [someone, other] = [await person(), await person()];
      const again = await signInAs(server, someone.account.email);
      for (const browser of [other.browser, again]) {
        const theirs = await someone.open(path);
        const offer = /name="offer" value="([^"]+)"/.exec(theirs.text)?.[1] ?? '';
        const own = await browser.open(`${server.baseUrl}${path}`);
        const fields = { offer, code: codeOf(seedOn(theirs)) };
        const answer = await submitTo(browser, own, path, fields);
        expect([answer.status, seedOn(answer) === seedOn(theirs)]).toEqual([422, false]);
      }
      expect((await askedFor(someone)).page.url).toBe(`${server.baseUrl}/profile`);
    });

    test('not twice', async () => {
      const someone = await person();
      const pages = [await someone.open(path), await someone.open(path)];
      const statuses = await Promise.all(
        pages.map((page) => submitTo(someone.browser, page, path, { code: codeOf(seedOn(page)) })),
      );
      expect(statuses.map(({ status }) => status).sort()).toEqual([200, 401]); // its session ended
    });

    test('only after a fresh sign-in, as are its end and new recovery codes', async () => {
      const someone = await person();
      const page = await someone.open(path);
      await makeStale(server.pool, someone.account.id);
      expect((await someone.open(path)).status).toBe(401);
      const late = await submitTo(someone.browser, page, path, { code: codeOf(seedOn(page)) });
      expect(late.status).toBe(401);

      const other = await prepared();
      const own = await other.open(path);
      await makeStale(server.pool, other.account.id);
      for (const action of [`${path}/remove`, `${path}/recovery-codes`]) {
        const refused = await submitTo(other.browser, own, action);
        expect(refused.status).toBe(401);
        expect(refused.text).toContain('Give your password again');
      }
      expect(asksForCode((await askedFor(other)).page)).toBe(true);
    });
  });

  describe('at the sign-in', () => {
    test('the password opens nothing, the code does, and the way back is kept', async () => {
      const someone = await prepared();
      const browser = newBrowser(server.baseUrl);
      const given = { email: someone.account.email, password };
      const page = await givePassword(browser, server.baseUrl, given, '/profile/name');
      expect(page.url).toBe(`${server.baseUrl}/sign-in/code?return_to=%2Fprofile%2Fname`);
      expect(page.text).toContain('autocomplete="one-time-code"');
      expect(page.text).toContain('inputmode="numeric"');
      expect(await isSignedIn(browser, server)).toBe(false);
      const back = await giveCode(browser, page, { code: codeOf(someone.seed) });
      expect(back).toMatchObject({ status: 200, url: `${server.baseUrl}/profile/name` });
      const { rows } = await server.pool.query(
        `select action, detail ->> 'by' as by from audit
         where subject_id = $1 or actor_id = $1 order by id desc limit 2`,
        [someone.account.id],
      );
      expect(rows).toEqual([
        { action: 'sign_in.succeeded', by: 'password and second factor' },
        { action: 'second_factor.asked', by: null },
      ]);
    });

    test('as people copy it: with a space, and in whatever digits they have', async () => {
      const someone = await prepared();
      const { browser, page } = await askedFor(someone);
      const code = codeOf(someone.seed).replace(/^(...)/, ' $1 ');
      expect((await giveCode(browser, page, { code })).url).toBe(`${server.baseUrl}/profile`);
    });

    test('nothing else of a half-finished sign-in opens anything', async () => {
      const someone = await prepared();
      const cookies = new Map<string, string>();
      const call = async (to: string, body?: URLSearchParams) => {
        const answer = await fetch(`${server.baseUrl}${to}`, {
          ...(body && { method: 'POST', body }),
          redirect: 'manual',
          headers: {
            accept: 'text/html',
            cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          },
        });
        for (const line of answer.headers.getSetCookie()) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        return { status: answer.status, text: await answer.text(), headers: answer.headers };
      };
      const csrf = /name="csrf" value="([^"]+)"/.exec((await call('/sign-in')).text)?.[1] ?? '';
      const { email } = someone.account;
      const halfway = await call('/sign-in', new URLSearchParams({ csrf, email, password }));
      expect(halfway.status).toBe(303);
      const half = halfway.headers
        .getSetCookie()
        .find((line) => line.startsWith('sg_second_step='));
      expect(half).toMatch(/httponly/i);
      expect(half).toMatch(/samesite=lax/i);
      expect(halfway.headers.getSetCookie().join()).not.toContain('sg_account=');
      const value = cookies.get('sg_second_step') ?? '';
      for (const to of ['/profile', path, '/profile/password']) {
        expect((await call(to)).status).toBe(401);
      }
      cookies.set('sg_account', value);
      cookies.set('sg_account.sig', cookies.get('sg_second_step.sig') ?? '');
      expect((await call('/profile')).status).toBe(401);
      expect(
        (await server.pool.query('select id from waiting_sign_ins')).rows.join(),
      ).not.toContain(value);
    });

    test('a code is good once, and an older one not after a newer one', async () => {
      const someone = await prepared(); // with the code of the step before
      const first = await askedFor(someone);
      const code = codeOf(someone.seed);
      await giveCode(first.browser, first.page, { code });
      const second = await askedFor(someone);
      for (const used of [code, codeOf(someone.seed, -1)]) {
        const answer = await giveCode(second.browser, second.page, { code: used });
        expect(answer.status).toBe(422);
        expect(answer.text).toContain('wrong, or it was used before');
      }
      expect(await isSignedIn(second.browser, server)).toBe(false);
      const next = { code: codeOf(someone.seed, 1) };
      expect((await giveCode(second.browser, second.page, next)).status).toBe(200);
      expect(await isSignedIn(second.browser, server)).toBe(true);
    });

    test('the code that set it up is a used one', async () => {
      const someone = await prepared();
      const { browser, page } = await askedFor(someone);
      const answer = await giveCode(browser, page, { code: codeOf(someone.seed, -1) });
      expect(answer.status).toBe(422);
    });

    test.each([
      [-2, 422],
      [-1, 200],
      [0, 200],
      [1, 200],
      [2, 422],
    ])('a clock that is %i steps off: %i', async (steps, status) => {
      const someone = await prepared();
      await forgetSteps(server.pool, someone.account.id);
      const { browser, page } = await askedFor(someone);
      const answer = await giveCode(browser, page, { code: codeOf(someone.seed, steps) });
      expect(answer.status).toBe(status);
    });

    test('a recovery code takes its place, once; a letter says how many are left', async () => {
      const someone = await prepared();
      const [code = '', other = ''] = someone.recoveryCodes;
      const first = await askedFor(someone);
      const typed = ` ${code.toUpperCase().replaceAll('-', ' ')}`;
      const back = await giveCode(first.browser, first.page, { recovery_code: typed });
      expect(back.url).toBe(`${server.baseUrl}/profile`);
      expect((await letters(someone)).at(-1)).toBe(
        'A recovery code was used to sign in. 9 are left.',
      );
      expect(await actsOf(server.pool, someone.account.id)).toContain('recovery_code.used');
      const second = await askedFor(someone);
      const again = await giveCode(second.browser, second.page, { recovery_code: code });
      expect(again.status).toBe(422);
      expect(again.text).toMatch(/<details class="field" open>/);
      const inTheOtherField = await giveCode(second.browser, second.page, { code: other });
      expect(inTheOtherField.status).toBe(200);
    });

    test('of twenty with one code at once, on two instances, one comes in', async () => {
      const second = await startInstance({ databaseUrl, baseUrl: server.baseUrl });
      try {
        for (const kind of ['code', 'recovery_code'] as const) {
          const someone = await prepared();
          const fields = {
            [kind]: kind === 'code' ? codeOf(someone.seed) : someone.recoveryCodes[0],
          };
          const waiting: { browser: Browser; page: Page }[] = [];
          for (let n = 0; n < 20; n += 1) waiting.push(await askedFor(someone));
          await Promise.all(
            waiting.map(({ browser, page }, n) => {
              const origin = n % 2 ? second.address : server.baseUrl;
              return giveCode(through(browser, origin), page, fields as { code: string });
            }),
          );
          const inside = await server.pool.query(
            `select count(*)::int as n from audit
             where actor_id = $1 and action = 'sign_in.succeeded'`,
            [someone.account.id],
          );
          expect(inside.rows[0].n).toBe(2); // and the one before there was a second factor
        }
      } finally {
        await second.close();
      }
    }, 60_000);

    test('after five wrong codes the password must be given again', async () => {
      const someone = await prepared();
      const { browser, page } = await askedFor(someone);
      for (let n = 0; n < 5; n += 1) {
        expect((await giveCode(browser, page, { code: '000000' })).status).toBe(422);
      }
      const late = await giveCode(browser, page, { code: codeOf(someone.seed) });
      expect(late.status).toBe(422);
      expect(late.text).toContain('This sign-in has ended. Give your password again.');
      expect(late.text).toContain('type="password"');
      expect(await failuresOf(someone.account.id)).toEqual(
        Array(5).fill('second_factor.failed: wrong code'),
      );
    });

    test('twenty wrong codes for one account wait, over all sign-ins, but not on a known device', async () => {
      const someone = await prepared();
      const guess = async (code: string, given?: Awaited<ReturnType<typeof askedFor>>) => {
        const { browser, page } = given ?? (await askedFor(someone));
        return giveCode(browser, page, { code });
      };
      for (let n = 0; n < 20; n += 1) {
        await forgetPasswordCounts();
        expect((await guess('000000')).status).toBe(422);
      }
      await forgetPasswordCounts();
      const refused = await guess(codeOf(someone.seed));
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await guess(codeOf(someone.seed))).status).toBe(429);
      const failures = await failuresOf(someone.account.id);
      expect(failures.filter((line) => line.includes('too many'))).toHaveLength(1);

      const own = someone.browser; // it has signed in here before
      await submitTo(own, await someone.open('/profile'), '/sign-out');
      const given = { email: someone.account.email, password };
      const page = await givePassword(own, server.baseUrl, given);
      expect((await giveCode(own, page, { code: codeOf(someone.seed) })).status).toBe(200);
    }, 30_000);

    test('what waited for more than five minutes has ended', async () => {
      const someone = await prepared();
      const { browser, page } = await askedFor(someone);
      await server.pool.query(
        `update waiting_sign_ins set expires_at = expires_at - interval '5 minutes'
         where account_id = $1`,
        [someone.account.id],
      );
      const late = await giveCode(browser, page, { code: codeOf(someone.seed) });
      expect(late.text).toContain('This sign-in has ended.');
      expect(await isSignedIn(browser, server)).toBe(false);
    });

    test.each([
      [
        'the password was changed',
        async (someone: Person) => {
          await send(someone, '/profile/password', { password: anotherPassword });
        },
      ],
      [
        'the second factor was turned off',
        async (someone: Person) => {
          await submitTo(someone.browser, await someone.open(path), `${path}/remove`);
        },
      ],
    ])('so has what was begun before %s', async (_, change) => {
      const someone = await prepared();
      const { browser, page } = await askedFor(someone);
      await change(someone);
      const late = await giveCode(browser, page, { code: codeOf(someone.seed) });
      expect(late.status).toBe(422);
      expect(late.text).toContain('This sign-in has ended.');
      expect(await isSignedIn(browser, server)).toBe(false);
    });

    test('in another browser it does not go on', async () => {
      const someone = await prepared();
      await askedFor(someone);
      const thief = newBrowser(server.baseUrl);
      const form = await thief.open(`${server.baseUrl}/sign-in/code?return_to=/profile`);
      expect(form.url).toBe(`${server.baseUrl}/sign-in?return_to=%2Fprofile`);
      const asIf = {
        ...form,
        text: form.text.replace('action="/sign-in"', 'action="/sign-in/code"'),
      };
      const answer = await giveCode(thief, asIf, { code: codeOf(someone.seed) });
      expect(answer.status).toBe(422);
      expect(await isSignedIn(thief, server)).toBe(false);
    });

    test('a wrong password and an unknown address are answered as for everybody', async () => {
      const someone = await prepared();
      const refused = async (email: string) => {
        const browser = newBrowser(server.baseUrl);
        const page = await givePassword(browser, server.baseUrl, { email, password: 'wrong' });
        return samePage(page, email);
      };
      const unknown = await refused(`${crypto.randomUUID()}@example.com`);
      expect(await refused(someone.account.email)).toBe(unknown);
      expect(unknown).not.toContain('one-time-code');
    });

    test('a fresh sign-in asks for both again', async () => {
      const someone = await prepared();
      await makeStale(server.pool, someone.account.id);
      const form = await someone.open('/profile/email');
      expect(form.status).toBe(401);
      const given = { email: someone.account.email, password };
      const page = await submitTo(someone.browser, form, '/sign-in', given);
      expect(asksForCode(page)).toBe(true);
      expect((await someone.open('/profile/email')).status).toBe(401);
      const still = await someone.open('/sign-in/code?return_to=/profile/email');
      const back = await giveCode(someone.browser, still, { code: codeOf(someone.seed) });
      expect(back).toMatchObject({ status: 200, url: `${server.baseUrl}/profile/email` });
    });

    test('a new password by letter signs nobody in, and does not take it away', async () => {
      const someone = await prepared();
      const { email } = someone.account;
      const browser = newBrowser(server.baseUrl);
      await submitTo(browser, await browser.open(`${server.baseUrl}/forgot`), '/forgot', { email });
      const link = await fromLetter(server.pool, email, 'link');
      const set = await browser.open(link);
      await submitTo(browser, set, new URL(link).pathname, { password: anotherPassword });
      expect(await isSignedIn(browser, server)).toBe(false);
      const { page } = await askedFor(someone, anotherPassword);
      expect(asksForCode(page)).toBe(true);
    });
  });

  test('is given up: the password opens again, other sessions end, a letter and an act say so', async () => {
    const someone = await prepared();
    const { browser, page } = await askedFor(someone);
    await giveCode(browser, page, { code: codeOf(someone.seed) });
    const done = await submitTo(someone.browser, await someone.open(path), `${path}/remove`);
    expect(done.text).toContain('Your password alone opens your account again.');
    expect(await isSignedIn(browser, server)).toBe(false);
    expect((await askedFor(someone)).page.url).toBe(`${server.baseUrl}/profile`);
    expect((await letters(someone)).at(-1)).toContain('The authenticator app was removed');
    expect(await actsOf(server.pool, someone.account.id)).toContain('second_factor.removed');
  });

  test('has new recovery codes made: the old ones end, a letter and an act say so', async () => {
    const someone = await prepared();
    const shown = await submitTo(
      someone.browser,
      await someone.open(path),
      `${path}/recovery-codes`,
    );
    const [fresh = ''] = recoveryCodesOn(shown);
    expect(someone.recoveryCodes).not.toContain(fresh);
    const { browser, page } = await askedFor(someone);
    const old = await giveCode(browser, page, { recovery_code: someone.recoveryCodes[0] ?? '' });
    expect(old.status).toBe(422);
    expect((await giveCode(browser, page, { recovery_code: fresh })).status).toBe(200);
    expect((await letters(someone)).slice(-2)).toEqual([
      'New recovery codes were made: the earlier ones no longer work.',
      'A recovery code was used to sign in. 9 are left.',
    ]);
    expect(await actsOf(server.pool, someone.account.id)).toContain('recovery_codes.made');
  });

  const forgetPasswordCounts = () =>
    server.pool.query(`delete from throttles where key like 'sign-in:%'`);

  /** The same cookies, sent to another instance. */
  const through = (browser: Browser, address: string): Browser => ({
    open: (url, init) => browser.open(url.replace(server.baseUrl, address), init),
  });
});
