import type pg from 'pg';
import type { Price } from '../../src/products/product.ts';
import { eventLinesOf, finalUntil, type UseEvent } from '../../src/usage/export.ts';
import type { UseFilter } from '../../src/usage/report-query.ts';
import { amountOf, statementLineOf, totalsOf } from '../../src/usage/statement.ts';
import { listCallsOfMonth } from '../../src/usage/statement-store.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aProduct, aTeam } from '../support/seed.ts';

const pool = useDatabase();
beforeEach(() => pool.query('truncate use_hours'));

/** `calls` in an hour, of `team` to `product` unless it says otherwise. */
const counted = (
  db: pg.Pool,
  given: {
    hour: string;
    team?: string;
    product?: string;
    subscription?: string;
    operation?: string;
    outcome?: string;
    environment?: string;
    calls?: number;
  },
) =>
  db.query(
    `insert into use_hours (hour, environment, team_id, product_id, subscription_id, client_id, api_id,
       operation, outcome, test_user, calls)
     values ($1, $2, $3, $4, $5, 'client', 'api', $6, $7, false, $8)`,
    [
      given.hour,
      given.environment ?? 'live',
      given.team ?? 'team',
      given.product ?? 'product',
      given.subscription ?? 'subscription',
      given.operation ?? '',
      given.outcome ?? 'allowed',
      given.calls ?? 1,
    ],
  );

describe('use as CloudEvents', () => {
  const source = 'https://login.example.com';
  const filter = Object.fromEntries(
    'team product subscription application api operation outcome environment tests'
      .split(' ')
      .map((name) => [name, null]),
  ) as UseFilter; // all of its fields are here
  const exported = async (now: string, given: { owner?: string; until?: string } = {}) => {
    const wanted = {
      owner: given.owner ?? null,
      filter,
      from: new Date('2026-11-01T00:00:00Z'),
      until: new Date(given.until ?? '2026-12-01T00:00:00Z'),
    };
    let text = '';
    for await (const lines of eventLinesOf(pool, wanted, { source, now: new Date(now) })) {
      text += lines;
    }
    const lines = text.split('\n');
    expect(lines.pop()).toBe('');
    return lines.map((line): UseEvent => JSON.parse(line));
  };

  test('say what was counted, in the words of the specification', async () => {
    await counted(pool, { hour: '2026-11-02T10:00:00Z', operation: 'GET /x', calls: 12 });
    const [event, ...more] = await exported('2026-11-03T00:00:00Z');
    expect(more).toEqual([]);
    expect(event).toEqual({
      specversion: '1.0',
      type: 'sandgate.use.v1',
      source,
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      time: '2026-11-02T10:00:00.000Z',
      subject: 'subscription',
      datacontenttype: 'application/json',
      data: {
        environment: 'live',
        team: 'team',
        product: 'product',
        client: 'client',
        api: 'api',
        operation: 'GET /x',
        outcome: 'allowed',
        test_user: false,
        calls: 12,
      },
    });
  });

  test('leave out an hour while it may grow, and bear the same ids ever after', async () => {
    await counted(pool, { hour: '2026-11-02T10:00:00Z', calls: 5 });
    await counted(pool, { hour: '2026-11-02T11:00:00Z', calls: 6 });
    await counted(pool, { hour: '2026-11-02T11:00:00Z', operation: 'GET /x', calls: 7 });
    expect(await exported('2026-11-02T11:19:59Z')).toEqual([]);
    const first = await exported('2026-11-02T11:20:00Z');
    expect(first.map(({ data }) => data.calls)).toEqual([5]);
    expect((await exported('2026-11-02T12:19:59Z')).length).toBe(1);
    const later = await exported('2026-11-02T12:20:00Z');
    expect(later.map(({ data }) => data.calls)).toEqual([5, 6, 7]);
    expect(later[0]).toEqual(first[0]);
    expect(new Set(later.map(({ id }) => id)).size).toBe(3);
    expect(finalUntil(new Date('2026-11-02T00:19:59Z')).toISOString()).toBe(
      '2026-11-01T23:00:00.000Z',
    );
  });

  test('go no further than asked, past one batch, and name no subscription where there was none', async () => {
    await pool.query(
      `insert into use_hours (hour, operation, outcome, calls)
       select '2026-11-02T10:00:00Z', 'GET /' || n, 'unauthorized', 1 from generate_series(1, 2300) n`,
    );
    await counted(pool, { hour: '2026-11-03T00:00:00Z' });
    const events = await exported('2026-11-05T00:00:00Z', { until: '2026-11-03T00:00:00Z' });
    expect(events).toHaveLength(2300);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2300);
    expect(events.every((event) => !('subject' in event))).toBe(true);
  });

  test('of a team are its own', async () => {
    await counted(pool, { hour: '2026-11-02T10:00:00Z' });
    await counted(pool, { hour: '2026-11-02T10:00:00Z', team: 'other' });
    const events = await exported('2026-11-05T00:00:00Z', { owner: 'other' });
    expect(events.map(({ data }) => data.team)).toEqual(['other']);
  });
});

describe('a month’s statement', () => {
  const price = (given: Partial<Price> = {}): Price => ({
    includedCalls: 1_000,
    perThousand: '1.25',
    currency: 'EUR',
    ...given,
  });

  test.each<[string, number, Partial<Price>, string]>([
    ['nothing beyond what is included', 1_000, {}, '0.00'],
    ['a thousand', 2_000, {}, '1.25'],
    ['a part of a thousand by its part', 1_500, {}, '0.63'], // 0.625: the half goes up
    ['less than half a cent', 1_003, {}, '0.00'],
    ['0.1 and 0.2, where floats err', 4_000, { includedCalls: 0, perThousand: '0.0035' }, '0.01'],
    [
      'more than a float can tell apart',
      9_007_199_254_740_991,
      { includedCalls: 0, perThousand: '0.0001' },
      '900719925.47',
    ],
    ['the dearest price', 1_000_001_000, { perThousand: '99999999.9999' }, '99999999999900.00'],
    ['yen, which have no parts', 3_000, { currency: 'JPY', perThousand: '12.75' }, '26'],
    ['dinars, which have thousandths', 3_000, { currency: 'KWD', perThousand: '0.0625' }, '0.125'],
    ['a whole price', 3_000, { perThousand: '100' }, '200.00'],
  ])('%s', (_, calls, given, amount) => {
    expect(amountOf(calls, price(given))).toBe(amount);
  });

  test('adds up by team and live product: calls let through, of the month', async () => {
    const ada = await anAccount(pool);
    const team = await aTeam(pool, { name: 'Apothecary', members: [ada] });
    const other = await aTeam(pool, { name: 'Bakery' });
    const sold = await aProduct(pool, { environment: 'live', name: 'Sold', price: price() });
    const free = await aProduct(pool, { environment: 'live', name: 'Free' });
    const november = { hour: '2026-11-30T23:00:00Z', team: team.id, product: sold.id };
    await counted(pool, { ...november, calls: 700 });
    await counted(pool, { ...november, subscription: 'an earlier one', calls: 800 });
    await counted(pool, { ...november, hour: '2026-11-01T00:00:00Z', calls: 500 });
    await counted(pool, { ...november, product: free.id, calls: 9 });
    await counted(pool, { ...november, team: other.id, calls: 1_001 });
    await counted(pool, { ...november, product: 'gone', calls: 3 });
    for (const left of [
      { outcome: 'rate_limited' },
      { environment: 'sandbox' },
      { team: '' },
      { hour: '2026-12-01T00:00:00Z' },
      { hour: '2026-10-31T23:00:00Z' },
    ]) {
      await counted(pool, { ...november, ...left, calls: 10_000 });
    }
    const asked = { owner: null, month: '2026-11-01', after: 0, limit: 10 };
    const lines = (await listCallsOfMonth(pool, asked)).map(statementLineOf);
    expect(
      lines.map(({ teamName, productName, calls, billable, amount }) => [
        teamName,
        productName,
        calls,
        billable,
        amount,
      ]),
    ).toEqual([
      ['Apothecary', 'Free', 9, 0, null],
      ['Apothecary', 'Sold', 2_000, 1_000, '1.25'],
      ['Apothecary', null, 3, 0, null],
      ['Bakery', 'Sold', 1_001, 1, '0.00'],
    ]);
    const own = await listCallsOfMonth(pool, { ...asked, owner: ada.id, after: 1, limit: 1 });
    expect(own).toEqual([
      {
        teamId: team.id,
        teamName: 'Apothecary',
        productId: sold.id,
        productName: 'Sold',
        calls: 2_000,
        price: price(),
      },
    ]);
    expect(await listCallsOfMonth(pool, { ...asked, owner: 'nobody' })).toEqual([]);
  });

  test('sums each currency by itself', () => {
    const line = (calls: number, given: Partial<Price> | null) =>
      statementLineOf({
        teamId: 't',
        teamName: 'T',
        productId: 'p',
        productName: 'P',
        calls,
        price: given && price(given),
      });
    expect(
      totalsOf([
        line(2_000, {}),
        line(5_000, { currency: 'CHF' }),
        line(2_010, {}),
        line(7, null),
        line(2_000, { currency: 'JPY', perThousand: '3' }),
      ]),
    ).toEqual([
      { currency: 'CHF', amount: '5.00' },
      { currency: 'EUR', amount: '2.51' },
      { currency: 'JPY', amount: '3' },
    ]);
  });
});
