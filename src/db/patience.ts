import { setTimeout as sleep } from 'node:timers/promises';

/** @throws {Error} where the work takes longer than `patience` milliseconds. */
export async function within<T>(patience: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(patience, undefined, { signal: done.signal }).then(() => {
    throw new Error('the database does not answer in time');
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
