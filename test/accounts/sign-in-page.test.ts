import { listActsOf } from '../../src/audit/store.ts';
import { Busy } from '../../src/base/errors.ts';
import { createPasswords, needsRehash, type Passwords } from '../../src/base/passwords.ts';
import { useDatabase } from '../support/database.ts';
import { newBrowser, submit } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { atTheDoor, cookiesOf, csrfIn, enter, knock, look, startDoors } from './doors.ts';

const password = 'the kettle is on again';
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

describe('signing in on our own pages', () => {
  const pool = useDatabase();
  const passwords = createPasswords();
  let doors: Awaited<ReturnType<typeof startDoors>>;
  let passwordHash: string;
  beforeAll(async () => {
    doors = await startDoors({ pool, passwords });
    passwordHash = await passwords.hash(password);
  });
  afterAll(async () => {
    await doors.close();
    passwords.close();
  });
  const aPerson = (given = {}) => anAccount(pool, { passwordHash, ...given });
  const newcomers = () => pool.query('select count(*)::int as n from throttles');

  test('a person signs in, sees their name in the bar, and signs out', async () => {
    const { email } = await aPerson({ name: 'Priya <Nair>' });
    const browser = newBrowser(doors.baseUrl);
    const form = await browser.open(`${doors.baseUrl}/sign-in`);
    expect(form.status).toBe(200);
    const home = await submit(browser, form, { email, password });
    expect(home.url).toBe(`${doors.baseUrl}/`);
    expect(home.text).toContain('Priya &lt;Nair&gt;');
    expect(home.text).toContain('href="/profile"');
    expect(home.text).not.toContain('href="/sign-in');
    const again = await browser.open(`${doors.baseUrl}/sign-in?return_to=/private`);
    expect(again.url).toBe(`${doors.baseUrl}/private`); // nothing to do there
    const out = await submit(browser, home, {});
    expect(out.url).toBe(`${doors.baseUrl}/`);
    expect(out.text).not.toContain('Priya');
    expect(out.text).toContain('href="/sign-in"');
  });

  test('a page that needs a sign-in shows the form in its place, and comes afterwards', async () => {
    const { email } = await aPerson({ name: 'Priya Nair' });
    const browser = newBrowser(doors.baseUrl);
    const form = await browser.open(`${doors.baseUrl}/private?tab=2`);
    expect(form).toMatchObject({ status: 401, url: `${doors.baseUrl}/private?tab=2` });
    expect(form.headers.get('cache-control')).toBe('no-store');
    expect(form.text).toMatch(/href="\/forgot\b/);
    expect(form.text).toContain('href="/register?return_to=%2Fprivate%3Ftab%3D2"');
    const wrong = await submit(browser, form, { email, password: 'wrong' });
    const page = await submit(browser, wrong, { email, password });
    expect(page).toMatchObject({ url: `${doors.baseUrl}/private?tab=2`, status: 200 });
    expect(page.text).toBe('This is for Priya Nair.');
  });

  test('a program is told in JSON, without a form', async () => {
    const answer = await look(doors, '/private', '', { headers: { accept: 'application/json' } });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: 'sign_in' });
  });

  test('a form sent after the session has ended leads back to the page it stood on', async () => {
    const send = async (referer: string) => {
      const answer = await look(doors, '/private/form', '', {
        method: 'POST',
        headers: { referer },
      });
      expect([401, 403]).toContain(answer.status);
      return /name="return_to" value="([^"]*)"/.exec(await answer.text())?.[1];
    };
    expect(await send(`${doors.baseUrl}/private?tab=2`)).toBe('/private?tab=2');
    expect(await send('https://evil.example/private')).toBeUndefined(); // not even looked at
  });

  test.each([
    ['a wrong password', { password: 'mistyped' }],
    ['an unknown address', { email: 'nobody@example.com' }],
    ['an address that is not verified', { email: 'unverified@example.com' }],
    ['an account without a password', { email: 'passwordless@example.com' }],
    ['a password longer than anyone types', { password: 'x'.repeat(5000) }],
    ['an address longer than any', { email: `${'x'.repeat(5000)}@example.com` }],
  ])('%s is answered with the one sentence, and what was typed stays', async (_, given) => {
    await aPerson({ email: 'unverified@example.com', emailVerified: false });
    await anAccount(pool, { email: 'passwordless@example.com' });
    const known = await aPerson({ email: 'known@example.com' });
    const fields = { email: known.email, password, ...given };
    const answer = await knock(doors, await atTheDoor(doors), { ...fields, return_to: '/private' });
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain('<title>Error: Sign in');
    expect(text).toContain('role="alert" id="problem">Email or password is wrong.</p>');
    expect(text).toContain(`name="email" type="email" value="${fields.email}"`);
    expect(text).toContain('name="return_to" value="/private"');
    expect(text).not.toContain(fields.password);
    expect(answer.headers.getSetCookie().join()).not.toContain('sg_account');
  });

  test('the answers to a known and an unknown address differ in the address alone', async () => {
    const { email } = await aPerson();
    const visitor = await atTheDoor(doors);
    const wrong = async (address: string) => {
      const answer = await knock(doors, visitor, { email: address, password: 'wrong' });
      const headers = [...answer.headers].filter(([name]) => !/^(date|x-request-id)$/.test(name));
      const cookies = headers.map(([name, value]) => [
        name,
        value.replace(/sg_device(\.sig)?=[^;]+/g, 'sg_device$1=…'),
      ]);
      return { cookies, text: (await answer.text()).replaceAll(address, '…') };
    };
    const unknown = `${crypto.randomUUID()}@example.com`;
    expect(await wrong(email)).toEqual(await wrong(unknown));
  });

  test('half a form is said so, and costs no attempt', async () => {
    const { rows: before } = await newcomers();
    for (const fields of [{ email: 'half@example.com' }, { password: 'half' }, {}]) {
      const answer = await knock(doors, await atTheDoor(doors), fields as Record<string, string>);
      expect(answer.status).toBe(422);
      expect(await answer.text()).toContain('Fill in both fields.');
    }
    expect((await newcomers()).rows).toEqual(before);
  });

  describe('the way back', () => {
    test.each([
      ['/private', '/private'],
      ['/private?a=1&b=%2F%2Fevil.example#part', '/private?a=1&b=%2F%2Fevil.example#part'],
      ['/private/my%20page', '/private/my%20page'],
      ['//evil.example', '/'],
      ['///evil.example', '/'],
      ['/\\evil.example', '/'],
      ['\\\\evil.example', '/'],
      ['/%2Fevil.example', '/'],
      ['/%5Cevil.example', '/'],
      ['%2F%2Fevil.example', '/'],
      ['/\t/evil.example', '/'],
      ['/\n/evil.example', '/'],
      ['\t//evil.example', '/'],
      [' //evil.example', '/'],
      ['/.//evil.example', '/'],
      ['/x/..//evil.example', '/'],
      ['/%2e//evil.example', '/'],
      ['/./\\evil.example', '/'],
      ['/%', '/'],
      ['https://evil.example', '/'],
      ['https:evil.example', '/'],
      ['javascript:alert(1)', '/'],
      ['//evil.example@127.0.0.1', '/'],
      ['evil.example', '/'],
      ['', '/'],
    ])('%j leads to %s', async (given, leadsTo) => {
      const { email } = await aPerson();
      const visitor = await atTheDoor(doors);
      const answer = await knock(doors, visitor, { email, password, return_to: given });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, leadsTo]);

      const inside = cookiesOf(answer, visitor.cookies);
      const query = new URLSearchParams({ return_to: given });
      const passed = await look(doors, `/sign-in?${query}`, inside);
      expect(passed.headers.get('location')).toBe(leadsTo);
    });

    test('two of them are none, nor is one longer than any', async () => {
      const { email } = await aPerson();
      const cookies = await enter(doors, { email, password });
      const long = await look(doors, `/sign-in?return_to=/${'x'.repeat(3000)}`, cookies);
      expect(long.headers.get('location')).toBe('/');
      const passed = await look(doors, '/sign-in?return_to=/a&return_to=/b', cookies);
      expect(passed.headers.get('location')).toBe('/');
    });
  });

  test('too many attempts at one name wait, right or wrong, and nobody else does', async () => {
    const { email, id } = await aPerson();
    const visitor = await atTheDoor(doors);
    for (let n = 0; n < 20; n += 1) {
      const answer = await knock(doors, visitor, { email, password: 'wrong' });
      expect(answer.status).toBe(422);
    }
    const answer = await knock(doors, visitor, { email: email.toUpperCase(), password });
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(200);
    const text = await answer.text();
    expect(text).toMatch(/Too many attempts\. Try again in \d minutes\./);
    expect(text).toContain(email.toUpperCase());
    expect((await listActsOf(pool, id, { limit: 1 }))[0]).toMatchObject({
      action: 'sign_in.failed',
      reason: 'too many attempts',
    });
    const other = await aPerson();
    await enter(doors, { email: other.email, password });
  });

  test('a right password clears the count', async () => {
    const { email } = await aPerson();
    const visitor = await atTheDoor(doors);
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 12; n += 1) await knock(doors, visitor, { email, password: 'wrong' });
      await enter(doors, { email, password });
    }
  });

  test('with the hashing full, the form comes back and says when to try again', async () => {
    const full = async () => {
      throw new Busy('passwords_busy', 'Too many people are signing in just now.', 2);
    };
    const busy = { ...passwords, verify: full, dummyVerify: full } as Passwords;
    const crowded = await startDoors({ pool, passwords: busy });
    try {
      const { email } = await aPerson();
      const answer = await knock(crowded, await atTheDoor(crowded), { email, password });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
      expect(await answer.text()).toContain(`value="${email}"`);
    } finally {
      await crowded.close();
    }
  });

  test('the trail says who came in, who failed and who left, from where', async () => {
    const { email, id } = await aPerson();
    const headers = { 'user-agent': firefox };
    const visitor = await atTheDoor(doors);
    await knock(doors, visitor, { email, password: 'mistyped secret' }, headers);
    const cookies = await enter(doors, { email, password }, { headers });
    const csrf = csrfIn(await (await look(doors, '/', cookies)).text());
    const body = new URLSearchParams({ csrf });
    await look(doors, '/sign-out', cookies, { method: 'POST', body });

    const common = { address: '127.0.0.1', requestId: expect.stringMatching(/^req_/) };
    const acts = await listActsOf(pool, id);
    expect(acts).toEqual([
      expect.objectContaining({ ...common, action: 'sign_out', actorId: id }),
      expect.objectContaining({
        ...common,
        action: 'sign_in.succeeded',
        actorId: id,
        detail: { device: 'Firefox on Linux' },
      }),
      expect.objectContaining({
        ...common,
        action: 'sign_in.failed',
        actorKind: 'stranger',
        actorId: null,
        subjectId: id,
      }),
    ]);
    expect(JSON.stringify(acts)).not.toMatch(/mistyped/);
  });

  test('a failure at an unknown address is on the trail, without what was typed', async () => {
    const typed = 'a password in the wrong field';
    await knock(doors, await atTheDoor(doors), { email: typed, password: 'x' });
    const { rows } = await pool.query('select * from audit order by id desc limit 1');
    expect(rows[0]).toMatchObject({ action: 'sign_in.failed', subject_id: null });
    expect(JSON.stringify(rows)).not.toContain('wrong field');
  });

  describe('a letter about a new device', () => {
    const lettersTo = async (email: string) =>
      (
        await pool.query(
          'select template, data from letters where recipient = $1 order by number',
          [email],
        )
      ).rows;

    test('goes out for another browser, not for the first sign-in and not for a known one', async () => {
      const { email } = await aPerson({ name: 'Priya Nair' });
      const fields = { email, password };
      const headers = { 'user-agent': firefox };
      const first = await enter(doors, fields, { headers });
      expect(await lettersTo(email)).toEqual([]);
      const cookies = first.replace(/sg_account[^;]*(; )?/g, '');
      await enter(doors, fields, { cookies, headers });
      const updated = { 'user-agent': firefox.replaceAll('140', '141') };
      await enter(doors, fields, { cookies, headers: updated });
      expect(await lettersTo(email)).toEqual([]);

      await enter(doors, fields, { headers });
      expect(await lettersTo(email)).toHaveLength(1);
      await enter(doors, fields, { cookies, headers: { 'user-agent': 'curl/8 (Windows)' } });
      const letters = await lettersTo(email);
      expect(letters).toHaveLength(2); // a copied cookie in another kind of browser
      expect(letters[1]).toMatchObject({
        template: 'new-device',
        data: {
          name: 'Priya Nair',
          where: '127.0.0.1',
          browser: 'A browser on Windows',
          sessionsLink: `${doors.baseUrl}/profile`,
        },
      });
    });

    test('one account’s browser is new to another account', async () => {
      const [a, b] = [await aPerson(), await aPerson()];
      await enter(doors, { email: b.email, password });
      const cookies = (await enter(doors, { email: a.email, password })).replace(
        /sg_account[^;]*(; )?/g,
        '',
      );
      await enter(doors, { email: b.email, password }, { cookies });
      expect(await lettersTo(b.email)).toHaveLength(1);
    });
  });

  test('a hash of weaker parameters is made anew at the next sign-in, and only then', async () => {
    const { hash } = await import('argon2');
    const weak = await hash(password, { timeCost: 1, memoryCost: 8192, parallelism: 1 });
    expect([needsRehash(weak), needsRehash(passwordHash)]).toEqual([true, false]);
    const { email, id } = await anAccount(pool, { passwordHash: weak });
    const stored = async (): Promise<string> =>
      (await pool.query('select password_hash from accounts where id = $1', [id])).rows[0]
        .password_hash;

    await knock(doors, await atTheDoor(doors), { email, password: 'wrong' });
    expect(await stored()).toBe(weak);
    await enter(doors, { email, password });
    const renewed = await stored();
    expect(needsRehash(renewed)).toBe(false);
    await enter(doors, { email, password });
    expect(await stored()).toBe(renewed);
  });
});

describe('what the time of an answer tells', () => {
  const pool = useDatabase();
  const real = createPasswords();
  let hashes = 0;
  const counting: Passwords = {
    ...real,
    verify: (...given) => {
      hashes += 1;
      return real.verify(...given);
    },
    dummyVerify: (given) => {
      hashes += 1;
      return real.dummyVerify(given);
    },
  };
  let doors: Awaited<ReturnType<typeof startDoors>>;
  let passwordHash: string;
  beforeAll(async () => {
    doors = await startDoors({ pool, passwords: counting });
    passwordHash = await real.hash(password);
  });
  afterAll(async () => {
    await doors.close();
    real.close();
  });

  test('every failure costs exactly one hash', async () => {
    const known = await anAccount(pool, { passwordHash });
    const unverified = await anAccount(pool, { passwordHash, emailVerified: false });
    const passwordless = await anAccount(pool);
    const visitor = await atTheDoor(doors);
    const tries = [
      [known.email, 'wrong'],
      ['nobody@example.com', password],
      [unverified.email, password],
      [passwordless.email, password],
    ];
    for (const [email = '', typed = ''] of tries) {
      hashes = 0;
      const answer = await knock(doors, visitor, { email, password: typed });
      expect([email, answer.status, hashes]).toEqual([email, 422, 1]);
    }
  });

  test('is the same for known, unknown and unverified addresses, within 30 %', async () => {
    const visitor = await atTheDoor(doors);
    const once = async (email: string): Promise<number> => {
      const began = performance.now();
      const answer = await knock(doors, visitor, { email, password: 'wrong' });
      await answer.arrayBuffer();
      expect(answer.status).toBe(422);
      return performance.now() - began;
    };
    const kinds = {
      known: async () => (await anAccount(pool, { passwordHash })).email,
      unknown: async () => `${crypto.randomUUID()}@example.com`,
      unverified: async () => (await anAccount(pool, { passwordHash, emailVerified: false })).email,
    };
    const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1] ?? 0;

    /** How far the medians of one batch lie apart, as a share of the known one's. */
    const spread = async (): Promise<number> => {
      const times = { known: [] as number[], unknown: [] as number[], unverified: [] as number[] };
      for (let n = 0; n < 15; n += 1) {
        for (const kind of ['known', 'unknown', 'unverified'] as const) {
          times[kind].push(await once(await kinds[kind]())); // in turns, so that a slow moment hits all
        }
      }
      const known = median(times.known);
      const others = [median(times.unknown), median(times.unverified)];
      return Math.max(...others.map((other) => Math.abs(other - known) / known));
    };

    for (let n = 0; n < 5; n += 1) await once('warm@example.com');
    for (let batch = 0; batch < 3; batch += 1) {
      let least = Number.POSITIVE_INFINITY;
      // A machine busy with other tests disturbs a batch now and then; a hash left out, every time.
      for (let take = 0; take < 8 && least >= 0.3; take += 1) {
        least = Math.min(least, await spread());
      }
      expect(least).toBeLessThan(0.3);
    }
  }, 120_000);
});
