import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Limit } from '../products/product.ts';
import type { Slot } from '../subscriptions/key.ts';
import type { State } from '../subscriptions/subscription.ts';

/** Of the subscriptions of all teams of an account. */
export const filters = ['all', 'active', 'waiting', 'suspended', 'ended'] as const;
export type Filter = (typeof filters)[number];

const statesOf: Readonly<Record<Filter, readonly State[]>> = {
  all: ['submitted', 'active', 'suspended', 'rejected', 'cancelled', 'expired'],
  active: ['active'],
  waiting: ['submitted'],
  suspended: ['suspended'],
  ended: ['rejected', 'cancelled', 'expired'],
};

/** One whose time has come is expired, whether or not that was noted yet. */
const state = `case when s.state in ('active', 'suspended') and s.expires_at <= now()
  then 'expired' else s.state end`;
const stands = `${state} in ('submitted', 'active', 'suspended')`;
const mine = `exists (
  select from team_members m where m.team_id = s.team_id and m.account_id = $1)`;

export const countSubscriptions = async (
  db: Db,
  accountId: string,
): Promise<Record<Filter, number>> => {
  const rows = await many<{ state: State; count: number }>(
    db,
    `select ${state} as state, count(*)::int as count from subscriptions s where ${mine} group by 1`,
    [accountId],
  );
  const counted = { all: 0, active: 0, waiting: 0, suspended: 0, ended: 0 };
  for (const filter of filters) {
    for (const row of rows) if (statesOf[filter].includes(row.state)) counted[filter] += row.count;
  }
  return counted;
};

export type HomeSubscription = {
  id: string;
  name: string;
  environment: Environment;
  productId: string;
  productName: string;
  teamName: string;
  state: State;
  createdAt: Date;
  decidedAt: Date | null;
  expiresAt: Date | null;
  reason: string;
  decidedByName: string | null;
  keys: { slot: Slot; lastFour: string }[];
  applications: string[];
  /** Calls since the month began (UTC), also those that were refused. */
  callsThisMonth: number;
  /** Of its keys and of its applications' secrets; null: none was ever used. */
  lastUsedAt: Date | null;
  rate: Limit | null;
  quota: Limit | null;
};

/** What stands or waits first, then newest first. `before`: the last id of the page above. */
export const listHomeSubscriptions = (
  db: Db,
  given: { accountId: string; filter: Filter; before: string | null; limit: number },
): Promise<HomeSubscription[]> =>
  many<HomeSubscription>(
    db,
    `select s.id, s.name, s.environment, s.product_id as "productId", p.name as "productName",
       t.name as "teamName", ${state} as state, s.created_at as "createdAt",
       s.decided_at as "decidedAt", s.expires_at as "expiresAt", s.reason,
       (select name from accounts where id = s.decided_by
        union all select name from clients where id = s.decided_by_client) as "decidedByName",
       (select coalesce(json_agg(json_build_object('slot', k.slot, 'lastFour', k.last_four)
           order by k.slot), '[]')
         from subscription_keys k
         where k.subscription_id = s.id and k.replaced_at is null) as keys,
       array(select c.name from client_subscriptions cs join clients c on c.id = cs.client_id
         where cs.subscription_id = s.id and c.kind = 'application'
         order by c.created_at, c.id) as applications,
       (select coalesce(sum(u.calls), 0)::float8 from use_hours u
        where u.subscription_id = s.id
          and u.hour >= date_trunc('month', now(), 'UTC')) as "callsThisMonth",
       greatest(
         (select max(k.last_used_at) from subscription_keys k where k.subscription_id = s.id),
         (select max(x.last_used_at) from client_subscriptions cs
          join client_secrets x on x.client_id = cs.client_id
          where cs.subscription_id = s.id)) as "lastUsedAt",
       case when p.rate_calls is not null
         then json_build_object('calls', p.rate_calls, 'seconds', p.rate_seconds) end as rate,
       case when p.quota_calls is not null
         then json_build_object('calls', p.quota_calls, 'seconds', p.quota_seconds) end as quota
     from subscriptions s join products p on p.id = s.product_id join teams t on t.id = s.team_id
     where ${mine} and ${state} = any ($2)
       and ($3::text is null or (${stands}, s.created_at, s.id) <
         (select ${stands}, s.created_at, s.id from subscriptions s where s.id = $3))
     order by ${stands} desc, s.created_at desc, s.id desc limit $4`,
    [given.accountId, statesOf[given.filter], given.before, given.limit],
  );

/** Something that a person should know of or do; the most pressing kinds first. */
export const matterKinds = [
  'suspended',
  'old_key',
  'key',
  'secret',
  'ending',
  'rejected',
  'leaving',
  'waiting',
] as const;
export type Matter = {
  kind: (typeof matterKinds)[number];
  /** When it ends, or since when it is so. */
  at: Date;
  /** A subscription's id; of a secret an application's. */
  id: string;
  name: string;
  productId: string;
  /** A key's slot, or the reason that was given. */
  detail: string;
};

const soon = `between now() and now() + interval '14 days'`;

/** What is due, the most pressing first: what ends within 14 days, what waits, what was refused. */
export const listMatters = (db: Db, accountId: string): Promise<Matter[]> =>
  many<Matter>(
    db,
    `with own as (
       select s.*, p.retires_on, ${state} as state_now
       from subscriptions s join products p on p.id = s.product_id where ${mine})
     select * from (
       select state_now as kind, decided_at as at, id, name, product_id as "productId",
         reason as detail
       from own where state_now = 'suspended'
       union all
       select case when k.replaced_at is null then 'key' else 'old_key' end, k.expires_at, s.id,
         s.name, s.product_id, k.slot
       from own s join subscription_keys k on k.subscription_id = s.id
       where s.state_now = 'active' and k.expires_at ${soon}
       union all
       select 'secret', x.ends, c.id, c.name, '', ''
       from clients c join team_members m on m.team_id = c.team_id
       join lateral (
         select max(coalesce(expires_at, 'infinity')) as ends from client_secrets
         where client_id = c.id) x on x.ends ${soon}
       where m.account_id = $1 and c.kind = 'application'
       union all
       select 'ending', expires_at, id, name, product_id, '' from own
       where state_now = 'active' and expires_at ${soon}
       union all
       select 'rejected', decided_at, id, name, product_id, reason from own o
       where state = 'rejected' and decided_at > now() - interval '30 days' and not exists (
         select from subscriptions n where n.team_id = o.team_id and n.product_id = o.product_id
           and n.created_at > o.created_at)
       union all
       select 'leaving', retires_on::timestamptz, id, name, product_id, '' from own
       where state_now = 'active' and retires_on is not null
       union all
       select 'waiting', created_at, id, name, product_id, '' from own where state = 'submitted'
     ) matters order by array_position($2, kind), at, id limit 12`,
    [accountId, matterKinds],
  );

/** An open product of the sandbox to begin with: the one that asks for least. */
export const findFirstProduct = (
  db: Db,
): Promise<{ id: string; name: string; priceNote: string } | undefined> =>
  maybeOne(
    db,
    `select id, name, price_note as "priceNote" from products p
     where state = 'published' and environment = 'sandbox' and not needs_approval
       and visibility <> 'invited' and not exists (
         select from suspensions x where (x.kind, x.id) in
           (('product', p.id), ('environment', p.environment)))
     order by terms <> '', created_at, id limit 1`,
  );
