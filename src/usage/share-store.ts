import { type Db, many } from '../db/pool.ts';

export type Kind = 'rate' | 'quota';

/**
 * What of a window somebody asks for. Windows follow each other from `anchor`; `start` names the next
 * one, where that is asked for before it begins. Both in milliseconds.
 */
export type Wish = {
  holder: string;
  kind: Kind;
  calls: number;
  seconds: number;
  anchor: number;
  start?: number;
  want: number;
};

/** All times in milliseconds, by the database's clock. */
export type Share = {
  /** Of the window that was asked for, or, if that is over or far off, of the one that `now` is in. */
  start: number;
  now: number;
  given: number;
  /** By all, of the whole window. */
  taken: number;
};

/**
 * Takes shares of windows, as much of each as is left: none where nothing is. One statement, and a
 * share for each wish, in their order. Instances must ask in the same order, since each waits for
 * rows that another holds: by holder and kind, letter by letter.
 */
export const takeShares = (db: Db, wishes: readonly Wish[]): Promise<Share[]> =>
  many<Share>(
    db,
    `select window_begin::float8 as start, clock::float8 as now, got::float8 as given,
       all_took::float8 as taken
     from take_limit_shares($1)`,
    [JSON.stringify(wishes)],
  );

export type Unspent = { holder: string; kind: Kind; seconds: number; start: number; left: number };

/** Puts back what was taken and not spent. To be tried once only: a second time would give it twice. */
export const giveBack = async (db: Db, unspent: Unspent[]): Promise<void> => {
  await db.query(
    `with u as (
       select *, to_timestamp(start / 1000) as window_start
       from json_to_recordset($1) as u (holder text, kind text, seconds int, start float8, "left" bigint)
     ), locked as (
       select holder, kind, seconds, window_start, u."left"
       from limit_shares s join u using (holder, kind, seconds, window_start)
       where s.window_end > now()
       order by holder collate "C", kind, seconds, window_start for update of s
     )
     update limit_shares s set taken = s.taken - l."left"
     from locked l
     where s.holder = l.holder and s.kind = l.kind and s.seconds = l.seconds
       and s.window_start = l.window_start and s.taken >= l."left"`,
    [JSON.stringify(unspent)],
  );
};

/** Of windows that are over. Answers how many went: at most `limit`. */
export const deleteOldShares = async (db: Db, limit: number): Promise<number> => {
  const { rowCount } = await db.query(
    `delete from limit_shares where ctid = any (array(
       select ctid from limit_shares where window_end < now() - interval '1 hour'
       order by window_end limit $1))`,
    [limit],
  );
  return rowCount ?? 0;
};
