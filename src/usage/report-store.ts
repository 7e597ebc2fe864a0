import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Outcome } from './call.ts';
import type { Dimension, UseFilter } from './report-query.ts';
import type { Step } from './report-span.ts';
import type { Sums } from './sums.ts';

/** Whose calls: those of an account's teams, or of a team; null: everybody's, for the programme. */
export type Owner = string | null;

/** Which calls, of which time: from a moment on, and before another. */
export type Wanted = { owner: Owner; filter: UseFilter; from: Date; until: Date };

const counted = `coalesce(sum(calls) filter (where outcome = 'allowed'), 0)::float8 as allowed,
  coalesce(sum(calls) filter (where outcome <> 'allowed'), 0)::float8 as refused,
  coalesce(sum(calls) filter (where test_user), 0)::float8 as "byTestUsers"`;

/** `$1` to `$12`. The teams are an array, so that their index serves. */
const wanted = `hour >= $1 and hour < $2
  and ($3::text is null or team_id = any (array(
    select $3 union all select m.team_id from team_members m where m.account_id = $3)))
  and ($4::text is null or team_id = $4)
  and ($5::text is null or product_id = $5)
  and ($6::text is null or subscription_id = $6)
  and ($7::text is null or client_id = $7)
  and ($8::text is null or api_id = $8)
  and ($9::text is null or operation = $9)
  and ($10::text is null or outcome = $10)
  and ($11::text is null or environment = $11)
  and ($12::boolean is null or test_user = $12)`;

const valuesOf = ({ owner, filter, from, until }: Wanted): unknown[] => [
  from,
  until,
  owner,
  filter.team,
  filter.product,
  filter.subscription,
  filter.application,
  filter.api,
  filter.operation,
  filter.outcome,
  filter.environment,
  filter.tests && filter.tests === 'only',
];

/** Those hours, days or months (UTC) that had calls, in their order. */
export const listPoints = (
  db: Db,
  asked: Wanted & { by: Step },
): Promise<(Sums & { at: Date })[]> =>
  many<Sums & { at: Date }>(
    db,
    `select date_trunc($13, hour, 'UTC') as at, ${counted} from use_hours where ${wanted}
     group by 1 order by 1`,
    [...valuesOf(asked), asked.by],
  );

/** Of one team by one product, since a moment: how many calls were let through, by whole hours. */
export const countAllowed = async (
  db: Db,
  { teamId, productId, since }: { teamId: string; productId: string; since: Date },
): Promise<number> =>
  (
    await maybeOne<{ calls: number }>(
      db,
      `select coalesce(sum(calls), 0)::float8 as calls from use_hours
       where team_id = $1 and product_id = $2 and subscription_id <> ''
         and hour >= date_trunc('hour', $3::timestamptz, 'UTC') and outcome = 'allowed'`,
      [teamId, productId, since],
    )
  )?.calls ?? 0;

/** Calls of one team, product, …; its name where it still has one. */
export type Part = Sums & {
  id: string;
  /** Of an operation. */
  apiId: string;
  name: string | null;
  /** Of what is in one environment only. */
  environment: Environment | '' | null;
};

/** Of an API that a product of theirs opens: what others have is not told by its name either. */
const apiNameOf = (
  id: string,
): string => `(select name from apis a where a.id = ${id} and ($3::text is null or exists (
  select from product_apis o join subscriptions s on s.product_id = o.product_id
  where o.api_id = a.id and (s.team_id = $3 or s.team_id in (
    select m.team_id from team_members m where m.account_id = $3)))))`;

/** Column, name, and whether it belongs to one environment. */
const parts: Readonly<Record<Dimension, { id: string; api?: true; name: string; placed?: true }>> =
  {
    team: { id: 'team_id', name: '(select name from teams t where t.id = u.id)' },
    product: {
      id: 'product_id',
      name: '(select name from products p where p.id = u.id)',
      placed: true,
    },
    application: {
      id: 'client_id',
      name: '(select name from clients c where c.id = u.id)',
      placed: true,
    },
    api: { id: 'api_id', name: apiNameOf('u.id') },
    operation: {
      id: 'operation',
      api: true,
      name: apiNameOf('u."apiId"'),
    },
    outcome: { id: 'outcome', name: 'null::text' },
  };

/** Most calls first. Of an operation the name is its API's. */
export function listParts(
  db: Db,
  asked: Wanted & { of: Dimension; after: number; limit: number },
): Promise<Part[]> {
  const { id, api, name, placed } = parts[asked.of];
  return many<Part>(
    db,
    `select u.*, ${name} as name from (
       select ${id} as id, ${api ? 'api_id' : `''`} as "apiId",
         ${placed ? 'environment' : 'null::text'} as environment, ${counted}
       from use_hours where ${wanted} group by 1, 2, 3) u
     order by u.allowed + u.refused desc, u.id, u."apiId", u.environment offset $13 limit $14`,
    [...valuesOf(asked), asked.after, asked.limit],
  );
}

export type Names = Record<
  'team' | 'product' | 'subscription' | 'application' | 'api',
  string | null
>;

/** What a filter's things are called; null: it is gone, or nothing of the owner's. */
export const findNames = async (
  db: Db,
  { team, product, subscription, application, api }: UseFilter,
  owner: Owner,
): Promise<Names> =>
  (await maybeOne<Names>(
    db,
    `with mine as (
       select id from teams where $6::text is null or id = $6 or id in (
         select m.team_id from team_members m where m.account_id = $6)
     ), held as (
       select product_id from subscriptions s join mine on mine.id = s.team_id
     )
     select (select name from teams where id = $1 and id in (select id from mine)) as team,
       (select name from products where id = $2
          and ($6::text is null or id in (select product_id from held))) as product,
       (select name from subscriptions where id = $3
          and team_id in (select id from mine)) as subscription,
       (select name from clients where id = $4
          and ($6::text is null or team_id in (select id from mine))) as application,
       (select name from apis where id = $5 and ($6::text is null or id in (
          select a.api_id from product_apis a join held using (product_id)))) as api`,
    [team, product, subscription, application, api, owner],
  )) as Names; // one row, always

/** One line of the count as it is kept, with names. */
export type HourOfUse = {
  hour: Date;
  environment: string;
  teamId: string;
  teamName: string | null;
  productId: string;
  productName: string | null;
  subscriptionId: string;
  clientId: string;
  clientName: string | null;
  apiId: string;
  operation: string;
  outcome: Outcome;
  testUser: boolean;
  calls: number;
};

const line = `hour, environment, team_id, product_id, subscription_id, client_id, api_id, operation,
  outcome, test_user`;

/** The oldest first. `after`: the last one of the page before. */
export const listHours = (
  db: Db,
  asked: Wanted & { after: HourOfUse | null; limit: number },
): Promise<HourOfUse[]> =>
  many<HourOfUse>(
    db,
    `select hour, environment, team_id as "teamId", product_id as "productId",
       subscription_id as "subscriptionId", client_id as "clientId", api_id as "apiId", operation,
       outcome, test_user as "testUser", calls::float8 as calls,
       (select name from teams where id = team_id) as "teamName",
       (select name from products where id = product_id) as "productName",
       (select name from clients where id = client_id) as "clientName"
     from use_hours where ${wanted} and ($13::timestamptz is null or (${line}) >
       ($13, $14, $15, $16, $17, $18, $19, $20, $21, $22))
     order by ${line} limit $23`,
    [...valuesOf(asked), ...placeOf(asked.after), asked.limit],
  );

const placeOf = (last: HourOfUse | null): unknown[] =>
  last
    ? [
        last.hour,
        last.environment,
        last.teamId,
        last.productId,
        last.subscriptionId,
        last.clientId,
        last.apiId,
        last.operation,
        last.outcome,
        last.testUser,
      ]
    : Array.from({ length: 10 }, () => null);
