import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, transaction } from '../../src/db/pool.ts';
import { useDatabaseUrl } from '../support/database.ts';

describe('a connection that the database ends', () => {
  const url = useDatabaseUrl();

  // jest takes an 'error' that nobody listens for as this test's own
  test('inside a transaction, between two statements, fails that transaction and nothing else', async () => {
    const pool = createPool(url, () => {});
    const cut = transaction(pool, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await sleep(100);
      await tx.query('select 1');
    });
    await expect(cut).rejects.toThrow();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});
