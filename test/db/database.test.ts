import pg from 'pg';
import { many } from '../../src/db/pool.ts';
import { useDatabase, useDatabaseUrl } from '../support/database.ts';

describe('a test file’s own database', () => {
  const pool = useDatabase();
  const otherUrl = useDatabaseUrl();

  test('has the migrated schema', async () => {
    const tables = await many<{ name: string }>(
      pool,
      `select tablename as name from pg_tables where schemaname = 'public'`,
    );
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['accounts', 'products', 'oidc_records', 'migrations']),
    );
  });

  test('shares nothing with another file’s', async () => {
    await pool.query(`insert into teams (name) values ('Only here')`);

    const other = new pg.Pool({ connectionString: otherUrl });
    expect(await many(other, 'select name from teams')).toEqual([]);
    await other.end();
  });
});
