import type { Environment } from '../base/environment.ts';
import type { AuthMethod, ClientKind } from '../clients/client.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { GrantType, Limit, Price } from '../products/product.ts';

/** What a subscription's page says of the product. */
export type Surroundings = {
  description: string;
  audience: string;
  rate: Limit | null;
  quota: Limit | null;
  priceNote: string;
  price: Price | null;
  /** Announced: from that day on it opens nothing. */
  retiresOn: string | null;
  deprecationNotice: string;
  retired: boolean;
};

export const findSurroundings = (
  db: Db,
  subscriptionId: string,
): Promise<Surroundings | undefined> =>
  maybeOne<Surroundings>(
    db,
    `select p.description, p.audience,
       case when p.rate_calls is not null
         then json_build_object('calls', p.rate_calls, 'seconds', p.rate_seconds) end as rate,
       case when p.quota_calls is not null
         then json_build_object('calls', p.quota_calls, 'seconds', p.quota_seconds) end as quota,
       p.price_note as "priceNote",
       case when p.price_currency is not null
         then json_build_object('includedCalls', p.price_included_calls, 'perThousand',
           trim_scale(p.price_per_thousand)::text, 'currency', p.price_currency) end as price,
       p.retires_on::text as "retiresOn",
       p.deprecation_notice as "deprecationNotice",
       p.state = 'retired' or coalesce(p.retires_on <= current_date, false) as retired
     from subscriptions s join products p on p.id = s.product_id where s.id = $1`,
    [subscriptionId],
  );

/** A client of a subscription, as its page lists it. */
export type SubscribedClient = {
  id: string;
  name: string;
  environment: Environment;
  kind: ClientKind;
  authMethod: AuthMethod;
  grantTypes: GrantType[];
  secrets: number;
  /** Of its secrets the one that lives longest; null: for ever, or there is none. */
  secretEnds: Date | null;
};

/** Those that the team made first, then the two that came with it. */
export const listClientsOf = (db: Db, subscriptionId: string): Promise<SubscribedClient[]> =>
  many<SubscribedClient>(
    db,
    `select c.id, c.name, c.environment, c.kind, c.auth_method as "authMethod",
       c.grant_types as "grantTypes",
       (select count(*)::int from client_secrets s
        where s.client_id = c.id and (s.expires_at is null or s.expires_at > now())) as secrets,
       (select nullif(max(coalesce(s.expires_at, 'infinity')), 'infinity') from client_secrets s
        where s.client_id = c.id and (s.expires_at is null or s.expires_at > now())) as "secretEnds"
     from client_subscriptions cs join clients c on c.id = cs.client_id
     where cs.subscription_id = $1
     order by array_position(array['application', 'console', 'test_application'], c.kind),
       c.created_at, c.id`,
    [subscriptionId],
  );
