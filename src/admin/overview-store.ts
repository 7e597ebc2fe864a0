import { type Db, maybeOne } from '../db/pool.ts';

/** What an administrator may have to do something about. */
export type Overview = {
  waiting: number;
  oldestAskedAt: Date | null;
  suspensions: number;
  /** Letters that were given up. */
  deadLetters: number;
  people: number;
  teams: number;
  subscriptions: number;
};

export const findOverview = async (db: Db): Promise<Overview> =>
  (await maybeOne<Overview>(
    db,
    `select
       (select count(*)::int from subscriptions where state = 'submitted') as waiting,
       (select min(created_at) from subscriptions where state = 'submitted') as "oldestAskedAt",
       (select count(*)::int from suspensions) as suspensions,
       (select count(*)::int from letters where dead_at is not null) as "deadLetters",
       (select count(*)::int from accounts) as people,
       (select count(*)::int from teams) as teams,
       (select count(*)::int from subscriptions where state = 'active') as subscriptions`,
  )) as Overview; // counts are one row
