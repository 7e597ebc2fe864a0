import { type Db, many, maybeOne } from '../db/pool.ts';
import type { State, Subscription } from './subscription.ts';

/** A subscription with what a page calls the things around it. */
export type SubscriptionOverview = Omit<Subscription, 'requestedBy' | 'decidedBy'> & {
  productName: string;
  teamName: string;
  needsApproval: boolean;
  /** It waits, also for an open product: what the team had of it before was suspended, or had an end. */
  limitedBefore: boolean;
  /** Null: nobody, an application, or an account that is deleted. */
  requestedBy: string | null;
  /** An account's or an application's name. */
  askedBy: string | null;
  /** Who made the last move, where an account did. */
  decidedBy: string | null;
  /** An account's or an application's. */
  decidedByName: string | null;
  /** How many people its team has. */
  teamSize: number;
};

const columns = `s.id, s.team_id as "teamId", s.product_id as "productId", s.environment, s.name,
  s.state, s.purpose, s.reason, s.requested_by as "requestedBy", s.decided_by as "decidedBy",
  s.created_at as "createdAt", s.decided_at as "decidedAt", s.expires_at as "expiresAt", s.scopes,
  s.decided_as as "decidedAs", s.terms_version as "termsVersion", s.activated_at as "activatedAt",
  p.name as "productName", t.name as "teamName", p.needs_approval as "needsApproval",
  s.state = 'submitted' and s.next_waits as "limitedBefore",
  coalesce(asker.name, (select c.name from audit a join clients c on c.id = a.actor_id
    where a.subject_id = s.id and a.subject_kind = 'subscription' and a.actor_kind = 'client'
      and a.action = 'subscription.asked' limit 1)) as "askedBy",
  coalesce(decider.name,
    (select name from clients where id = s.decided_by_client)) as "decidedByName",
  (select count(*)::int from team_members where team_id = s.team_id) as "teamSize"`;

const joined = `subscriptions s
  join products p on p.id = s.product_id
  join teams t on t.id = s.team_id
  left join accounts asker on asker.id = s.requested_by
  left join accounts decider on decider.id = s.decided_by`;

const owned = `(s.team_id = $1 or exists (
  select from team_members m where m.team_id = s.team_id and m.account_id = $1))`;

/** Of a team of `owner`, an account's id or a team's. */
export const findOwnSubscription = (
  db: Db,
  { owner, id }: { owner: string; id: string },
): Promise<SubscriptionOverview | undefined> =>
  maybeOne<SubscriptionOverview>(
    db,
    `select ${columns} from ${joined} where ${owned} and s.id = $2`,
    [owner, id],
  );

/** Anybody's, for the programme's own people. */
export const findRequest = (db: Db, id: string): Promise<SubscriptionOverview | undefined> =>
  maybeOne<SubscriptionOverview>(db, `select ${columns} from ${joined} where s.id = $1`, [id]);

/** Which part of the queue: what waits, what an administrator decided, or all there is. */
export const shelves = ['waiting', 'decided', 'all'] as const;
export type Shelf = (typeof shelves)[number];

const onShelf: Readonly<Record<Shelf, string>> = {
  waiting: `s.state = 'submitted'`,
  decided: `s.state <> 'submitted' and (s.decided_as in ('administrator', 'client') or s.state = 'rejected')`,
  all: 'true',
};

/**
 * Those that wait oldest first, the others newest first. `after`: the id of the last one of the page
 * before; one that is gone begins at the start.
 */
export const listRequests = (
  db: Db,
  { shelf, after, limit }: { shelf: Shelf; after: string | null; limit: number },
): Promise<SubscriptionOverview[]> => {
  const [beyond, order] = shelf === 'waiting' ? ['>', 'asc'] : ['<', 'desc'];
  return many<SubscriptionOverview>(
    db,
    `select ${columns} from ${joined}
     where ${onShelf[shelf]} and coalesce((s.created_at, s.id) ${beyond}
       (select created_at, id from subscriptions where id = $1), true)
     order by s.created_at ${order}, s.id ${order} limit $2`,
    [after, limit],
  );
};

/** How many wait, and since when the oldest does. */
export const countWaiting = async (db: Db): Promise<{ count: number; oldest: Date | null }> =>
  (await maybeOne<{ count: number; oldest: Date | null }>(
    db,
    `select count(*)::int as count, min(created_at) as oldest
     from subscriptions where state = 'submitted'`,
  )) as { count: number; oldest: Date | null }; // an aggregate always has a row

/** One that a team had before, or has beside it. */
export type OtherSubscription = {
  id: string;
  productName: string;
  state: State;
  /** When it got there. */
  since: Date;
};

/** The team's others, newest first. */
export const listOthersOf = (
  db: Db,
  { teamId, id }: { teamId: string; id: string },
): Promise<OtherSubscription[]> =>
  many<OtherSubscription>(
    db,
    `select s.id, p.name as "productName", s.state, coalesce(s.decided_at, s.created_at) as since
     from subscriptions s join products p on p.id = s.product_id
     where s.team_id = $1 and s.id <> $2 order by s.created_at desc, s.id limit 20`,
    [teamId, id],
  );

/** When the team first could call by the product: a quota's periods follow each other from there. */
export const findFirstActivation = async (
  db: Db,
  { teamId, productId }: { teamId: string; productId: string },
): Promise<Date | null> =>
  (
    await maybeOne<{ first: Date | null }>(
      db,
      `select min(activated_at) as first from subscriptions
       where team_id = $1 and product_id = $2`,
      [teamId, productId],
    )
  )?.first ?? null;
