import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { keptOfOne, keptOfUnknown } from '../../src/usage/refusal-store.ts';
import { eventually } from '../mail/support.ts';
import { useDatabase, useDatabaseUrl } from '../support/database.ts';
import { aSubscription } from '../support/seed.ts';
import { aCall, aRefusal, newMeter, startWire, useDatabaseWithClock } from './support.ts';

const times = (count: number) => Array.from({ length: count }, (_, index) => index);
const total = async (db: pg.Pool, where = 'true') =>
  Number(
    (await db.query(`select sum(calls) as calls from use_hours where ${where}`)).rows[0].calls,
  );

describe('counting calls', () => {
  const pool = useDatabase();
  beforeEach(() => pool.query('truncate use_hours, use_flushes, refusals'));

  test('one row for all that is told apart, and two instances add up', async () => {
    const two = [newMeter(pool), newMeter(pool)];
    for (const meter of two) {
      for (const _ of times(3)) meter.count(aCall());
      meter.count(aCall({ testUser: true }));
      meter.count(aCall({ operation: 'GET /other' }));
      meter.refuse(aRefusal());
    }
    await Promise.all(two.map((meter) => meter.close()));
    const { rows } = await pool.query(
      `select operation, outcome, test_user, calls::int, environment, team_id, product_id,
         subscription_id, client_id, api_id, hour = date_trunc('hour', now()) as now
       from use_hours order by 1, 2, 3`,
    );
    const same = {
      environment: 'sandbox',
      team_id: 'team',
      product_id: 'product',
      subscription_id: 'subscription',
      client_id: 'client',
      api_id: 'api',
      now: true,
    };
    const patients = { ...same, operation: 'GET /patients/{id}' };
    expect(rows).toEqual([
      { ...same, operation: 'GET /other', outcome: 'allowed', test_user: false, calls: 2 },
      { ...patients, outcome: 'allowed', test_user: false, calls: 6 },
      { ...patients, outcome: 'allowed', test_user: true, calls: 2 },
      { ...patients, outcome: 'forbidden', test_user: false, calls: 2 },
    ]);
  });

  test('is written down by itself while calls go on, every second', async () => {
    const meter = newMeter(pool, { every: 20 });
    for (const _ of times(50)) {
      meter.count(aCall());
      await sleep(3);
    }
    await eventually(async () => (await total(pool)) === 50);
    await meter.close();
    expect(await total(pool)).toBe(50);
    expect(meter.errors).toEqual([]);
  });

  test('takes many different ones in several statements', async () => {
    const meter = newMeter(pool, { batch: 10 });
    for (const index of times(95)) meter.count(aCall({ operation: `GET /${index}` }));
    await meter.close();
    expect((await pool.query('select from use_hours')).rowCount).toBe(95);
    const { rows } = await pool.query('select sequence::int from use_flushes');
    expect(rows).toEqual([{ sequence: 10 }]);
  });

  test('many instances that flush the same rows at once do not lock each other out', async () => {
    const meters = times(8).map(() => newMeter(pool, { every: 5 }));
    for (const _ of times(20)) {
      for (const meter of meters) {
        for (const index of times(30).sort(() => Math.random() - 0.5)) {
          meter.count(aCall({ operation: `GET /${index}` }));
        }
      }
      await sleep(5);
    }
    await Promise.all(meters.map((meter) => meter.close()));
    expect(await total(pool)).toBe(8 * 20 * 30);
    expect(meters.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test('when there are too many different ones to hold, details go first, and what is lost is said', async () => {
    const meter = newMeter(pool, { most: 10 });
    for (const index of times(40)) meter.count(aCall({ operation: `GET /${index}` }));
    for (const index of times(15)) meter.count(aCall({ subscriptionId: `other ${index}` }));
    for (const _ of times(3)) meter.count(aCall({ operation: 'GET /3' }));
    await meter.close();
    // ten in detail, one for the other thirty, and nine of the fifteen
    expect(await total(pool, `subscription_id = 'subscription'`)).toBe(43);
    expect(await total(pool, `subscription_id <> 'subscription'`)).toBe(9);
    expect((await pool.query(`select from use_hours where operation = ''`)).rowCount).toBe(10);
    expect(meter.errors.map(({ message }) => message)).toEqual([
      'no room to hold 6 calls and 0 refusals: they are lost',
    ]);
  });

  test('what no database could store does not keep others from being counted', async () => {
    const meter = newMeter(pool);
    meter.count(aCall({ operation: 'GET /\0x', apiId: 'y'.repeat(5_000), clientId: '\ud800' }));
    meter.refuse(aRefusal({ detail: `kid \0 ${'z'.repeat(5_000)}` }));
    await meter.close();
    expect(meter.errors).toEqual([]);
    expect(await total(pool)).toBe(2);
    const { rows } = await pool.query('select length(detail) as length from refusals');
    expect(rows).toEqual([{ length: 200 }]);
  });

  test('writes down when a key was used last, once a minute', async () => {
    const subscription = await aSubscription(pool);
    const key = async () =>
      (await pool.query(`select last_used_at as at from subscription_keys where id = 'used'`))
        .rows[0].at;
    await pool.query(
      `insert into subscription_keys (id, subscription_id, slot, fingerprint, sealed, last_four)
       values ('used', $1, 'primary', '\\x01', '\\x01', 'abcd')`,
      [subscription.id],
    );
    let now = Date.now();
    const meter = newMeter(pool, { every: 10, now: () => now });
    meter.count(aCall({ keyId: 'used' }));
    const first = await eventually(key);
    expect(Math.abs(Date.now() - first)).toBeLessThan(5_000);

    await pool.query(
      `update subscription_keys set last_used_at = now() - interval '2 minutes' where id = 'used'`,
    );
    meter.count(aCall({ keyId: 'used' }));
    await sleep(100);
    expect(Math.abs(Date.now() - (await key()))).toBeGreaterThan(60_000); // this minute is written
    now += 61_000;
    meter.refuse(aRefusal({ keyId: 'used' }));
    await meter.close();
    expect(Math.abs(Date.now() - (await key()))).toBeLessThan(5_000);
    const other = newMeter(pool);
    const before = await key();
    other.count(aCall({ keyId: 'used' }));
    await other.close();
    expect(await key()).toEqual(before);
  });
});

describe('the hour of a call', () => {
  const { pool, setClock } = useDatabaseWithClock();
  const hours = async () =>
    (
      await pool.query(
        `select to_char(hour at time zone 'UTC', 'HH24:MI') as hour, calls::int from use_hours
         order by 1`,
      )
    ).rows;
  const newMeterAt = (clock: { at: string }) => newMeter(pool, { now: () => Date.parse(clock.at) });
  beforeEach(() => pool.query('truncate use_hours, use_flushes'));

  test('is the one it came in, although it is written down in the next', async () => {
    const clock = { at: '2031-05-05T09:59:59.999Z' };
    const meter = newMeterAt(clock);
    for (const _ of times(3)) meter.count(aCall());
    clock.at = '2031-05-05T10:00:00.000Z';
    meter.count(aCall());
    await setClock('2031-05-05T10:00:00.500Z');
    await meter.close();
    expect(await hours()).toEqual([
      { hour: '09:00', calls: 3 },
      { hour: '10:00', calls: 1 },
    ]);
  });

  test('is that of its coming, where it comes too late or from a clock that is wrong', async () => {
    const clock = { at: '2031-05-05T07:10:00Z' };
    const meter = newMeterAt(clock);
    meter.count(aCall());
    clock.at = '2031-05-05T08:59:00Z';
    meter.count(aCall());
    clock.at = '2031-05-05T13:00:00Z';
    meter.count(aCall());
    await setClock('2031-05-05T10:20:00Z');
    await meter.close();
    expect(await hours()).toEqual([{ hour: '10:00', calls: 3 }]);
  });
});

describe('why calls were refused', () => {
  const pool = useDatabase();
  beforeEach(() => pool.query('truncate use_hours, use_flushes, refusals'));
  const kept = async (subscriptionId: string) =>
    (
      await pool.query(
        'select request_id as id from refusals where subscription_id = $1 order by at, request_id',
        [subscriptionId],
      )
    ).rows.map(({ id }) => id);

  test('is kept whole, once for each request', async () => {
    const two = [newMeter(pool), newMeter(pool)];
    const refusal = aRefusal({ testUser: true, outcome: 'rate_limited', status: 429 });
    for (const meter of two) {
      meter.refuse(refusal);
      await meter.close();
    }
    const { rows } = await pool.query(`select * from refusals`);
    expect(rows).toEqual([
      {
        request_id: refusal.requestId,
        at: expect.any(Date),
        environment: 'sandbox',
        team_id: 'team',
        product_id: 'product',
        subscription_id: 'subscription',
        client_id: 'client',
        api_id: 'api',
        operation: 'GET /patients/{id}',
        outcome: 'rate_limited',
        test_user: true,
        status: 429,
        reason: 'scope_missing',
        detail: 'read',
        gateway_id: 'gateway',
      },
    ]);
  });

  test.each([
    ['a subscription', 'one', keptOfOne],
    ['callers nobody knows', '', keptOfUnknown],
  ])('of %s the newest are kept, over many flushes and within one', async (_, id, most) => {
    let now = Date.now();
    const meter = newMeter(pool, { every: 3_600_000, now: () => now++ });
    const other = aRefusal({ subscriptionId: 'another' });
    meter.refuse(other);
    const all = times(most * 2.5).map(() => aRefusal({ subscriptionId: id }));
    for (const refusal of all) meter.refuse(refusal); // more than are kept, at once
    await meter.close();
    expect(await kept(id)).toHaveLength(most);
    const next = newMeter(pool, { every: 5, now: () => now++ });
    const later = times(300).map(() => aRefusal({ subscriptionId: id }));
    for (const refusal of later) {
      next.refuse(refusal);
      if (Math.random() < 0.1) await sleep(1);
    }
    await next.close();
    const newest = [...all, ...later].slice(-most).map(({ requestId }) => requestId);
    expect(await kept(id)).toEqual(newest);
    expect(await kept('another')).toEqual([other.requestId]);
    expect(await total(pool)).toBe(all.length + later.length + 1); // counted all the same
  });
});

describe('without the database', () => {
  const url = useDatabaseUrl();
  const rows = async (what: string) => {
    const client = new pg.Client(url);
    await client.connect();
    const found = await client.query(what);
    await client.end();
    return found.rows;
  };
  const brokenPool = async () => {
    const wire = await startWire(url);
    const pool = new pg.Pool({ connectionString: wire.url, max: 2 });
    pool.on('error', () => {});
    return { wire, pool };
  };

  test('counts are kept, the first failure is named, and all is written down when it is back', async () => {
    const { wire, pool } = await brokenPool();
    const meter = newMeter(pool, { every: 10 });
    wire.cut();
    for (const _ of times(5)) {
      meter.count(aCall({ teamId: 'away' }));
      meter.refuse(aRefusal({ teamId: 'away', subscriptionId: 'away' }));
      await sleep(30);
    }
    expect(meter.errors).toHaveLength(1);
    wire.mend();
    await eventually(
      async () => (await rows(`select from refusals where team_id = 'away'`)).length === 5,
    );
    expect(
      await rows(`select outcome, calls::int from use_hours where team_id = 'away' order by 1`),
    ).toEqual([
      { outcome: 'allowed', calls: 5 },
      { outcome: 'forbidden', calls: 5 },
    ]);
    expect(await rows(`select from refusals where team_id = 'away'`)).toHaveLength(5);
    await meter.close();
    await pool.end();
    await wire.close();
  });

  test('a flush whose answer was lost counts once', async () => {
    const { wire, pool } = await brokenPool();
    const meter = newMeter(pool, { every: 10 });
    for (const round of times(10)) {
      meter.count(aCall({ teamId: 'lost answer' }));
      if (round % 2 === 0) wire.loseAnswer('INSERT 0');
      await eventually(() => meter.errors.length > round / 2);
      await sleep(40);
    }
    await meter.close();
    expect(meter.errors).toHaveLength(5);
    expect(await rows(`select calls::int from use_hours where team_id = 'lost answer'`)).toEqual([
      { calls: 10 },
    ]);
    await pool.end();
    await wire.close();
  });

  test('closing waits for it a while, then says what could not be written down', async () => {
    const { wire, pool } = await brokenPool();
    const patient = newMeter(pool);
    patient.count(aCall({ teamId: 'closing' }));
    wire.cut();
    setTimeout(() => wire.mend(), 300);
    await patient.close();
    expect(await rows(`select calls::int from use_hours where team_id = 'closing'`)).toEqual([
      { calls: 1 },
    ]);

    const hurried = newMeter(pool, { closeWithin: 150 });
    hurried.count(aCall({ teamId: 'given up' }));
    wire.cut();
    await hurried.close();
    expect(hurried.errors.at(-1)?.message).toBe('1 counts and refusals could not be written down');
    await pool.end();
    await wire.close();
  });
});
