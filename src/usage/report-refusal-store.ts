import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Outcome } from './call.ts';
import type { Reason } from './reason.ts';
import type { Owner } from './report-store.ts';

/** A refused call of the last 24 hours. Ids are '' where unknown; a name is null for what is gone. */
export type KeptRefusal = {
  requestId: string;
  at: Date;
  environment: Environment | '';
  outcome: Outcome;
  status: number;
  reason: Reason;
  detail: string;
  testUser: boolean;
  operation: string;
  apiId: string;
  apiName: string | null;
  productId: string;
  productName: string | null;
  subscriptionId: string;
  subscriptionName: string | null;
  clientId: string;
  clientName: string | null;
  /** Made by a team; the console's are not. */
  isApplication: boolean;
  teamId: string;
  teamName: string | null;
  gatewayId: string;
  gatewayName: string | null;
};

const columns = `r.request_id as "requestId", r.at, r.environment, r.outcome, r.status, r.reason,
  r.detail, r.test_user as "testUser", r.operation, r.api_id as "apiId", a.name as "apiName",
  r.product_id as "productId", p.name as "productName", r.subscription_id as "subscriptionId",
  s.name as "subscriptionName", r.client_id as "clientId", c.name as "clientName",
  coalesce(c.kind = 'application', false) as "isApplication", r.team_id as "teamId",
  t.name as "teamName", r.gateway_id as "gatewayId", g.name as "gatewayName"`;

/** An API that no product of theirs opens has no name for them. */
const joined = `refusals r left join apis a on a.id = r.api_id and ($1::text is null or exists (
    select from product_apis o join subscriptions held on held.product_id = o.product_id
    where o.api_id = a.id and held.team_id = r.team_id))
  left join products p on p.id = r.product_id
  left join subscriptions s on s.id = r.subscription_id and s.team_id = r.team_id
  left join clients c on c.id = r.client_id left join teams t on t.id = r.team_id
  left join gateways g on g.id = r.gateway_id`;

/** `$1`: the owner. */
const kept = `r.at > now() - interval '1 day' and ($1::text is null or r.team_id = any (array(
  select $1 union all select m.team_id from team_members m where m.account_id = $1)))`;

/** Where a page of them ends. */
export type Place = { at: Date; requestId: string };

/** Newest first; `before`: the last of the page above. */
export const listKeptRefusals = (
  db: Db,
  asked: { owner: Owner; subscriptionId: string | null; before: Place | null; limit: number },
): Promise<KeptRefusal[]> =>
  many<KeptRefusal>(
    db,
    `select ${columns} from ${joined} where ${kept}
       and ($2::text is null or r.subscription_id = $2)
       and ($3::timestamptz is null or (r.at, r.request_id) < ($3, $4))
     order by r.at desc, r.request_id desc limit $5`,
    [
      asked.owner,
      asked.subscriptionId,
      asked.before?.at ?? null,
      asked.before?.requestId ?? null,
      asked.limit,
    ],
  );

export const findKeptRefusal = (
  db: Db,
  { owner, requestId }: { owner: Owner; requestId: string },
): Promise<KeptRefusal | undefined> =>
  maybeOne<KeptRefusal>(
    db,
    `select ${columns} from ${joined} where ${kept} and r.request_id = $2`,
    [owner, requestId],
  );
