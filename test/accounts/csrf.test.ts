import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount } from '../support/seed.ts';
import { atTheDoor, cookiesOf, csrfIn, enter, knock, look, startDoors } from './doors.ts';

const password = 'the kettle is on again';

describe('forms that were not sent from our page', () => {
  const pool = useDatabase();
  const passwords = createPasswords();
  let doors: Awaited<ReturnType<typeof startDoors>>;
  let email: string;
  beforeAll(async () => {
    doors = await startDoors({ pool, passwords });
    ({ email } = await anAccount(pool, { passwordHash: await passwords.hash(password) }));
  });
  afterAll(async () => {
    await doors.close();
    passwords.close();
  });

  const fields = () => ({ email, password });
  const homeCsrf = async (cookies: string) =>
    csrfIn(await (await look(doors, '/', cookies)).text());
  const change = (cookies: string, csrf: string, headers: Record<string, string> = {}) =>
    look(doors, '/private/form', cookies, {
      method: 'POST',
      headers: { 'x-csrf': csrf, ...headers },
    });
  const codeOf = async (answer: Response) => /<code>(\w+)<\/code>/.exec(await answer.text())?.[1];

  test('a token fits every form of the browser it was given to, until it signs out', async () => {
    const cookies = await enter(doors, fields());
    const csrf = await homeCsrf(cookies);
    expect((await change(cookies, csrf)).status).toBe(200);
    expect((await change(cookies, csrf)).status).toBe(200);
  });

  test.each(['', 'made-up', 'A'.repeat(43)])('the token "%s" signs nobody in', async (csrf) => {
    const { cookies } = await atTheDoor(doors);
    const answer = await knock(doors, { cookies, csrf }, fields());
    expect(answer.status).toBe(403);
    expect(await codeOf(answer)).toBe('cross_origin');
    expect(answer.headers.getSetCookie().join()).not.toContain('sg_account');
  });

  test('a token without the cookie it belongs to signs nobody in', async () => {
    const { csrf } = await atTheDoor(doors);
    expect((await knock(doors, { cookies: '', csrf }, fields())).status).toBe(403);
  });

  test('a cookie that we did not sign is none', async () => {
    const { cookies, csrf } = await atTheDoor(doors);
    const unsigned = cookies.replace(/; sg_csrf\.sig=[^;]*/, '');
    expect(unsigned).not.toBe(cookies);
    expect((await knock(doors, { cookies: unsigned, csrf }, fields())).status).toBe(403);
  });

  test('another browser’s token signs nobody in', async () => {
    const mine = await atTheDoor(doors);
    const theirs = await atTheDoor(doors);
    const answer = await knock(doors, { ...mine, csrf: theirs.csrf }, fields());
    expect(answer.status).toBe(403);
    expect((await knock(doors, mine, fields())).status).toBe(303);
  });

  test('another session’s token changes nothing', async () => {
    const mine = await enter(doors, fields());
    const theirs = await enter(doors, fields());
    expect((await change(mine, await homeCsrf(theirs))).status).toBe(403);
  });

  test('a token from before the sign-in changes nothing after it, but signs in from a second tab', async () => {
    const first = await atTheDoor(doors);
    const cookies = cookiesOf(await knock(doors, first, fields()), first.cookies);
    expect((await change(cookies, first.csrf)).status).toBe(403);
    expect((await change(cookies, await homeCsrf(cookies))).status).toBe(200);
    expect((await knock(doors, { cookies, csrf: first.csrf }, fields())).status).toBe(303);
  });

  test('a token of an earlier session changes nothing in the next one', async () => {
    const cookies = await enter(doors, fields());
    const old = await homeCsrf(cookies);
    const next = cookiesOf(await knock(doors, { cookies, csrf: old }, fields()), cookies);
    expect((await change(next, old)).status).toBe(403);
    const out = await look(doors, '/sign-out', next, {
      method: 'POST',
      body: new URLSearchParams({ csrf: old }),
    });
    expect(out.status).toBe(403);
    expect((await look(doors, '/private', next)).status).toBe(200);
  });

  test.each([
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['no Origin that says anything', { origin: 'null' }],
    ['another site, says the browser', { 'sec-fetch-site': 'cross-site' }],
    ['a sister site, says the browser', { 'sec-fetch-site': 'same-site' }],
    ['a foreign page', { referer: 'https://evil.example/form' }],
  ])('%s is refused, however right the token', async (_, headers) => {
    const visitor = await atTheDoor(doors);
    expect((await knock(doors, visitor, fields(), headers)).status).toBe(403);
    const cookies = await enter(doors, fields());
    expect((await change(cookies, await homeCsrf(cookies), headers)).status).toBe(403);
  });

  test('protocol endpoints are called from anywhere', async () => {
    const answer = await fetch(`${doors.address}/sandbox/token`, {
      method: 'POST',
      headers: { origin: 'https://client.example', 'sec-fetch-site': 'cross-site' },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/^invalid_/) });
  });

  test('a page without a form gives no cookie', async () => {
    const answer = await look(doors, '/', '');
    expect(answer.headers.getSetCookie()).toEqual([]);
    const nowhere = await look(doors, '/nowhere', '');
    expect(nowhere.headers.getSetCookie()).toEqual([]);
  });
});
