import type { Db } from '../db/pool.ts';
import type { Call } from './call.ts';

/** How often the same was called in the hour whose first moment, in milliseconds, is `hour`. */
export type Count = Omit<Call, 'keyId'> & { hour: number; calls: number };

/**
 * Adds what an instance counted since its flush before; the same sequence a second time adds nothing.
 * What comes later than 15 minutes after its hour is counted in the hour of its coming, so that what
 * an hour holds is final some time (`finalMinutes`). All instances lock rows in the same order.
 */
export const saveCounts = async (
  db: Db,
  { instance, sequence, counts }: { instance: string; sequence: number; counts: Count[] },
): Promise<void> => {
  await db.query(
    `with flush as (
       insert into use_flushes as f (instance, sequence) values ($1, $2)
       on conflict (instance) do update set sequence = excluded.sequence, at = now()
         where f.sequence < excluded.sequence
       returning instance
     ), counted as (
       select date_trunc('hour', least(now(),
           greatest(to_timestamp(c.hour / 1000), now() - interval '15 minutes')), 'UTC') as hour,
         environment, "teamId", "productId", "subscriptionId", "clientId", "apiId", operation, outcome,
         "testUser", sum(calls) as calls
       from json_to_recordset($3) as c (hour float8, environment text, "teamId" text,
         "productId" text, "subscriptionId" text, "clientId" text, "apiId" text, operation text,
         outcome text, "testUser" bool, calls bigint)
       where exists (select from flush)
       group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
     )
     insert into use_hours as u (hour, environment, team_id, product_id, subscription_id, client_id,
       api_id, operation, outcome, test_user, calls)
     select * from counted order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
     on conflict on constraint use_hours_pkey do update set calls = u.calls + excluded.calls`,
    [instance, sequence, JSON.stringify(counts)],
  );
};

/** To the minute. A key that somebody else changes at this moment is left out: its next call comes. */
export const saveKeysUsed = async (db: Db, ids: string[]): Promise<void> => {
  await db.query(
    `update subscription_keys set last_used_at = now()
     where id = any (array(
       select id from subscription_keys
       where id = any ($1) and (last_used_at is null or last_used_at < now() - interval '1 minute')
       for update skip locked))`,
    [ids],
  );
};

/** Answers how many went: at most `limit`. */
export const deleteCountsOlderThan = async (
  db: Db,
  { days, limit }: { days: number; limit: number },
): Promise<number> => {
  const { rowCount } = await db.query(
    `delete from use_hours where ctid = any (array(
       select ctid from use_hours where hour < now() - make_interval(days => $1)
       order by hour limit $2))`,
    [days, limit],
  );
  return rowCount ?? 0;
};

/** Of instances that are long gone: what one of them has still to say is said within minutes. */
export const deleteOldFlushes = (db: Db): Promise<unknown> =>
  db.query(`delete from use_flushes where at < now() - interval '30 days'`);
