import { type Db, maybeOne } from '../db/pool.ts';
import type { State, Subscription } from './subscription.ts';

const columns = `id, team_id as "teamId", product_id as "productId", environment, name, state,
  purpose, reason, requested_by as "requestedBy", decided_by as "decidedBy",
  created_at as "createdAt", decided_at as "decidedAt", expires_at as "expiresAt", scopes`;

export const findSubscription = (db: Db, id: string): Promise<Subscription | undefined> =>
  maybeOne<Subscription>(db, `select ${columns} from subscriptions where id = $1`, [id]);

/**
 * Made, or brought to this state where that is a lawful move, by its id; team and product of one that
 * exists are never changed.
 * Undefined when the product does not exist, or the id is another team's or product's.
 */
export const upsertSubscription = (
  db: Db,
  row: {
    id: string;
    teamId: string;
    productId: string;
    name: string;
    state: State;
    purpose: string;
    expiresAt: Date | null;
  },
): Promise<Subscription | undefined> =>
  maybeOne<Subscription>(
    db,
    `insert into subscriptions as s (id, team_id, product_id, environment, name, state, purpose,
       expires_at, decided_at, decided_as)
     select $1, $2, p.id, p.environment, $4, $5, $6, $7, case when $5 <> 'submitted' then now() end,
       'programme'
     from products p where p.id = $3
     on conflict (id) do update set name = excluded.name, state = case
         when exists (select from subscription_moves
                      where from_state = s.state and to_state = excluded.state)
         then excluded.state else s.state end,
       purpose = excluded.purpose, expires_at = excluded.expires_at,
       decided_as = excluded.decided_as,
       decided_at = case when excluded.state = s.state then s.decided_at
                    else excluded.decided_at end
     where s.team_id = excluded.team_id and s.product_id = excluded.product_id
     returning ${columns}`,
    [row.id, row.teamId, row.productId, row.name, row.state, row.purpose, row.expiresAt],
  );
