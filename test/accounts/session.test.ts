import type { Account } from '../../src/accounts/account.ts';
import { labelOf } from '../../src/accounts/session.ts';
import { createSessions } from '../../src/accounts/session-cookie.ts';
import {
  deleteEndedSessions,
  deleteSession,
  deleteSessionsOf,
  findOpenSession,
  listSessionsOf,
} from '../../src/accounts/session-store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { digest } from '../../src/base/secrets.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount } from '../support/seed.ts';
import { atTheDoor, cookiesOf, enter, knock, look, startDoors } from './doors.ts';

const password = 'the kettle is on again';

describe('a session on our own pages', () => {
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

  const aPerson = async (): Promise<{ account: Account; cookies: string; id: string }> => {
    const account = await anAccount(pool, { passwordHash });
    const cookies = await enter(doors, { email: account.email, password });
    return { account, cookies, id: idIn(cookies) };
  };
  const valueIn = (cookies: string) => /sg_account=([^;]+)/.exec(cookies)?.[1] ?? '';
  const idIn = (cookies: string) => digest(valueIn(cookies)).toString('base64url');
  const statusOf = async (cookies: string, path = '/private') =>
    (await look(doors, path, cookies)).status;
  const move = (id: string, column: string, ago: string) =>
    pool.query(`update account_sessions set ${column} = now() - interval '${ago}' where id = $1`, [
      id,
    ]);

  test('opens what needs a sign-in, and its cookie is nowhere in the database', async () => {
    const { cookies, id, account } = await aPerson();
    expect(valueIn(cookies)).toMatch(/^[\w-]{43}$/);
    expect(await statusOf(cookies)).toBe(200);
    const [session] = await listSessionsOf(pool, account.id);
    expect(session).toMatchObject({ id, fresh: true, address: '127.0.0.1' });
    expect(JSON.stringify(session)).not.toContain(valueIn(cookies));
  });

  test.each([
    ['seen within the last two hours', 'seen_at', '119 minutes', 200],
    ['not seen for two hours', 'seen_at', '121 minutes', 401],
    ['begun less than twelve hours ago', 'created_at', '719 minutes', 200],
    ['begun twelve hours ago', 'created_at', '721 minutes', 401],
  ])('%s answers so', async (_, column, ago, status) => {
    const { cookies, id, account } = await aPerson();
    await move(id, column, ago);
    expect(await listSessionsOf(pool, account.id)).toHaveLength(status === 200 ? 1 : 0);
    expect(await statusOf(cookies)).toBe(status);
  });

  test('what has ended is cleared away, and nothing else', async () => {
    const idle = await aPerson();
    const old = await aPerson();
    const open = await aPerson();
    await move(idle.id, 'seen_at', '3 hours');
    await move(old.id, 'created_at', '13 hours');
    await deleteEndedSessions(pool);
    const { rows } = await pool.query('select id from account_sessions where id = any ($1)', [
      [idle.id, old.id, open.id],
    ]);
    expect(rows).toEqual([{ id: open.id }]);
  });

  test('is kept alive by use, noted at most once a minute', async () => {
    const { cookies, id } = await aPerson();
    const seen = async () => (await findOpenSession(pool, id))?.seenAt.getTime() ?? 0;
    await move(id, 'seen_at', '50 seconds');
    const before = await seen();
    await statusOf(cookies);
    expect(await seen()).toBe(before);
    await move(id, 'seen_at', '70 seconds');
    await statusOf(cookies);
    expect(await seen()).toBeGreaterThan(before);
  });

  test('what matters asks for the password again after ten minutes', async () => {
    const { cookies, id, account } = await aPerson();
    await move(id, 'authenticated_at', '9 minutes');
    expect(await statusOf(cookies, '/guarded')).toBe(200);
    await move(id, 'authenticated_at', '11 minutes');
    const page = await look(doors, '/guarded', cookies);
    expect(page.status).toBe(401);
    const text = await page.text();
    expect(text).toContain('Give your password again');
    expect(text).toContain(`value="${account.email}"`);
    expect(text).toContain('name="return_to" value="/guarded"');
    expect(await statusOf(cookies)).toBe(200); // the rest stays open
    const program = await look(doors, '/guarded', cookies, { headers: { accept: '*/*' } });
    expect(await program.json()).toMatchObject({ error: 'sign_in_again' });
  });

  test('gets a new id at every sign-in, and the old one is worth nothing', async () => {
    const { cookies, account, id } = await aPerson();
    await move(id, 'authenticated_at', '11 minutes');
    const text = await (await look(doors, '/guarded', cookies)).text();
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
    const again = await knock(doors, { cookies, csrf }, { email: account.email, password });
    const renewed = cookiesOf(again, cookies);
    expect(idIn(renewed)).not.toBe(id);
    expect(await statusOf(renewed, '/guarded')).toBe(200);
    expect(await statusOf(cookies)).toBe(401);
    expect(await listSessionsOf(pool, account.id)).toHaveLength(1);
  });

  test('one that somebody else planted never becomes ours', async () => {
    const thief = await aPerson();
    const victim = await anAccount(pool, { passwordHash, name: 'Victor Victim' });
    const planted = await atTheDoor(doors);
    const cookies = `${planted.cookies}; ${thief.cookies.match(/sg_account[^;]*/g)?.join('; ')}`;
    const answer = await knock(doors, { ...planted, cookies }, { email: victim.email, password });
    expect(answer.status).toBe(303);
    expect(idIn(cookiesOf(answer, cookies))).not.toBe(thief.id);
    expect(await statusOf(thief.cookies)).toBe(401);
  });

  test.each([
    ['made up', (cookies: string) => cookies.replace(valueIn(cookies), 'A'.repeat(43))],
    ['without its signature', (cookies: string) => cookies.replace(/; sg_account\.sig=[^;]*/, '')],
    [
      'with another’s signature',
      (cookies: string) => cookies.replace(/(account\.sig=)..../, '$1AAAA'),
    ],
  ])('a cookie that is %s opens nothing', async (_, spoilt) => {
    const { cookies } = await aPerson();
    expect(spoilt(cookies)).not.toBe(cookies);
    expect(await statusOf(spoilt(cookies))).toBe(401);
  });

  test('nobody has one whose address is not verified', async () => {
    const unverified = await anAccount(pool, { passwordHash, emailVerified: false });
    const begun = createSessions({ pool, https: false }).begin(
      {
        cookies: { get: () => undefined, set: () => {} },
        state: {},
        get: () => '',
        ip: '',
      } as never,
      pool,
      unverified.id,
    );
    await expect(begun).rejects.toMatchObject({ code: 'not_verified' });

    const { cookies, account } = await aPerson();
    await pool.query('update accounts set email_verified_at = null where id = $1', [account.id]);
    expect(await statusOf(cookies)).toBe(401);
  });

  test('signing out ends it here and only here', async () => {
    const { cookies, account } = await aPerson();
    const elsewhere = await enter(doors, { email: account.email, password });
    const csrf = /value="([^"]+)"/.exec(await (await look(doors, '/', cookies)).text())?.[1] ?? '';
    const out = await look(doors, '/sign-out', cookies, {
      method: 'POST',
      body: new URLSearchParams({ csrf }),
    });
    expect(out.status).toBe(303);
    expect(cookiesOf(out, cookies)).not.toContain('sg_account');
    expect(await statusOf(cookies)).toBe(401);
    expect(await statusOf(elsewhere)).toBe(200);
  });

  test('its owner ends one, or all but this one; nobody else does', async () => {
    const here = await aPerson();
    const fields = { email: here.account.email, password };
    const there = await enter(doors, fields);
    const third = await enter(doors, fields);
    const stranger = await aPerson();

    const foreign = { id: idIn(there), accountId: stranger.account.id };
    expect(await deleteSession(pool, foreign)).toBe(false);
    expect(await statusOf(there)).toBe(200);
    expect(await deleteSession(pool, { id: idIn(there), accountId: here.account.id })).toBe(true);
    expect(await statusOf(there)).toBe(401);

    await deleteSessionsOf(pool, here.account.id, { except: here.id });
    expect([await statusOf(here.cookies), await statusOf(third)]).toEqual([200, 401]);
    await deleteSessionsOf(pool, here.account.id);
    expect(await statusOf(here.cookies)).toBe(401);
    expect(await statusOf(stranger.cookies)).toBe(200);
  });

  test('a sign-in under way when the password changes does not survive it', async () => {
    const { email, id } = await anAccount(pool, { passwordHash });
    const newHash = await passwords.hash('something else entirely');
    const change = await pool.connect();
    try {
      await change.query('begin');
      await change.query('update accounts set password_hash = $2 where id = $1', [id, newHash]);
      await deleteSessionsOf(change, id);
      const visitor = await atTheDoor(doors);
      const answer = knock(doors, visitor, { email, password }); // it sees the old hash, then waits
      await new Promise((resolve) => setTimeout(resolve, 300));
      await change.query('commit');
      expect((await answer).status).toBe(422);
      expect(await listSessionsOf(pool, id)).toEqual([]);
    } finally {
      change.release();
    }
  });

  test('its cookie is out of reach of scripts, of other sites, and under https of other names', async () => {
    const { email } = await anAccount(pool, { passwordHash });
    const plainly = await knock(doors, await atTheDoor(doors), { email, password });
    const line = (answer: Response, name: string) =>
      answer.headers.getSetCookie().find((one) => one.startsWith(`${name}=`)) ?? '';
    expect(line(plainly, 'sg_account')).toMatch(
      /^sg_account=[\w-]{43}; path=\/; samesite=lax; httponly$/i,
    );

    const proxied = await startDoors({ pool, passwords, behindProxy: 'https://auth.example' });
    try {
      const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'auth.example' };
      const visitor = await atTheDoor(proxied, { headers });
      const answer = await knock(proxied, visitor, { email, password }, headers);
      expect(answer.status).toBe(303);
      const flags = /; path=\/;( expires=[^;]+;)? samesite=lax; secure; httponly$/i;
      for (const name of ['__Host-sg_account', '__Host-sg_account.sig', '__Host-sg_device']) {
        expect(line(answer, name)).toMatch(flags);
      }
      expect(line(answer, '__Host-sg_account')).not.toMatch(/expires|domain/i);
      expect(visitor.cookies).toMatch(/^__Host-sg_csrf=/);
      expect(answer.headers.getSetCookie().join()).not.toMatch(/(^|,)sg_/);
      const inside = await look(proxied, '/private', cookiesOf(answer), { headers });
      expect(inside.status).toBe(200);
    } finally {
      await proxied.close();
    }
  });

  test.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
      'Chrome on Android',
    ],
    ['curl/8.5.0', 'A browser'],
    ['', 'A browser'],
  ])('%s is called %s', (userAgent, label) => {
    expect(labelOf(userAgent)).toBe(label);
  });
});
