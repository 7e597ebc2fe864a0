import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';
import type { Place } from './page.ts';
import { place, type Row, told } from './store.ts';

const item = `json_build_object('hour', ${told('hour')}, 'environment', environment,
  'team_id', team_id, 'product_id', product_id, 'subscription_id', subscription_id,
  'client_id', client_id, 'api_id', api_id, 'operation', operation, 'outcome', outcome,
  'test_user', test_user, 'calls', calls)`;

/** One row of an hour has one of these, whatever is counted on meanwhile. */
const rest = `concat_ws(' ', environment, team_id, product_id, subscription_id, client_id, api_id,
  operation, outcome, test_user)`;

/** Hour by hour from `from` and before `until`; one more than `limit` where there are more. */
export const listUse = (
  db: Db,
  whose: { teamId: string; environment: Environment } | null,
  given: {
    from: Date;
    until: Date;
    productId: string | null;
    after: Place | null;
    limit: number;
  },
): Promise<Row[]> =>
  many<Row>(
    db,
    `select ${place('hour')} as at, ${rest} as id, ${item} as item from use_hours
     where ($1::text is null or (team_id = $1 and environment = $2))
       and hour >= date_trunc('hour', $3::timestamptz, 'UTC') and hour < $4
       and ($5::text is null or product_id = $5)
       and ($6::timestamptz is null or (hour, ${rest}) > ($6::timestamptz, $7))
     order by hour, ${rest} limit $8 + 1`,
    [
      whose?.teamId ?? null,
      whose?.environment ?? null,
      given.from,
      given.until,
      given.productId,
      given.after?.[0] || null,
      given.after?.[1] ?? null,
      given.limit,
    ],
  );
