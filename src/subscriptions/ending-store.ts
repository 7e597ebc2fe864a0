import { type Db, maybeOne } from '../db/pool.ts';
import type { Subscription } from './subscription.ts';

type Due = Pick<Subscription, 'id' | 'environment'> & { expiresAt: Date };

/** One whose time is over, locked; undefined: none that nobody else is about to end. */
export const takeExpired = (db: Db): Promise<{ id: string } | undefined> =>
  maybeOne(
    db,
    `select id from subscriptions where state in ('active', 'suspended') and expires_at <= now()
     order by expires_at limit 1 for update skip locked`,
  );

/** The team's one of that product, locked, where its time is over and no sweep came by yet. */
export const takeOverdue = (
  db: Db,
  { teamId, productId }: { teamId: string; productId: string },
): Promise<{ id: string } | undefined> =>
  maybeOne(
    db,
    `select id from subscriptions where team_id = $1 and product_id = $2
       and state in ('active', 'suspended') and expires_at <= now() for update`,
    [teamId, productId],
  );

/**
 * One that expires within so many days, or after half of its time where that is less, and whose team
 * was not told yet; it counts as told from now on.
 */
export const takeToWarn = (db: Db, days: number): Promise<Due | undefined> =>
  maybeOne<Due>(
    db,
    `update subscriptions set warned_at = now() where id = (
       select id from subscriptions
       where state in ('active', 'suspended') and warned_at is null and expires_at > now()
         and now() >= expires_at - least(make_interval(days => $1),
           (expires_at - coalesce(decided_at, created_at)) / 2)
       order by expires_at limit 1 for update skip locked)
     returning id, environment, expires_at as "expiresAt"`,
    [days],
  );
