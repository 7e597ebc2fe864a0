import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { asAdmin, databaseUrl } from './template-database.ts';

/** This test file's own copy of the migrated template, dropped after its last test. */
export function useDatabaseUrl(): string {
  const name = `test_${randomBytes(6).toString('hex')}`;
  beforeAll(() => asAdmin(`create database ${name} template ${process.env.TEST_TEMPLATE}`));
  afterAll(() => asAdmin(`drop database if exists ${name} with (force)`));
  return databaseUrl(name);
}

/** A pool on a database of this file's own. */
export function useDatabase(): pg.Pool {
  const pool = new pg.Pool({ connectionString: useDatabaseUrl(), max: 5 });
  pool.on('error', () => {}); // the database is dropped with whatever is still connected
  afterAll(() => pool.end());
  return pool;
}
