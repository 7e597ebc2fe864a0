import { createPasswords } from '../../src/base/passwords.ts';
import { lettersTo, submitTo } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, type Page } from '../support/flow.ts';
import { anAccount } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { actsOf, aPerson, makeStale, send } from './profile-support.ts';
import { aSubscriber, keysOf, type Subscriber } from './subscriber.ts';

describe('the keys on a subscription’s page', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let priya: Subscriber;
  let primary: { id: string; value: string };
  let secondary: { id: string; value: string };

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });
  beforeEach(async () => {
    priya = await aSubscriber(server, passwords);
    [primary, secondary] = (await keysOf(server, priya.subscription.id)) as [
      typeof primary,
      typeof primary,
    ];
  });

  const at = (deed: string) => `${priya.path}/keys/${deed}`;
  const act = (deed: string, fields: Record<string, string>) =>
    send(priya, priya.path, fields, deed === 'reveal' ? `${at(deed)}#keys` : at(deed));
  const reveal = (key = primary) => act('reveal', { key: key.id });
  const regenerate = (overlap: string, key = primary) =>
    act('regenerate', { key: key.id, overlap });
  const keyActs = async () =>
    (await actsOf(server.pool, priya.account.id)).filter((one) =>
      one.startsWith('subscription_key'),
    );

  test('show their last four characters, when they were made, and that nobody has used them', async () => {
    const { text } = await priya.open(priya.path);
    for (const { value } of [primary, secondary]) {
      expect(text).toContain(value.slice(-4));
      expect(text).not.toContain(value);
      expect(text).not.toContain(value.slice(8, 30));
    }
    expect(text.match(/Made: Today, \d\d:\d\d UTC\. Never used\./g)).toHaveLength(2);
  });

  test('are revealed one at a time, on this answer only, and that is in the trail', async () => {
    const page = await reveal();
    expect(page.status).toBe(200);
    expect(page.text).toContain(`>${primary.value}</code>`);
    expect(page.text).not.toContain(secondary.value);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.url).not.toContain('sg_');
    expect(await keyActs()).toEqual(['subscription_key.revealed']);
    expect(page.text).toContain('The primary key revealed by you');
    expect((await priya.open(priya.path)).text).not.toContain(primary.value);
    const reloaded = await priya.open(at('reveal'));
    expect(reloaded.url).toBe(`${server.baseUrl}${priya.path}`);
  });

  test('are revealed to whoever has just given their password, and to no older session', async () => {
    const page = await priya.open(priya.path);
    await makeStale(server.pool, priya.account.id);
    const answer = await submitTo(priya.browser, page, `${at('reveal')}#keys`, { key: primary.id });
    expect(answer.status).toBe(401);
    expect(answer.text).toContain('type="password"');
    expect(answer.text).not.toContain(primary.value);
    expect(await keyActs()).toEqual([]);
  });

  test.each([
    ['now', 'stopped'],
    ['1h', 3600],
    ['24h', 86_400],
    ['7d', 604_800],
  ])('made anew with an overlap of %s leave the old one just that', async (overlap, left) => {
    const page = await regenerate(overlap);
    expect(page.url).toBe(`${server.baseUrl}${priya.path}?done=regenerated#keys`);
    expect(page.text).toContain('The new key is made.');
    const { rows } = await server.pool.query(
      'select extract(epoch from expires_at - now())::int as left from subscription_keys where id = $1',
      [primary.id],
    );
    const [next, other] = await keysOf(server, priya.subscription.id);
    expect(next?.value).not.toBe(primary.value);
    expect(other).toEqual(secondary);
    expect(page.text).not.toContain(next?.value);
    if (left === 'stopped') {
      expect(rows[0].left).toBeLessThanOrEqual(0);
      expect(page.text).not.toContain('Old primary key');
    } else {
      expect(Math.abs(rows[0].left - Number(left))).toBeLessThanOrEqual(5);
      expect(page.text).toContain(`Old primary key, ending ${primary.value.slice(-4)}`);
    }
  });

  test('an old one that lives on is stopped at once by its button', async () => {
    await regenerate('7d');
    const page = await act('stop', { key: primary.id });
    expect(page.text).toContain('The old key has stopped.');
    expect(page.text).not.toContain('Old primary key,');
    expect(page.text).toContain('Old primary key stopped by you');
    expect(await keyActs()).toEqual(['subscription_key.regenerated', 'subscription_key.stopped']);
  });

  test('of two who make a new one at once, one does and the other is told', async () => {
    const page = await priya.open(priya.path);
    const fields = { key: primary.id, overlap: '1h' };
    const answers = await Promise.all(
      [1, 2, 3].map(() => submitTo(priya.browser, page, at('regenerate'), fields)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const { rows } = await server.pool.query(
      'select slot from subscription_keys where subscription_id = $1',
      [priya.subscription.id],
    );
    expect(rows).toHaveLength(3);
  });

  test('stand in no letter, whoever makes them', async () => {
    await regenerate('24h');
    const letters = await lettersTo(server.pool, priya.account.email);
    expect(letters.map(({ template }) => template)).toContain('key-regenerated');
    for (const { value } of await keysOf(server, priya.subscription.id)) {
      expect(JSON.stringify(letters)).not.toContain(value);
    }
    expect(JSON.stringify(letters)).not.toMatch(/sg_(test|live)_/);
  });

  test('an end of their own is shown, and one that has ended is not made anew', async () => {
    await server.pool.query(
      `update subscription_keys set expires_at = '2020-03-04T10:00Z' where id = $1`,
      [primary.id],
    );
    const { text } = await priya.open(priya.path);
    expect(text).toContain('It ended: 4 March 2020, 10:00 UTC.');
    expect(text.match(/Make a new key/g)).toHaveLength(1);
  });

  type Attempt = (page: Page) => Promise<Page>;
  const sent =
    (deed: string, fields: () => Record<string, string>): Attempt =>
    (page) =>
      submitTo(priya.browser, page, deed === 'reveal' ? `${at(deed)}#keys` : at(deed), fields());
  /** Another's page has no such form: theirs is sent to this address. */
  const byStranger =
    (deed: string, fields: () => Record<string, string>): Attempt =>
    async () => {
      const stranger = await aPerson(server, passwords);
      const csrf = /name="csrf" value="([^"]+)"/.exec((await stranger.open('/profile')).text)?.[1];
      const body = new URLSearchParams({ csrf: csrf ?? '', ...fields() });
      const headers = { origin: server.baseUrl };
      return stranger.browser.open(`${server.baseUrl}${at(deed)}`, {
        method: 'POST',
        body,
        headers,
      });
    };
  const theKey = () => ({ key: primary.id });

  test.each<[string, Attempt, number]>([
    ['another team’s, revealed', byStranger('reveal', theKey), 404],
    [
      'another team’s, made anew',
      byStranger('regenerate', () => ({ ...theKey(), overlap: '1h' })),
      404,
    ],
    ['another team’s, stopped', byStranger('stop', theKey), 404],
    [
      'a page that is not theirs',
      async () => (await aPerson(server, passwords)).open(priya.path),
      404,
    ],
    [
      'nobody signed in',
      (page) => submitTo(newBrowser(server.baseUrl), page, at('regenerate'), theKey()),
      401,
    ],
    [
      'nobody signed in, a page',
      () => newBrowser(server.baseUrl).open(`${server.baseUrl}${priya.path}`),
      401,
    ],
    ['no token', sent('reveal', () => ({ ...theKey(), csrf: 'another' })), 403],
    [
      'no token for a new key',
      sent('regenerate', () => ({ ...theKey(), overlap: '1h', csrf: '' })),
      403,
    ],
    ['no key', sent('reveal', () => ({ key: '' })), 404],
    ['an overlap that is none', sent('regenerate', () => ({ ...theKey(), overlap: '30d' })), 422],
    ['no overlap', sent('regenerate', () => ({ ...theKey(), overlap: '' })), 422],
  ])('refuses %s', async (_, attempt, status) => {
    const answer = await attempt(await priya.open(priya.path));
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain(primary.value);
    expect(await keyActs()).toEqual([]);
    expect((await keysOf(server, priya.subscription.id))[0]).toEqual(primary);
  });

  test('are gone from the page, and revealed to no one, once the subscription is over', async () => {
    const page = await priya.open(priya.path);
    await send(priya, priya.path, {}, `${priya.path}/cancel`);
    const after = await submitTo(priya.browser, page, `${at('reveal')}#keys`, { key: primary.id });
    expect(after.status).toBe(409);
    expect((await priya.open(priya.path)).text).not.toContain(primary.value.slice(-4));
  });

  test('a member who has joined sees and renews them, and one who left does not', async () => {
    const samir = await aPerson(server, passwords, { name: 'Samir Holt' });
    const { pool } = server;
    await pool.query(`insert into team_members values ($1, $2, 'member')`, [
      priya.team.id,
      samir.account.id,
    ]);
    await anAccount(pool);
    const page = await send(samir, priya.path, { key: primary.id }, `${at('reveal')}#keys`);
    expect(page.text).toContain(primary.value);
    expect((await priya.open(priya.path)).text).toContain('The primary key revealed by Samir Holt');
    await pool.query('delete from team_members where account_id = $1', [samir.account.id]);
    expect((await samir.open(priya.path)).status).toBe(404);
  });
});
