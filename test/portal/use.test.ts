import { createPasswords } from '../../src/base/passwords.ts';
import { useCard } from '../../src/portal/use-card.ts';
import type { Product } from '../../src/products/product.ts';
import { anApi } from '../gateway/stage.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aRefusal, someCalls } from '../support/use.ts';
import { aSubscriber, type Subscriber } from './subscriber.ts';

const october = '/use?by=day&on=2025-10';
const at = (day: number, hour = 9) => new Date(Date.UTC(2025, 9, day, hour));

describe('use, as a team sees it', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const aCaller = async (given: Partial<Product> = {}) => {
    const product = await aProduct(server.pool, { name: 'Read Records', ...given });
    const someone = await aSubscriber(server, passwords, { product });
    const known = {
      teamId: someone.team.id,
      productId: product.id,
      subscriptionId: someone.subscription.id,
    };
    return { ...someone, known };
  };
  const read = async ({ open }: Pick<Subscriber, 'open'>, path = october) =>
    (await open(path)).text.replace(/\s+/g, ' ');
  /** Of the tables: each row as its cells. */
  const rows = (text: string): string[][] =>
    [...text.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = '']) =>
      [...row.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g)].map(([, cell = '']) =>
        cell.replace(/<[^>]+>/g, '').trim(),
      ),
    );
  const row = (text: string, name: string): string[] | undefined =>
    rows(text)
      .find(([first]) => first?.startsWith(name))
      ?.slice(1);

  test('asks whoever is signed out to sign in', async () => {
    for (const path of ['/use', '/use/calls.csv', '/use/refusals', '/use/refusals/req_x']) {
      const answer = await newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });

  test('without calls it says so, and how that changes', async () => {
    const text = await read(await aCaller(), '/use');
    expect(text).toContain('No calls.');
    expect(text).not.toContain('<svg');
  });

  test('is counted by day with refused calls and test users apart, in a chart and a table', async () => {
    const someone = await aCaller();
    const { known } = someone;
    await someCalls(server.pool, { ...known, hour: at(3), calls: 1_200 });
    await someCalls(server.pool, { ...known, hour: at(3, 23), calls: 30, testUser: true });
    await someCalls(server.pool, { ...known, hour: at(3), calls: 4, outcome: 'rate_limited' });
    await someCalls(server.pool, { ...known, hour: at(4, 0), calls: 7 });
    const text = await read(someone);
    expect(text).toContain('<h2 id="calls">October 2025</h2>');
    expect(text).toContain(
      'aria-label="Calls a day, October 2025: 1,241 in all, 4 of them refused. Most: 3 October, 1,234."',
    );
    expect(row(text, '3 October')).toEqual(['1,234', '4', '30']);
    expect(row(text, '4 October')).toEqual(['7', '0', '0']);
    expect(row(text, '5 October')).toEqual(['0', '0', '0']);
    expect(rows(text).filter(([name]) => name?.endsWith(' October'))).toHaveLength(31);
    expect(text).toContain('<strong>1,241 calls</strong>');
    expect(text).not.toMatch(/style=|<style|<script/);
  });

  test('is counted by hour and by month too, and one leads to the other', async () => {
    const someone = await aCaller();
    await someCalls(server.pool, { ...someone.known, hour: at(3), calls: 12 });
    const day = await read(someone);
    const closer = /<a href="([^"]+)">3 October</.exec(day)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const hours = await read(someone, closer);
    expect(hours).toContain('<h2 id="calls">3 October 2025</h2>');
    expect(row(hours, '09:00')).toEqual(['12', '0', '0']);
    const months = await read(someone, '/use?by=month&on=2025');
    expect(row(months, 'October 2025')).toEqual(['12', '0', '0']);
    expect(rows(months).filter(([name]) => name?.endsWith(' 2025'))).toHaveLength(12);
    expect(months).toContain('on=2024&amp;of=product">Earlier');
  });

  test('is told apart by product, application, API, operation and outcome, and narrowed to one of them', async () => {
    const someone = await aCaller();
    const client = await aClient(server.pool, {
      name: 'Night <b>Batch</b>',
      subscriptions: [someone.subscription],
    });
    const known = {
      ...someone.known,
      hour: at(5),
      apiId: 'gone-api',
      operation: 'GET /Patient/{id}',
    };
    await someCalls(server.pool, { ...known, clientId: client.id, calls: 40 });
    await someCalls(server.pool, { ...known, calls: 2 });
    await someCalls(server.pool, { ...known, operation: '', calls: 3, outcome: 'forbidden' });
    const of = (dimension: string) => read(someone, `${october}&of=${dimension}`);
    expect(row(await of('product'), 'Read Records')).toEqual(['45', '3', '0']);
    const applications = await of('application');
    expect(row(applications, 'Night &lt;b&gt;Batch')).toEqual(['40', '0', '0']);
    expect(row(applications, 'No application: a key alone')).toEqual(['5', '3', '0']);
    expect(row(await of('api'), 'gone-api')).toEqual(['45', '3', '0']);
    const operations = await of('operation');
    expect(row(operations, 'GET /Patient/{id}')).toEqual(['42', '0', '0']);
    expect(row(operations, 'None that the API')).toEqual(['3', '3', '0']);
    expect(row(await of('outcome'), 'Refused: not allowed')).toEqual(['3', '3', '0']);

    const narrowed = await read(someone, `${october}&application=${client.id}`);
    expect(narrowed).toContain('Application: <strong>Night &lt;b&gt;Batch&lt;/b&gt;</strong>');
    expect(narrowed).toContain('<strong>40 calls</strong>');
    const link =
      /<a href="([^"]+)"><code>GET/.exec(operations)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(await read(someone, link)).toContain('<strong>42 calls</strong>');
  });

  test('can be of test users only, or without them', async () => {
    const someone = await aCaller();
    await someCalls(server.pool, { ...someone.known, hour: at(6), calls: 5, testUser: true });
    await someCalls(server.pool, { ...someone.known, hour: at(6), calls: 8 });
    expect(await read(someone, `${october}&tests=only`)).toContain('<strong>5 calls</strong>');
    expect(await read(someone, `${october}&tests=without`)).toContain('<strong>8 calls</strong>');
  });

  test('of others there is nothing, neither calls nor names', async () => {
    const other = await aCaller({ name: 'Hidden from strangers' });
    await server.pool.query(`update products set visibility = 'invited' where id = $1`, [
      other.known.productId,
    ]);
    const client = await aClient(server.pool, {
      name: 'Secret plan',
      subscriptions: [other.subscription],
    });
    await someCalls(server.pool, { ...other.known, clientId: client.id, hour: at(7), calls: 99 });
    const someone = await aCaller();
    const { teamId, productId, subscriptionId } = other.known;
    for (const [name, id] of Object.entries({
      team: teamId,
      product: productId,
      subscription: subscriptionId,
      application: client.id,
    })) {
      const text = await read(someone, `${october}&${name}=${id}`);
      expect(text).toContain('No calls that fit.');
      for (const words of ['Hidden', 'Secret plan', 'Priya Nair team</strong>']) {
        expect(text).not.toContain(words);
      }
      const file = await someone.open(`/use/calls.csv?by=day&on=2025-10&${name}=${id}`);
      expect(file.text.split('\r\n')).toHaveLength(2); // the head, and nothing
    }
  });

  test('of several teams all is counted, with the teams told apart', async () => {
    const someone = await aCaller();
    const second = await aTeam(server.pool, { name: 'Second team', members: [someone.account] });
    await someCalls(server.pool, { ...someone.known, hour: at(8), calls: 1 });
    await someCalls(server.pool, { ...someone.known, teamId: second.id, hour: at(8), calls: 2 });
    const text = await read(someone, `${october}&of=team`);
    expect(row(text, 'Second team')).toEqual(['2', '0', '0']);
    expect(row(text, 'Priya Nair team')).toEqual(['1', '0', '0']);
  });

  test('a long list has a second page', async () => {
    const someone = await aCaller();
    for (let n = 0; n < 23; n += 1) {
      await someCalls(server.pool, {
        ...someone.known,
        hour: at(9),
        apiId: 'a',
        operation: `GET /thing-${n}`,
        calls: 100 - n,
      });
    }
    const first = await read(someone, `${october}&of=operation`);
    expect(first.match(/GET \/thing-/g)).toHaveLength(20);
    const more = /href="([^"]+)">Fewer calls/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await read(someone, more);
    expect(second.match(/GET \/thing-/g)).toHaveLength(3);
    expect(second).toContain('Most calls</a>');
  });

  test('is downloaded as CSV that no spreadsheet takes for formulas', async () => {
    const someone = await aCaller({ name: '=HYPERLINK("https://evil.example")' });
    await someCalls(server.pool, {
      ...someone.known,
      hour: at(10),
      calls: 17,
      operation: 'GET /a',
    });
    const file = await someone.open('/use/calls.csv?by=day&on=2025-10');
    expect(file.headers.get('content-type')).toContain('text/csv');
    expect(file.headers.get('content-disposition')).toContain('calls-2025-10.csv');
    const [head, line] = file.text.split('\r\n');
    expect(head).toMatch(/^hour,environment,team_id,.*,test_user,calls$/);
    expect(line).toContain('2025-10-10T09:00:00.000Z,sandbox,');
    expect(line).toContain(`"'=HYPERLINK(""https://evil.example"")"`);
    expect(line).toMatch(/GET \/a,allowed,false,17$/);
  });

  test('a file of many lines is whole, in order, and has each line once', async () => {
    const someone = await aCaller();
    const { teamId, productId } = someone.known;
    await server.pool.query(
      `insert into use_hours (hour, environment, team_id, product_id, operation, outcome, calls)
       select '2025-10-11T00:00:00Z'::timestamptz + make_interval(hours => n % 24), 'sandbox', $1, $2,
         'GET /' || n, 'allowed', n + 1 from generate_series(0, 2499) as n`,
      [teamId, productId],
    );
    const file = await someone.open('/use/calls.csv?by=day&on=2025-10');
    const lines = file.text.trim().split('\r\n').slice(1);
    expect(lines).toHaveLength(2_500);
    expect(new Set(lines).size).toBe(2_500);
    const hours = lines.map((line) => line.slice(0, 24));
    expect(hours).toEqual([...hours].sort());
  });

  test.each([
    '?by=x&on=y&of=z',
    '?from=99999999',
    '?product[]=a',
    '?tests=perhaps&on=2025-02-31&by=hour',
    '?operation=x',
  ])('an address that makes no sense is a page all the same: %s', async (query) => {
    expect((await (await aCaller()).open(`/use${query}`)).status).toBe(200);
  });

  test('a subscription’s page shows its last thirty days and how much of the quota is used', async () => {
    const someone = await aCaller({ quota: { calls: 50_000, seconds: 2_592_000 } });
    expect(await read(someone, someone.path)).toContain('No calls in the last 30 days.');
    const yesterday = new Date(Date.now() - 86_400_000);
    await someCalls(server.pool, { ...someone.known, calls: 18_204 });
    await someCalls(server.pool, { ...someone.known, calls: 3, outcome: 'over_quota' });
    await someCalls(server.pool, { ...someone.known, hour: yesterday, calls: 100, testUser: true });
    const text = await read(someone, someone.path);
    expect(text).toContain(
      '<strong>18,307 calls</strong> in the last 30 days, 3 of them refused, 100 by test users.',
    );
    expect(text).toContain('18,204 of 50,000 calls of its quota. It starts anew: ');
    expect(text).toContain(
      `href="/use/refusals?subscription=${someone.subscription.id}">Why were calls refused?`,
    );
    expect(text).toContain('<rect class="ok" width="36" height="4"/>');
  });

  test('a quota counts from the period that runs', async () => {
    const someone = await aCaller();
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000);
    await someCalls(server.pool, { ...someone.known, hour: day(20), calls: 400 });
    await someCalls(server.pool, { ...someone.known, hour: day(10), calls: 77 });
    const card = await useCard(server.pool, {
      owner: someone.team.id,
      subscriptionId: someone.subscription.id,
      teamId: someone.team.id,
      productId: someone.subscription.productId,
      quota: { calls: 1_000, seconds: 2_592_000 },
      countedFrom: day(45), // a trigger lets no test set it
    });
    expect(card).toMatchObject({
      total: '477 calls',
      quota: { words: expect.stringContaining('77 of 1,000 calls of its quota.'), percent: 8 },
    });
  });

  test('an API that no product of theirs opens is told by its ID alone', async () => {
    const someone = await aCaller();
    const product = await aProduct(server.pool);
    const hidden = await anApi(server.pool, { products: [product], name: 'Of a secret pilot' });
    const known = { ...someone.known, apiId: hidden.id, operation: 'GET /a' };
    await someCalls(server.pool, { ...known, hour: at(12), outcome: 'forbidden' });
    const id = await aRefusal(server.pool, { ...known, reason: 'subscription_other_product' });
    const paths = ['&of=api', '&of=operation', `&api=${hidden.id}`].map((more) => october + more);
    for (const path of [...paths, '/use/refusals', `/use/refusals/${id}`]) {
      const text = await read(someone, path);
      expect(text).toContain(hidden.id);
      expect(text).not.toContain('Of a secret pilot');
    }
    await aSubscription(server.pool, { team: someone.team, product });
    for (const path of [...paths, '/use/refusals', `/use/refusals/${id}`]) {
      expect(await read(someone, path)).toContain('Of a secret pilot');
    }
  });

  test('a request that waits has no use yet', async () => {
    const someone = await aCaller({ needsApproval: true });
    expect(await read(someone, someone.path)).not.toContain('id="use"');
  });

  test('home says how many calls there were this month', async () => {
    const someone = await aCaller();
    const pilot = await aProduct(server.pool, { name: 'Pilot' });
    await aSubscription(server.pool, { team: someone.team, product: pilot });
    await someCalls(server.pool, { ...someone.known, calls: 1_300 });
    await someCalls(server.pool, { ...someone.known, hour: at(1), calls: 5 });
    const text = await read(someone, '/');
    expect(text).toContain(`<a href="${someone.path}#use">1,300 calls`);
    expect(text).toContain('<span class="muted">none</span><br>');
  });
});
