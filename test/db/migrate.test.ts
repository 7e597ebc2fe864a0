import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../src/db/migrate.ts';
import { many } from '../../src/db/pool.ts';
import { useDatabase, useDatabaseUrl } from '../support/database.ts';

const pool = useDatabase();
const url = () => String(pool.options.connectionString);

/** A directory of migrations: number and name → statements. */
function migrations(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'sandgate-migrations-'));
  for (const [name, sql] of Object.entries(files))
    writeFileSync(join(directory, `${name}.sql`), sql);
  return directory;
}

const tables = async (pattern: string) =>
  (
    await many<{ name: string }>(
      pool,
      `select tablename as name from pg_tables where tablename like $1 order by 1`,
      [pattern],
    )
  ).map(({ name }) => name);

let directory: string;
beforeEach(() => pool.query('drop table migrations'));
afterEach(() => rmSync(directory, { recursive: true }));

test('files run in the order of their numbers, each once', async () => {
  directory = migrations({
    '0002_more': 'alter table ordered add b int; create table ordered_too ()',
    '0001_first': 'create table ordered (a int)',
  });
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);

  await migrate(url(), { directory, log });
  await migrate(url(), { directory, log });

  expect(lines).toEqual(['Applied migration 0001_first.', 'Applied migration 0002_more.']);
  expect(await tables('ordered%')).toEqual(['ordered', 'ordered_too']);
});

test('of two instances that start at once one migrates, and the other waits for it', async () => {
  directory = migrations({ '0001_slow': 'create table slow (); select pg_sleep(0.5)' });
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);

  const both = [1, 2].map(async () => {
    await migrate(url(), { directory, log });
    return tables('slow');
  });

  expect(await Promise.all(both)).toEqual([['slow'], ['slow']]);
  expect(lines).toEqual(['Applied migration 0001_slow.']);
});

test('a migration that fails is undone whole, named, and tried again the next time', async () => {
  directory = migrations({
    '0001_good': 'create table good ()',
    '0002_bad': 'create table half ();\nselect nonsense',
  });

  const attempt = () => migrate(url(), { directory });
  await expect(attempt()).rejects.toThrow(/^Migration 0002_bad failed\. .*nonsense/s);
  await expect(attempt()).rejects.toThrow('Migration 0002_bad failed.');

  expect(await tables('good')).toEqual(['good']);
  expect(await tables('half')).toEqual([]);
});

describe('the migrations that Sandgate ships', () => {
  const fresh = useDatabaseUrl();

  test('are all applied already in the template, and leave nothing to do', async () => {
    directory = migrations({});
    const lines: string[] = [];
    await migrate(fresh, { log: (line) => lines.push(line) });
    expect(lines).toEqual([]);
  });
});
