import type pg from 'pg';
import type { Db } from './pool.ts';

/** What a transaction within another one says instead. */
const words: Readonly<Record<string, string>> = {
  begin: 'savepoint part',
  commit: 'release savepoint part',
  rollback: 'rollback to savepoint part',
};

/**
 * A pool of the one connection of `tx`: what a use case calls its transaction is a part of that one,
 * which can fail alone and is kept only with the whole. One part at a time.
 */
export function poolWithin(tx: Db): pg.Pool {
  const query = (text: string, values?: unknown[]) => tx.query(words[text] ?? text, values);
  const connection = { query, release: () => {} };
  return { query, connect: async () => connection } as unknown as pg.Pool; // all that use cases ask of one
}
