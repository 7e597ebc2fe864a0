import type { Db } from '../db/pool.ts';
import type { Refusal } from './call.ts';

/** `at` in milliseconds. */
export type DatedRefusal = Omit<Refusal, 'keyId'> & { at: number };

/** How many are kept of one subscription, and of all callers that nobody knows. */
export const keptOfOne = 1_000;
export const keptOfUnknown = 10_000;

/**
 * Writes them, and takes away as many of the oldest of the same subscriptions as make room. One that
 * is there already stays as it is. What instances add at the same moment, the next batch takes away.
 */
export const saveRefusals = async (db: Db, refusals: DatedRefusal[]): Promise<void> => {
  await db.query(
    `with given as materialized (
       select * from json_to_recordset($1) as r ("requestId" text, at float8, environment text,
         "teamId" text, "productId" text, "subscriptionId" text, "clientId" text, "apiId" text,
         operation text, outcome text, "testUser" bool, status int, reason text, detail text,
         "gatewayId" text)
     ), room as (
       select "subscriptionId" as subscription,
         greatest(0, case "subscriptionId" when '' then $3::int else $2::int end - count(*)) as kept
       from given group by 1
     ), old as materialized (
       select beyond.request_id from room cross join lateral (
         select r.request_id from refusals r where r.subscription_id = room.subscription
         order by r.at desc, r.request_id offset room.kept) beyond
     ), gone as (
       delete from refusals where request_id = any (array(
         select r.request_id from refusals r join old using (request_id) for update of r skip locked))
     )
     insert into refusals (request_id, at, environment, team_id, product_id, subscription_id,
       client_id, api_id, operation, outcome, test_user, status, reason, detail, gateway_id)
     select "requestId", to_timestamp(at / 1000), environment, "teamId", "productId",
       "subscriptionId", "clientId", "apiId", operation, outcome, "testUser", status, reason, detail,
       "gatewayId"
     from given on conflict (request_id) do nothing`,
    [JSON.stringify(refusals), keptOfOne, keptOfUnknown],
  );
};

/** After a day. Answers how many went: at most `limit`. */
export const deleteOldRefusals = async (db: Db, limit: number): Promise<number> => {
  const { rowCount } = await db.query(
    `delete from refusals where request_id in (
       select request_id from refusals where at < now() - interval '1 day' order by at limit $1)`,
    [limit],
  );
  return rowCount ?? 0;
};
