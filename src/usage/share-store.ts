import { type Db, many } from '../db/pool.ts';

export type Kind = 'rate' | 'quota';

/** What of a window one asks for. Windows follow each other from `anchor`, in milliseconds. */
export type Wish = { kind: Kind; calls: number; seconds: number; anchor: number; want: number };

/** All times in milliseconds, by the database's clock. */
export type Share = {
  kind: Kind;
  start: number;
  now: number;
  given: number /** By all, of the whole window. */;
  taken: number;
};

/**
 * Takes shares of the windows that the database's clock is in, as much of each as is left: none where
 * nothing is. One statement; of several at once for the same holder, each sees what the others took.
 */
export const takeShares = (db: Db, holder: string, wishes: Wish[]): Promise<Share[]> =>
  many<Share>(
    db,
    `with clock as (select floor(extract(epoch from now()) * 1000)::bigint as ms),
     wish as (
       select w.*, w.anchor + length * floor((clock.ms - w.anchor)::numeric / length)::bigint as start
       from clock, json_to_recordset($2) as w (kind text, calls bigint, seconds int, anchor bigint,
         want bigint), lateral (select w.seconds * 1000::bigint as length) as of_window
     )
     insert into limit_shares as s (holder, kind, seconds, window_start, window_end, calls, taken,
       given)
     select $1, kind, seconds, to_timestamp(start / 1000.0),
       to_timestamp(start / 1000.0 + seconds), calls, least(want, calls), least(want, calls)
     from wish order by kind
     on conflict on constraint limit_shares_pkey do update set
       calls = excluded.calls,
       taken = s.taken + greatest(0, least(excluded.given, excluded.calls - s.taken)),
       given = greatest(0, least(excluded.given, excluded.calls - s.taken))
     returning kind, (extract(epoch from window_start) * 1000)::float8 as start,
       (select ms from clock)::float8 as now, given::float8 as given, taken::float8 as taken`,
    [holder, JSON.stringify(wishes)],
  );

export type Unspent = { holder: string; kind: Kind; seconds: number; start: number; left: number };

/** Puts back what was taken and not spent. To be tried once only: a second time would give it twice. */
export const giveBack = async (db: Db, unspent: Unspent[]): Promise<void> => {
  await db.query(
    `update limit_shares s set taken = s.taken - u."left"
     from json_to_recordset($1) as u (holder text, kind text, seconds int, start float8, "left" bigint)
     where s.holder = u.holder and s.kind = u.kind and s.seconds = u.seconds
       and s.window_start = to_timestamp(u.start / 1000) and s.taken >= u."left"`,
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
