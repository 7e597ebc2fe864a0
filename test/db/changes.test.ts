import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Changes, createChanges } from '../../src/db/changes.ts';
import { useDatabase } from '../support/database.ts';
import { aLink } from '../support/link.ts';

const pool = useDatabase();
const open: Changes[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** What was heard, in order; `read` for each reading anew. */
async function heard(from = pool, more: { onRead?: (missed: boolean) => Promise<void> } = {}) {
  const words: string[] = [];
  const changes = await createChanges({
    pool: from,
    isWhole: (what) => what === 'catalogue',
    onTold: (what) => words.push(what),
    async renew(missed) {
      await more.onRead?.(missed);
      words.push('read');
    },
    onError: () => words.push('failed'),
  });
  open.push(changes);
  return { changes, words };
}

const tell = (what: string) => pool.query(`select pg_notify('sandgate', $1)`, [what]);

test('what was committed before one listens to it is heard', async () => {
  const { changes, words } = await heard();
  await sleep(300); // listens by now, and has read what it may have missed before
  words.length = 0;
  await tell('subscription:1');
  await changes.hear();
  expect(words).toEqual(['subscription:1']);
  await tell('catalogue');
  await changes.hear();
  expect(words).toEqual(['subscription:1', 'read']);
});

test('what was committed before anybody listens is read', async () => {
  const { changes, words } = await heard(pool, { onRead: () => sleep(50) });
  await changes.hear(); // at once: the connection to listen on is still being made
  expect(words.length).toBeGreaterThan(1); // at the start, and since it was asked
});

test('is sure for as long as it hears, and of the database’s clock', async () => {
  const { changes } = await heard();
  for (let n = 0; n < 10; n += 1) {
    await sleep(150);
    expect(changes.age()).toBeLessThan(1000);
  }
  const { rows } = await pool.query('select extract(epoch from now())::float8 * 1000 as now');
  expect(Math.abs(changes.now() - rows[0].now)).toBeLessThan(500);
});

test('is not sure before all is read that was told of the whole', async () => {
  let slow = 0;
  const { changes } = await heard(pool, { onRead: () => sleep(slow) });
  await sleep(300);
  slow = 1600;
  await tell('catalogue');
  await sleep(1400);
  expect(changes.age()).toBeGreaterThan(1000);
  await sleep(800);
  expect(changes.age()).toBeLessThan(2000); // as of when the reading began
});

describe('where nobody may listen', () => {
  const listeningAt = (connectionString: string): pg.Pool =>
    Object.assign(Object.create(pool), { options: { ...pool.options, connectionString } });
  const deaf = () => listeningAt('postgres://127.0.0.1:9/none');

  test('all is read again and again', async () => {
    const { changes, words } = await heard(deaf());
    await sleep(2500);
    expect(changes.age()).toBeLessThan(1000);
    expect(words.filter((word) => word === 'read').length).toBeGreaterThan(2);
    expect(words.filter((word) => word === 'failed')).toHaveLength(1);
  });

  test('what was committed is read before anybody is refused for it, without reading all the time', async () => {
    const readings: number[] = []; // when each began, once it is done
    const { changes } = await heard(deaf(), {
      async onRead() {
        const from = performance.now();
        await sleep(20);
        readings.push(from);
      },
    });
    await sleep(400); // it knows that it is deaf
    const ask = async () => {
      const asked = performance.now();
      await changes.hear();
      expect(readings.at(-1)).toBeGreaterThanOrEqual(asked);
    };
    const from = performance.now();
    const asks: Promise<void>[] = [];
    while (performance.now() - from < 1000) {
      asks.push(ask());
      await sleep(15);
    }
    await Promise.all(asks);
    expect(readings.filter((at) => at >= from).length).toBeLessThan(12);
  });

  test('whoever stops hearing believes nothing that it did not read since', async () => {
    const link = await aLink(pool.options.connectionString ?? '');
    let whole = 0; // when the last reading of everything began
    const { changes } = await heard(listeningAt(link.databaseUrl), {
      async onRead(missed) {
        if (missed) whole = performance.now();
      },
    });
    await sleep(400); // it listens
    link.hang();
    const from = performance.now();
    try {
      while (performance.now() - from < 2500) {
        void changes.hear();
        await sleep(10);
        const known = performance.now() - changes.age();
        expect(known).toBeLessThanOrEqual(Math.max(from, whole) + 5);
      }
      expect(changes.age()).toBeLessThan(1000);
    } finally {
      await link.close();
    }
  });
});

test('is not asked more than so many times a second', async () => {
  const { changes } = await heard();
  await sleep(300);
  const from = performance.now();
  await Promise.all(Array.from({ length: 5000 }, () => changes.hear()));
  expect(performance.now() - from).toBeLessThan(1000);
});

test('does not begin where nothing can be read', async () => {
  const refusing = () => Promise.reject(new Error('no database'));
  await expect(heard(pool, { onRead: refusing })).rejects.toThrow('no database');
});
