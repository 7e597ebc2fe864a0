import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Credentials, GrantType, Subjects } from '../products/product.ts';
import type { Slot, SubscriptionKey } from '../subscriptions/key.ts';
import type { State } from '../subscriptions/subscription.ts';

/** Where an API is reached by a sandbox product that somebody sees or has, or by a live one that opted in. */
export type Opening = {
  environment: Environment;
  productId: string;
  productName: string;
  audience: string;
  baseUrl: string;
  url: string;
  version: string;
  /** The header that carries the key. */
  keyHeader: string;
};

/** Of `subscriptions s`, `$1` an account. */
const own = `exists (
  select from team_members m where m.team_id = s.team_id and m.account_id = $1)`;
const active = `s.state = 'active' and (s.expires_at is null or s.expires_at > now())`;

/**
 * Of `products p`: open, and of the sandbox and seen by `$1` (null: a visitor) or had by a team of
 * theirs; or of live, where the product is called from here and a team of theirs has it.
 */
const within = `p.state in ('published', 'deprecated')
  and (p.retires_on is null or p.retires_on > current_date)
  and not exists (
    select from suspensions x
    where (x.kind, x.id) in (('product', p.id), ('environment', p.environment)))
  and (exists (select from subscriptions s where s.product_id = p.id and ${active} and ${own}
      and (p.environment = 'sandbox' or p.console_relay))
    or (p.environment = 'sandbox' and (p.visibility = 'everybody'
      or (p.visibility = 'signed_in' and $1::text is not null)
      or exists (
        select from product_invitations i join team_members m on m.team_id = i.team_id
        where i.product_id = p.id and m.account_id = $1))))`;

/** The sandbox first, then by product and address. `viewer`: an account, or null for a visitor. */
export const listOpenings = (
  db: Db,
  { viewer, apiId }: { viewer: string | null; apiId: string },
): Promise<Opening[]> =>
  many<Opening>(
    db,
    `select p.environment, p.id as "productId", p.name as "productName", p.audience,
       b.name as "baseUrl", b.url, coalesce(o.version, a.version) as version,
       a.key_header as "keyHeader"
     from product_apis o join products p on p.id = o.product_id join apis a on a.id = o.api_id
     join api_base_urls b on b.api_id = o.api_id and b.name = o.base_url_name
     where o.api_id = $2 and ${within}
     order by p.environment = 'live', p.name, p.id, b.name`,
    [viewer, apiId],
  );

/** A subscription by which this account may call an API in the console. */
export type ConsoleSubscription = {
  id: string;
  environment: Environment;
  name: string;
  teamId: string;
  teamName: string;
  productId: string;
  productName: string;
  grantTypes: GrantType[];
  subjects: Subjects;
  /** What a call shows. */
  credentials: Credentials;
  /** In the order in which people read them; what was left of the product's. */
  scopes: { scope: string; description: string; isDefault: boolean }[];
  keys: { slot: Slot; lastFour: string }[];
};

const columns = `s.id, s.environment, s.name, s.team_id as "teamId", t.name as "teamName",
  p.id as "productId", p.name as "productName", p.grant_types as "grantTypes", p.subjects,
  p.credentials,
  (select coalesce(json_agg(json_build_object('scope', scope, 'description', description,
      'isDefault', is_default) order by position), '[]')
    from product_scopes
    where product_id = p.id and (s.scopes is null or scope = any (s.scopes))) as scopes,
  (select coalesce(json_agg(json_build_object('slot', slot, 'lastFour', last_four)
      order by slot), '[]')
    from subscription_keys k
    where k.subscription_id = s.id and k.replaced_at is null
      and (k.expires_at is null or k.expires_at > now())) as keys`;

/** The active ones to products that open this API: of the sandbox first, then the oldest. */
export const listConsoleSubscriptions = (
  db: Db,
  { viewer, apiId }: { viewer: string; apiId: string },
): Promise<ConsoleSubscription[]> =>
  many<ConsoleSubscription>(
    db,
    `select ${columns} from subscriptions s join products p on p.id = s.product_id
     join teams t on t.id = s.team_id
     where ${own} and ${active} and ${within}
       and exists (select from product_apis o where o.product_id = p.id and o.api_id = $2)
     order by s.environment = 'live', s.created_at, s.id`,
    [viewer, apiId],
  );

/** One of them of the sandbox, whatever API it opens: the page gets tokens by it. */
export const findConsoleSubscription = (
  db: Db,
  { viewer, id }: { viewer: string; id: string },
): Promise<ConsoleSubscription | undefined> =>
  maybeOne<ConsoleSubscription>(
    db,
    `select ${columns} from subscriptions s join products p on p.id = s.product_id
     join teams t on t.id = s.team_id
     where ${own} and ${active} and ${within} and s.environment = 'sandbox' and s.id = $2`,
    [viewer, id],
  );

/** A key that a call is to carry, and what has to hold for it. */
export type KeyToSend = Pick<SubscriptionKey, 'id' | 'sealed'> & {
  productId: string;
  productName: string;
  state: State;
  environment: Environment;
  /** Whether the key itself has stopped. */
  stopped: boolean;
};

/** The one in this slot of a subscription of a team of this account. */
export const findKeyToSend = (
  db: Db,
  given: { viewer: string; subscriptionId: string; slot: string },
): Promise<KeyToSend | undefined> =>
  maybeOne<KeyToSend>(
    db,
    `select k.id, k.sealed, p.id as "productId", p.name as "productName", s.environment,
       case when s.state in ('active', 'suspended') and s.expires_at <= now() then 'expired'
         else s.state end as state,
       coalesce(k.expires_at <= now(), false) as stopped
     from subscription_keys k join subscriptions s on s.id = k.subscription_id
     join products p on p.id = s.product_id
     where ${own} and s.id = $2 and k.slot = $3 and k.replaced_at is null`,
    [given.viewer, given.subscriptionId, given.slot],
  );
