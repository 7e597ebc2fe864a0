import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { anAdministrator } from '../admin/support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { someCalls } from '../support/use.ts';
import { actsOf } from './profile-support.ts';
import { aSubscriber } from './subscriber.ts';

const september = new Date('2025-09-30T23:00:00Z');
const october = new Date('2025-10-01T00:00:00Z');
const november = new Date('2025-11-01T00:00:00Z');

describe('what calls cost', () => {
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
    const product = await aProduct(server.pool, { environment: 'live', name: 'Read', ...given });
    const someone = await aSubscriber(server, passwords, { product });
    const known = {
      teamId: someone.team.id,
      productId: product.id,
      subscriptionId: someone.subscription.id,
      environment: 'live' as const,
      hour: october,
    };
    return { ...someone, product, known };
  };
  const price = { includedCalls: 10_000, perThousand: '0.45', currency: 'EUR' };
  type Reader = { open(path: string): Promise<{ text: string }> };
  const read = async ({ open }: Reader, path: string) =>
    (await open(path)).text.replace(/\s+/g, ' ');

  test('is told by month and live product, from what was let through', async () => {
    const someone = await aCaller({ price });
    await someCalls(server.pool, { ...someone.known, calls: 18_204 });
    await someCalls(server.pool, { ...someone.known, calls: 99, outcome: 'over_quota' });
    await someCalls(server.pool, { ...someone.known, hour: september, calls: 7 });
    await someCalls(server.pool, { ...someone.known, hour: november, calls: 8 });
    const text = await read(someone, '/use/statements?month=2025-10');
    for (const words of [
      '<h2 id="month">October 2025</h2>',
      '>18,204<',
      '>10,000<',
      '>8,204<',
      '>EUR 0.45<',
      '<strong>EUR 3.69</strong></td>',
      '<strong>EUR 3.69</strong> in all.',
    ]) {
      expect(text).toContain(words);
    }
    const file = await someone.open('/use/statements.csv?month=2025-10');
    expect(file.headers.get('content-type')).toContain('text/csv');
    expect(file.text.split('\r\n')[1]).toBe(
      `2025-10,${someone.team.id},Priya Nair team,${someone.product.id},Read,18204,10000,8204,0.45,EUR,3.69`,
    );
    expect(await read(someone, '/use/statements?month=2025-09')).toContain('>7<');
  });

  test('says where a product has no price, and where there were no calls', async () => {
    const someone = await aCaller();
    expect(await read(someone, '/use/statements')).toContain('No calls of live products.');
    await someCalls(server.pool, { ...someone.known, calls: 5 });
    const text = await read(someone, '/use/statements?month=2025-10');
    expect(text).toContain('no price');
    expect(text).not.toContain('in all.');
    const file = await someone.open('/use/statements.csv?month=2025-10');
    expect(file.text).toContain(',Read,5,,,,,\r\n');
  });

  test('leaves the sandbox out, and other teams', async () => {
    const other = await aCaller({ price, name: 'Of others' });
    await someCalls(server.pool, { ...other.known, calls: 5 });
    const someone = await aCaller({ price });
    await someCalls(server.pool, { ...someone.known, environment: 'sandbox', calls: 5 });
    const text = await read(someone, '/use/statements?month=2025-10');
    expect(text).toContain('No calls of live products.');
    expect((await someone.open('/use/statements.csv?month=2025-10')).text).not.toContain(
      'Of others',
    );
  });

  test('is of the month before this one, unless another is asked for; a month that runs is told so far', async () => {
    const someone = await aCaller();
    const now = new Date();
    const name = (months: number) =>
      new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(
        Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months),
      );
    expect(await read(someone, '/use/statements')).toContain(`<h2 id="month">${name(1)}</h2>`);
    expect(await read(someone, '/use/statements?month=2025-13')).toContain(name(1));
    const running = await read(someone, `/use/statements?month=${now.toISOString().slice(0, 7)}`);
    expect(running).toContain(`<h2 id="month">${name(0)}</h2>`);
    expect(running).toContain('This month is not over');
  });

  test('of all teams is the desk’s, in pages whose totals are of the whole month, and downloads are remembered', async () => {
    const helen = await anAdministrator(server, passwords, ['approver']);
    const someone = await aCaller();
    const hour = new Date('2024-05-01T00:00:00Z');
    for (let n = 10; n < 38; n += 1) {
      const product = await aProduct(server.pool, {
        name: `Product ${n}`,
        environment: 'live',
        price: { includedCalls: 0, perThousand: '1000', currency: n % 2 ? 'EUR' : 'JPY' },
      });
      await someCalls(server.pool, { ...someone.known, productId: product.id, hour, calls: 1 });
    }
    const first = await read(helen, '/admin/use/statements?month=2024-05');
    expect(first.match(/>Product \d+</g)).toHaveLength(25);
    expect(first).toContain('<strong>EUR 14.00</strong> in all. <strong>JPY 14</strong> in all.');
    const more = /href="([^"]+)">Next page/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await read(helen, more);
    expect(second.match(/>Product \d+</g)).toHaveLength(3);
    const file = await helen.open('/admin/use/statements.csv?month=2024-05');
    expect(file.text.trim().split('\r\n')).toHaveLength(29);
    expect(await actsOf(server.pool, helen.account.id)).toContain('use.downloaded');
  });

  test('calls are told to billing as CloudEvents, the same ones whenever one asks', async () => {
    const someone = await aCaller();
    await someCalls(server.pool, { ...someone.known, calls: 12, operation: 'GET /a' });
    await someCalls(server.pool, { ...someone.known, calls: 3, testUser: true });
    await someCalls(server.pool, { ...someone.known, hour: new Date(), calls: 4 }); // not over yet
    const path = (kind: string) => `/use/calls.${kind}?by=day&on=2025-10`;
    const lines = await someone.open(path('jsonl'));
    expect(lines.headers.get('content-type')).toContain('application/x-ndjson');
    const events = lines.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toHaveLength(2);
    expect(events).toContainEqual({
      specversion: '1.0',
      type: 'sandgate.use.v1',
      source: server.baseUrl,
      id: expect.stringMatching(/^.{32,}$/),
      time: '2025-10-01T00:00:00.000Z',
      subject: someone.subscription.id,
      datacontenttype: 'application/json',
      data: expect.objectContaining({ operation: 'GET /a', calls: 12, test_user: false }),
    });
    const batch = await someone.open(path('json'));
    expect(batch.headers.get('content-type')).toContain('application/cloudevents-batch+json');
    expect(JSON.parse(batch.text)).toEqual(events);
    const today = await someone.open('/use/calls.json?by=hour');
    expect(JSON.parse(today.text)).toEqual([]);
  });

  test('a batch of more events than one question brings is still one array', async () => {
    const someone = await aCaller();
    const { teamId, productId } = someone.known;
    await server.pool.query(
      `insert into use_hours (hour, environment, team_id, product_id, operation, outcome, calls)
       select '2025-10-11T00:00:00Z', 'live', $1, $2, 'GET /' || n, 'allowed', 1
       from generate_series(1, 2001) as n`,
      [teamId, productId],
    );
    const batch = await someone.open('/use/calls.json?by=day&on=2025-10');
    const ids = JSON.parse(batch.text).map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(2_001);
  });
});
