import pg from 'pg';
import { newId } from '../base/secrets.ts';
import { within } from './patience.ts';

/** A connection that hears what is told on the channel `sandgate`. */
export type Listener = {
  connected(): boolean;
  connect(): Promise<void>;
  /**
   * Resolves after everything was heard that was told before it was called; of several calls at once
   * one asks for all. `from`: when it asked. `clock`: how far the database's is ahead, in milliseconds.
   * @throws {Error} where it does not answer in time, and is dropped, or there is none.
   */
  ask(): Promise<{ from: number; clock: number }>;
  drop(): void;
};

type Parts = {
  pool: pg.Pool;
  /** Milliseconds that the database has for an answer. */
  patience: number;
  onWord(what: string): void;
  /** There was none, or is none any more: words may have been missed. */
  onGap(): void;
};

/** What begins so is a heartbeat, of this instance or of another one. */
const beats = 'beat:';

/**
 * Asking is telling oneself a word and waiting for it: words come in the order of their commits, and
 * none where a pooler, which lends connections by the transaction, has answered LISTEN and forgotten it.
 */
export function createListener({ pool, patience, onWord, onGap }: Parts): Listener {
  let client: pg.Client | undefined;
  let awaited = { word: '', arrived: () => {} };
  let asking: ReturnType<Listener['ask']> | undefined;
  let next: typeof asking;

  function drop(): void {
    const one = client;
    client = undefined;
    onGap();
    one?.removeAllListeners('notification');
    one?.end().catch(() => {});
  }

  async function connect(): Promise<void> {
    const own = { connectionTimeoutMillis: patience, keepAlive: true };
    const one = new pg.Client({ ...pool.options, ...own });
    one.on('error', () => client === one && drop());
    one.on('end', () => client === one && drop());
    one.on('notification', ({ payload = '' }) => {
      if (payload === awaited.word) return awaited.arrived();
      if (!payload.startsWith(beats)) onWord(payload);
    });
    try {
      await within(patience, one.connect());
      await within(patience, one.query('listen sandgate'));
      await within(patience, one.query('set synchronous_commit = off')); // a heartbeat needs no disk
    } catch (error) {
      one.end().catch(() => {});
      throw error;
    }
    client = one;
    onGap();
  }

  async function askOnce(): ReturnType<Listener['ask']> {
    const one = client;
    if (!one) throw new Error('nobody listens to the database');
    const word = `${beats}${newId()}`;
    const arrived = new Promise<void>((resolve) => {
      awaited = { word, arrived: resolve };
    });
    const from = performance.now();
    const answered = one.query<{ now: number }>(
      `select extract(epoch from clock_timestamp())::float8 * 1000 as now, pg_notify('sandgate', $1)`,
      [word],
    );
    const [{ rows }] = await within(patience, Promise.all([answered, arrived])).catch((error) => {
      if (client === one) drop(); // whoever waits behind it is not to wait as long again
      throw error;
    });
    if (client !== one) throw new Error('the database is gone');
    const half = (performance.now() - from) / 2;
    return { from, clock: (rows[0]?.now ?? Date.now()) + half - Date.now() };
  }

  /** One that is under way began too early for whoever comes now, and a connection takes one at a time. */
  function ask(): ReturnType<Listener['ask']> {
    if (!asking) {
      asking = askOnce().finally(() => {
        asking = undefined;
      });
      return asking;
    }
    next ??= asking
      .catch(() => {})
      .then(() => {
        next = undefined;
        return ask();
      });
    return next;
  }

  return { connected: () => client !== undefined, connect, ask, drop };
}
