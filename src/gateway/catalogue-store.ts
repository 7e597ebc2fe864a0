import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';
import type { OpenApi } from '../products/api.ts';
import type { Credentials, Limit } from '../products/product.ts';
import type { StoppedKind } from '../suspensions/suspension.ts';

/** What of a product decides about calls. */
export type CalledProduct = {
  id: string;
  environment: Environment;
  audience: string;
  credentials: Credentials;
  staleSeconds: number;
  quotaStatus: 403 | 429;
  rate: Limit | null;
  quota: Limit | null;
  /** Milliseconds; from then on it opens nothing. Null: until somebody says so. */
  endsAt: number | null;
};

/** All that are not over. */
export const listCalledProducts = (db: Db): Promise<CalledProduct[]> =>
  many<CalledProduct>(
    db,
    `select id, environment, audience, credentials, stale_seconds as "staleSeconds",
       quota_status as "quotaStatus",
       case when rate_calls is not null
         then json_build_object('calls', rate_calls, 'seconds', rate_seconds) end as rate,
       case when quota_calls is not null
         then json_build_object('calls', quota_calls, 'seconds', quota_seconds) end as quota,
       extract(epoch from retires_on::timestamptz)::float8 * 1000 as "endsAt"
     from products
     where state <> 'retired' and (retires_on is null or retires_on > current_date)`,
  );

export type CalledApi = { id: string; keyHeader: string; keyParameter: string; cors: boolean };

export const listCalledApis = (db: Db): Promise<CalledApi[]> =>
  many<CalledApi>(
    db,
    `select id, key_header as "keyHeader", key_parameter as "keyParameter", cors from apis`,
  );

/** One API of one product at one of its base URLs. */
export type CalledOpening = {
  productId: string;
  apiId: string;
  baseUrlName: string;
  url: string;
  version: string;
  /** Another one when the document was written anew. */
  written: string;
};

export const listCalledOpenings = (db: Db): Promise<CalledOpening[]> =>
  many<CalledOpening>(
    db,
    `select o.product_id as "productId", o.api_id as "apiId", o.base_url_name as "baseUrlName",
       b.url, v.version, v.xmin::text as written
     from product_apis o
     join apis a on a.id = o.api_id
     join api_base_urls b on b.api_id = o.api_id and b.name = o.base_url_name
     join api_versions v on v.api_id = a.id and v.version = coalesce(o.version, a.version)`,
  );

export const listCalledDocuments = (
  db: Db,
  wanted: readonly { apiId: string; version: string }[],
): Promise<{ apiId: string; version: string; document: OpenApi }[]> =>
  many(
    db,
    `select api_id as "apiId", version, document from api_versions
     where (api_id, version) in (select * from unnest($1::text[], $2::text[]))`,
    [wanted.map(({ apiId }) => apiId), wanted.map(({ version }) => version)],
  );

export const listStopped = (db: Db): Promise<{ kind: StoppedKind; id: string }[]> =>
  many(db, 'select kind, id from suspensions');

/** What a key opens, or a token's subscription. */
export type Holder = {
  subscriptionId: string;
  teamId: string;
  productId: string;
  environment: Environment;
  state: string;
  /** Milliseconds, as all here. Null: until somebody says so. */
  endsAt: number | null;
  /** Whoever has the same is limited together: a team, by product. */
  limitedAs: string;
  /** When the team's first subscription to the product became active. Null: none ever was. */
  countedFrom: number | null;
};

const columns = `s.id as "subscriptionId", s.team_id as "teamId", s.product_id as "productId",
  s.environment, s.state, 'team:' || s.team_id || ':' || s.product_id as "limitedAs", extract(epoch from s.expires_at)::float8 * 1000 as "endsAt",
  (select extract(epoch from min(o.activated_at))::float8 * 1000 from subscriptions o
   where o.team_id = s.team_id and o.product_id = s.product_id) as "countedFrom"`;

export const listHolders = (db: Db, subscriptionId: string): Promise<Holder[]> =>
  many<Holder>(db, `select ${columns} from subscriptions s where s.id = $1`, [subscriptionId]);

export type HeldKey = Holder & {
  keyId: string;
  /** Null: as long as the subscription. */
  keyEndsAt: number | null;
};

export const listHeldKeys = (db: Db, fingerprint: Buffer): Promise<HeldKey[]> =>
  many<HeldKey>(
    db,
    `select k.id as "keyId", extract(epoch from k.expires_at)::float8 * 1000 as "keyEndsAt",
       ${columns}
     from subscription_keys k join subscriptions s on s.id = k.subscription_id
     where k.fingerprint = $1`,
    [fingerprint],
  );
