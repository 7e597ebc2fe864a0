import type { Db } from '../db/pool.ts';

/** Its time is over since an hour ago, whether or not the sweep notes it. */
export const endLately = async (db: Db, subscriptionId: string): Promise<void> => {
  await db.query(
    `update subscriptions set expires_at = now() - interval '1 hour'
     where id = $1 and state = 'active'`,
    [subscriptionId],
  );
};
