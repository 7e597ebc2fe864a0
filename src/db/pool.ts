import pg from 'pg';

/** A place to run SQL: the pool, or one client inside a transaction. */
export type Db = Pick<pg.Pool, 'query'>;

/** `onError` hears of idle connections that broke; the pool replaces them by itself. */
export function createPool(connectionString: string, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: 10,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 10_000,
    query_timeout: 12_000, // ours: a host that is gone ends no statement
    keepAlive: true,
    application_name: 'sandgate',
  });
  pool.on('error', onError);
  // one that breaks while somebody holds it: his next statement tells him
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

export async function many<Row extends pg.QueryResultRow>(
  db: Db,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return (await db.query<Row>(text, values)).rows;
}

/** The row, or undefined when there is none. The statement must be unable to return two. */
export async function maybeOne<Row extends pg.QueryResultRow>(
  db: Db,
  text: string,
  values: unknown[] = [],
): Promise<Row | undefined> {
  return (await db.query<Row>(text, values)).rows[0];
}

/** Runs `work` in one transaction: commits what it did, or nothing if it throws. */
export async function transaction<T>(pool: pg.Pool, work: (tx: Db) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((cause: Error) => {
      broken = cause; // the connection is lost, and with it the transaction: do not give it back
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Whether `error` is Postgres refusing a row because of the named unique index, check or guard. */
export const breaks = (error: unknown, constraint: string): boolean =>
  error instanceof pg.DatabaseError &&
  (error.code === '23505' || error.code === '23514') &&
  error.constraint === constraint;
