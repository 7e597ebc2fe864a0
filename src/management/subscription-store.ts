import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Place } from './page.ts';
import { place, type Row, told } from './store.ts';

const item = `json_build_object(
  'id', s.id, 'team_id', s.team_id, 'product_id', s.product_id, 'environment', s.environment,
  'name', s.name, 'state', s.state, 'purpose', s.purpose, 'reason', s.reason,
  'scopes', s.scopes, 'terms_version', s.terms_version, 'decided_as', s.decided_as,
  'created_at', ${told('s.created_at')}, 'decided_at', ${told('s.decided_at')},
  'activated_at', ${told('s.activated_at')}, 'expires_at', ${told('s.expires_at')})`;

const columns = `${place('s.created_at')} as at, s.id, ${item} as item`;

/** Which subscriptions: a team's of one environment, or everybody's. */
type Whose = { teamId: string; environment: Environment } | null;
type Filter = { state: string | null; productId: string | null };

/** Oldest first; one more than `limit` where there are more. */
export const listSubscriptions = (
  db: Db,
  whose: Whose,
  given: Filter & { after: Place | null; limit: number },
): Promise<Row[]> =>
  many<Row>(
    db,
    `select ${columns} from subscriptions s
     where ($1::text is null or (s.team_id = $1 and s.environment = $2))
       and ($3::text is null or s.state = $3) and ($4::text is null or s.product_id = $4)
       and ($5::timestamptz is null or (s.created_at, s.id) > ($5::timestamptz, $6))
     order by s.created_at, s.id limit $7 + 1`,
    [
      whose?.teamId ?? null,
      whose?.environment ?? null,
      given.state,
      given.productId,
      given.after?.[0] || null,
      given.after?.[1] ?? null,
      given.limit,
    ],
  );

/** Undefined for another team's, and for one of the other environment. */
export const findSubscriptionOf = (
  db: Db,
  whose: Whose,
  id: string,
): Promise<{ item: object } | undefined> =>
  maybeOne(
    db,
    `select ${item} as item from subscriptions s
     where s.id = $3 and ($1::text is null or (s.team_id = $1 and s.environment = $2))`,
    [whose?.teamId ?? null, whose?.environment ?? null, id],
  );
