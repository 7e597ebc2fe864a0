import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createLimits } from '../../src/usage/limits.ts';
import type { Holder } from '../../src/usage/purse.ts';
import { useDatabase, useDatabaseUrl } from '../support/database.ts';
import { aHolder, counted, offsetOf, useDatabaseWithClock } from './support.ts';

const times = (count: number) => Array.from({ length: count }, (_, index) => index);
const forAges = 1_000_000; // seconds
const takenOf = async (pool: pg.Pool, { id }: Holder): Promise<number[]> =>
  (
    await pool.query<{ taken: number }>(
      'select taken::int from limit_shares where holder = $1 order by window_start',
      [id],
    )
  ).rows.map(({ taken }) => taken);

describe('shares of many', () => {
  const pool = useDatabase();

  test('who ask at once come in few statements, each with its own', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const many = times(300).map((index) =>
      aHolder({ rate: { calls: index + 1, seconds: forAges } }),
    );
    const answers = await Promise.all(many.map((holder) => limits.take(holder)));
    expect(answers.map(({ policies }) => policies[0]?.remaining)).toEqual(times(300));
    expect(statements()).toBe(3); // the first by itself, two hundred, the rest
  });

  test('one holder’s calls share a purse while they wait for their lot', async () => {
    const limits = createLimits({ pool });
    const [first, other] = [aHolder(), aHolder()].map((holder) => ({
      ...holder,
      rate: { calls: 1_000, seconds: forAges },
    })) as [Holder, Holder];
    await Promise.all([limits.take(first), ...times(5).map(() => limits.take(other))]);
    expect(await takenOf(pool, other)).toEqual([20]); // one share, and not one for each
  });
});

describe('who calls steadily', () => {
  const pool = useDatabase();

  test('has the next share before the last is spent, and never more than a tenth', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ rate: { calls: 1_000, seconds: forAges } });
    await limits.take(holder);
    for (const _ of times(9)) limits.take(holder);
    expect(await takenOf(pool, holder)).toEqual([20]); // a fiftieth, and half of it is spent
    await sleep(700);
    expect(statements()).toBe(2);
    const [taken = 0] = await takenOf(pool, holder);
    expect(taken - 10).toBeGreaterThan(20);
    expect(taken - 10).toBeLessThanOrEqual(100);
    for (const _ of times(taken - 10)) {
      expect(limits.take(holder)).toMatchObject({ exceeded: null });
    }
    expect(statements()).toBe(2);
  });

  test('leaves the last calls to those who need them first', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ rate: { calls: 9, seconds: forAges } });
    for (const _ of times(4)) await limits.take(holder);
    await sleep(700);
    expect(statements()).toBe(4);
    expect(await takenOf(pool, holder)).toEqual([4]);
  });

  test('asks again, and for himself, when what was asked ahead came to nothing', async () => {
    let broken = false;
    const query = (...given: Parameters<pg.Pool['query']>) =>
      broken ? Promise.reject(new Error('gone')) : pool.query(...given);
    const limits = createLimits({ pool: { query } as unknown as pg.Pool });
    const holder = aHolder({ rate: { calls: 100, seconds: forAges } });
    await limits.take(holder);
    broken = true;
    await limits.take(holder);
    await sleep(700);
    await expect(limits.take(holder)).rejects.toThrow('gone');
    broken = false;
    expect(await limits.take(holder)).toMatchObject({ exceeded: null });
  });
});

describe('who called in one window only', () => {
  const pool = useDatabase();

  test('has a share in the next one, and in none after that', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ rate: { calls: 100, seconds: 2 } });
    await sleep(2_050 - ((Date.now() - offsetOf(holder)) % 2_000)); // in a window's beginning
    await limits.take(holder);
    await sleep(6_500);
    expect(statements()).toBe(2);
    expect(await takenOf(pool, holder)).toEqual([2, 2]);
    await limits.close();
    expect(await takenOf(pool, holder)).toEqual([2, 2]); // both are over
  });
});

describe('towards the end of a window', () => {
  const { pool, setClock } = useDatabaseWithClock();
  /** So many milliseconds into one of the holder's windows of a minute. */
  const clockInto = (holder: Holder, into: number) =>
    setClock(new Date(Date.parse('2031-05-05T10:00:00Z') + offsetOf(holder) + into).toISOString());

  test('the next one’s share is there before it begins, and counts for no call before', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ rate: { calls: 100, seconds: 60 } });
    await clockInto(holder, 59_100);
    for (const _ of times(3)) await limits.take(holder); // of shares of two and four
    expect(await takenOf(pool, holder)).toEqual([6]);
    await sleep(600); // by the database's clock, which stands, the next begins 900 ms after that
    expect(statements()).toBe(3);
    const [, ahead = 0] = await takenOf(pool, holder);
    expect(ahead).toBeGreaterThan(0);

    await sleep(400);
    const between = limits.take(holder);
    expect(between).toMatchObject({ exceeded: null }); // in one of the two: it counts in both
    await sleep(700);
    expect(limits.take(holder)).toMatchObject({ policies: [{ reset: 60 }] });
    expect(statements()).toBe(3);
    await limits.close();
    expect(await takenOf(pool, holder)).toEqual([6, 2]); // of what is over nothing comes back
  });

  test('it is there for those too who called before and are silent then', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ rate: { calls: 100, seconds: 60 } });
    await clockInto(holder, 58_000);
    await limits.take(holder);
    await sleep(1_800);
    expect(statements()).toBe(2);
    await sleep(400);
    expect(limits.take(holder)).toMatchObject({ exceeded: null, policies: [{ reset: 60 }] });
    await limits.close();
  });

  test('whoever joins a statement that was asked before it ended is not counted in it', async () => {
    let opened: Promise<void> = Promise.resolve();
    let statements = 0;
    const query = async (...given: Parameters<pg.Pool['query']>) => {
      statements += 1;
      const answer = await pool.query(...given);
      await opened;
      return answer;
    };
    const limits = createLimits({ pool: { query } as unknown as pg.Pool });
    const holder = aHolder({ rate: { calls: 100, seconds: 60 } });
    await clockInto(holder, 59_700);
    for (const _ of times(2)) await limits.take(holder);
    let open = () => {};
    opened = new Promise((resolve) => {
      open = resolve;
    });
    const before = limits.take(holder); // the first share is spent
    await sleep(350);
    const after = limits.take(holder);
    await clockInto(holder, 60_050);
    open();
    expect(await before).toMatchObject({ policies: [{ reset: 1 }] });
    expect(await after).toMatchObject({ policies: [{ reset: 60 }] });
    expect(statements).toBe(3);
  });

  test('nobody’s share is asked for who calls no more', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ rate: { calls: 10, seconds: 60 } });
    await clockInto(holder, 30_000);
    await limits.take(holder);
    await sleep(700);
    expect(statements()).toBe(1);
  });
});

describe('a statement that hangs', () => {
  const url = useDatabaseUrl();

  test('keeps nobody else waiting for long', async () => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    const limits = createLimits({ pool });
    const [held, free] = [aHolder(), aHolder()].map((holder) => ({
      ...holder,
      rate: { calls: 10, seconds: forAges },
    })) as [Holder, Holder];
    await limits.take(held);
    const locking = await pool.connect();
    await locking.query('begin');
    await locking.query('select from limit_shares where holder = $1 for update', [held.id]);

    const hanging = Promise.resolve(limits.take(held));
    expect(await limits.take(free)).toMatchObject({ exceeded: null });
    await expect(hanging).rejects.toThrow('within three seconds');
    await locking.query('rollback');
    locking.release();
    await sleep(100);
    expect(await limits.take(held)).toMatchObject({ exceeded: null });
    await limits.close();
    await pool.end();
  });
});
