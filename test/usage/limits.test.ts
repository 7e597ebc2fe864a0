import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createLimits } from '../../src/usage/limits.ts';
import type { Holder } from '../../src/usage/purse.ts';
import { useDatabase, useDatabaseUrl } from '../support/database.ts';
import { aHolder, counted, offsetOf, startWire, useDatabaseWithClock } from './support.ts';

const times = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('taking calls from limits', () => {
  const pool = useDatabase();
  const rows = async (holder: Holder) =>
    (
      await pool.query(
        `select kind, taken::int, given::int, calls::int from limit_shares where holder = $1
         order by kind, window_start`,
        [holder.id],
      )
    ).rows;

  test('without limits nothing is asked and all is allowed', () => {
    const { pool: asked, statements } = counted(pool);
    const free = { exceeded: null, retryAfter: 0, policies: [] };
    expect(createLimits({ pool: asked }).take(aHolder())).toEqual(free);
    expect(statements()).toBe(0);
  });

  test('tells what is left and when the window ends', async () => {
    const limits = createLimits({ pool });
    const day = 86_400;
    const holder = aHolder({
      anchor: Date.now() - 1.5 * day * 1000,
      rate: { calls: 30, seconds: 60 },
      quota: { calls: 100, seconds: day },
    });
    const first = await limits.take(holder);
    const { policies } = await limits.take(holder);
    expect(first).toMatchObject({ exceeded: null, retryAfter: 0 });
    expect(policies).toMatchObject([
      { name: 'quota', calls: 100, seconds: day, remaining: 98 },
      { name: 'rate', calls: 30, seconds: 60, remaining: 28 },
    ]);
    const [quota, rate] = policies.map(({ reset }) => reset);
    expect(Math.abs((quota ?? 0) - day / 2)).toBeLessThanOrEqual(2);
    const past = ((rate ?? 0) + (Date.now() - offsetOf(holder)) / 1000) % 60;
    expect(Math.min(past, 60 - past)).toBeLessThanOrEqual(2);
  });

  test.each([
    [7, 1],
    [50, 5],
    [1_000, 100],
  ])(
    'of %i calls two instances at once allow no more, and at most a share of %i less',
    async (calls, share) => {
      const holder = aHolder({ rate: { calls, seconds: 1_000_000 }, quota: null });
      const two = [createLimits({ pool }), createLimits({ pool })];
      const asked = times(calls * 3).map(async (index) => {
        await sleep(Math.random() * 100);
        return two[index % 3 === 0 ? 0 : 1]?.take(holder);
      });
      const answers = await Promise.all(asked);
      const allowed = answers.filter((answer) => answer?.exceeded === null).length;
      expect(allowed).toBeLessThanOrEqual(calls);
      expect(allowed).toBeGreaterThanOrEqual(calls - share);
      const refused = answers.filter((answer) => answer?.exceeded === 'rate');
      expect(allowed + refused.length).toBe(calls * 3);
      for (const { taken } of await rows(holder)) expect(taken).toBeLessThanOrEqual(calls);
    },
  );

  test('in every window of several, both instances together keep to the limit', async () => {
    const holder = aHolder({ rate: { calls: 20, seconds: 1 } });
    const two = [createLimits({ pool }), createLimits({ pool })];
    const end = Date.now() + 4_200;
    const surelyIn = new Map<number, number>();
    const caller = async (index: number) => {
      while (Date.now() < end) {
        const asked = Date.now();
        const answer = await two[index % 2]?.take(holder);
        const window = Math.floor((asked - offsetOf(holder)) / 1000);
        const within = Math.floor((Date.now() - offsetOf(holder)) / 1000) === window;
        if (answer?.exceeded === null && within) {
          surelyIn.set(window, (surelyIn.get(window) ?? 0) + 1);
        }
        await sleep(Math.random() * 20);
      }
    };
    await Promise.all(times(8).map(caller));
    expect(surelyIn.size).toBeGreaterThanOrEqual(4);
    const most = Math.max(...surelyIn.values());
    expect(most).toBeLessThanOrEqual(20);
    expect(most).toBeGreaterThanOrEqual(17); // a share of two less at most, and one on a boundary
    for (const { taken } of await rows(holder)) expect(taken).toBeLessThanOrEqual(20);
  });

  test('every statement brings a share, and what is used up is refused without one', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({ quota: { calls: 500, seconds: 1_000_000 } });
    for (const _ of times(500)) expect(await limits.take(holder)).toMatchObject({ exceeded: null });
    const needed = statements();
    expect(needed).toBeLessThanOrEqual(17); // 1, 2, 4 … 32, then fifty at a time
    for (const _ of times(200)) expect(limits.take(holder)).toMatchObject({ exceeded: 'quota' });
    expect(statements()).toBe(needed);
    expect(await rows(holder)).toMatchObject([{ taken: 500 }]);
  });

  test('callers at once wait for one share together', async () => {
    const { pool: asked, statements } = counted(pool);
    const limits = createLimits({ pool: asked });
    const holder = aHolder({
      rate: { calls: 1_000, seconds: 1_000_000 },
      quota: { calls: 5_000, seconds: 1_000_000 },
    });
    const answers = await Promise.all(times(80).map(() => limits.take(holder)));
    expect(answers.every(({ exceeded }) => exceeded === null)).toBe(true);
    expect(statements()).toBeLessThanOrEqual(2);
  });

  test('a share grows with demand up to a tenth, and shrinks when it lasts', async () => {
    const limits = createLimits({ pool });
    const busy = aHolder({ rate: { calls: 200, seconds: 1_000_000 } });
    const small = aHolder({ rate: { calls: 9, seconds: 1_000_000 } });
    const given = async (holder: Holder) => (await rows(holder))[0].given;
    await limits.take(busy);
    expect(await given(busy)).toBe(4); // a fiftieth of what is left
    for (const _ of times(100)) await limits.take(busy);
    expect(await given(busy)).toBe(20);
    for (const _ of times(5)) await limits.take(small);
    expect(await given(small)).toBe(1);
  });

  test('a call that one limit refuses takes nothing from the other', async () => {
    const limits = createLimits({ pool });
    const holder = aHolder({
      rate: { calls: 100, seconds: 1_000_000 },
      quota: { calls: 3, seconds: 1_000_000 },
    });
    const answers = [];
    for (const _ of times(20)) answers.push((await limits.take(holder)).exceeded);
    expect(answers).toEqual([null, null, null, ...times(17).map(() => 'quota')]);
    await limits.close();
    expect(await rows(holder)).toMatchObject([
      { kind: 'quota', taken: 3 },
      { kind: 'rate', taken: 3 },
    ]);
  });

  test('where both are exceeded, the quota is named, for one waits longer for it', async () => {
    const limits = createLimits({ pool });
    const limit = { calls: 2, seconds: 1_000_000 };
    const holder = aHolder({ rate: limit, quota: { ...limit, seconds: 2_000_000 } });
    for (const _ of times(2)) await limits.take(holder);
    const refused = await limits.take(holder);
    expect(refused.exceeded).toBe('quota');
    expect(refused.retryAfter).toBe(refused.policies[0]?.reset);
  });

  test('what an instance does not spend it gives back when it ends, once', async () => {
    const holder = aHolder({ quota: { calls: 100, seconds: 1_000_000 } });
    const [one, other] = [createLimits({ pool }), createLimits({ pool })];
    for (const _ of times(9)) await one.take(holder); // shares of 2, 4 and 8
    expect(await rows(holder)).toMatchObject([{ taken: 14 }]);
    await one.close();
    await one.close();
    expect(await rows(holder)).toMatchObject([{ taken: 9 }]);
    let allowed = 0;
    while ((await other.take(holder)).exceeded === null) allowed += 1;
    expect(allowed).toBe(91);
  });

  test('a limit that is changed counts at once, with what was taken before', async () => {
    const limits = createLimits({ pool });
    const holder = aHolder({ rate: { calls: 40, seconds: 1_000_000 } });
    for (const _ of times(10)) await limits.take(holder);
    const lowered = { ...holder, rate: { calls: 10, seconds: 1_000_000 } };
    expect(await limits.take(lowered)).toMatchObject({ exceeded: 'rate' });
    const raised = { ...holder, rate: { calls: 12, seconds: 1_000_000 } };
    const answers = [];
    for (const _ of times(4)) answers.push((await limits.take(raised)).exceeded);
    expect(answers).toEqual([null, null, 'rate', 'rate']);
  });

  test('remembers so many holders and no more, and forgets nothing that was taken', async () => {
    const limits = createLimits({ pool, remembered: 2 });
    const three = times(3).map(() => aHolder({ rate: { calls: 10, seconds: 1_000_000 } }));
    const allowed = new Map<string, number>();
    for (const _ of times(12)) {
      for (const holder of three) {
        const { exceeded } = await limits.take(holder);
        if (exceeded === null) allowed.set(holder.id, (allowed.get(holder.id) ?? 0) + 1);
      }
    }
    expect([...allowed.values()]).toEqual([10, 10, 10]);
  });
});

describe('windows', () => {
  const { pool, setClock } = useDatabaseWithClock();
  /** So many milliseconds after one of its windows began. */
  const setClockIn = (holder: Holder, milliseconds: number) =>
    setClock(
      new Date(Date.parse('2031-05-05T10:00:00Z') + offsetOf(holder) + milliseconds).toISOString(),
    );

  test('of a rate begin at a moment of each holder, the same on every instance', async () => {
    const [one, other] = [aHolder(), aHolder()].map((holder) => ({
      ...holder,
      rate: { calls: 10, seconds: 3_600 },
    })) as [Holder, Holder];
    expect(offsetOf(one)).not.toBe(offsetOf(other));
    await setClockIn(one, 600_500);
    for (const instance of [createLimits({ pool }), createLimits({ pool })]) {
      expect((await instance.take(one)).policies).toMatchObject([{ reset: 3_000 }]);
      expect((await instance.take(other)).policies).not.toMatchObject([{ reset: 3_000 }]);
    }
  });

  test('follow the database’s clock, however far from ours, and begin anew when one ends', async () => {
    const limits = createLimits({ pool });
    const holder = aHolder({ rate: { calls: 2, seconds: 60 } });
    await setClockIn(holder, 59_900);
    const before = [];
    for (const _ of times(3)) before.push(await limits.take(holder));
    expect(before.map(({ exceeded }) => exceeded)).toEqual([null, null, 'rate']);
    expect(before[2]?.retryAfter).toBe(1);

    await sleep(110);
    await setClockIn(holder, 60_010);
    const after = [];
    for (const _ of times(3)) after.push(await limits.take(holder));
    expect(after.map(({ exceeded }) => exceeded)).toEqual([null, null, 'rate']);
    expect(after[2]?.retryAfter).toBe(60);
  });

  test('what is left of a share ends with its window', async () => {
    const limits = createLimits({ pool });
    const holder = aHolder({ rate: { calls: 100, seconds: 60 } });
    await setClockIn(holder, 59_900);
    await Promise.all(times(9).map(() => limits.take(holder)));
    await limits.take(holder);
    await sleep(110);
    await setClockIn(holder, 60_010);
    let allowed = 0;
    while ((await limits.take(holder)).exceeded === null) allowed += 1;
    expect(allowed).toBe(100);
  });

  test('of a quota are counted from its beginning, not from midnight', async () => {
    const limits = createLimits({ pool });
    const day = 86_400;
    const anchor = Date.parse('2031-05-01T15:30:00Z');
    const holder = aHolder({ anchor, quota: { calls: 5, seconds: 30 * day } });
    await setClock('2031-05-31T15:29:00.500Z');
    expect((await limits.take(holder)).policies).toMatchObject([{ remaining: 4, reset: 60 }]);
    const before = aHolder({ anchor: anchor + 3_600_000, quota: { calls: 5, seconds: day } });
    await setClock('2031-05-01T15:30:00.500Z'); // the database's clock may be behind whoever activated it
    expect((await limits.take(before)).policies).toMatchObject([{ reset: 3_600 }]);
  });
});

describe('without the database', () => {
  const url = useDatabaseUrl();

  test('no share is given, none is lost, and all goes on when it is back', async () => {
    const wire = await startWire(url);
    const pool = new pg.Pool({ connectionString: wire.url, max: 2 });
    pool.on('error', () => {});
    const limits = createLimits({ pool });
    const holder = aHolder({ rate: { calls: 3, seconds: 1_000_000 } });
    await limits.take(holder);

    wire.cut();
    await expect(limits.take(holder)).rejects.toThrow();
    await expect(Promise.all(times(5).map(() => limits.take(holder)))).rejects.toThrow();
    wire.mend();
    const answers = [];
    for (const _ of times(3)) answers.push((await limits.take(holder)).exceeded);
    expect(answers).toEqual([null, null, 'rate']);

    await pool.end();
    await wire.close();
  });

  test('a share whose answer is lost counts as taken', async () => {
    const wire = await startWire(url);
    const pool = new pg.Pool({ connectionString: wire.url, max: 2 });
    pool.on('error', () => {});
    const limits = createLimits({ pool });
    const holder = aHolder({ rate: { calls: 3, seconds: 1_000_000 } });
    wire.loseAnswer('SELECT 1');
    await expect(limits.take(holder)).rejects.toThrow();
    const answers = [];
    for (const _ of times(3)) answers.push((await limits.take(holder)).exceeded);
    expect(answers).toEqual([null, null, 'rate']);
    await pool.end();
    await wire.close();
  });

  test('one that does not answer is waited for three seconds', async () => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    pool.on('error', () => {});
    const busy = await pool.connect();
    const limits = createLimits({ pool });
    const holder = aHolder({ rate: { calls: 3, seconds: 1_000_000 } });
    const asked = performance.now();
    await expect(limits.take(holder)).rejects.toThrow('within three seconds');
    expect(performance.now() - asked).toBeLessThan(4_500);

    busy.release();
    await sleep(100);
    expect(limits.take(holder)).toMatchObject({ exceeded: null }); // the share came meanwhile
    await pool.end();
  });
});
