import type { Environment } from '../base/environment.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { GrantType } from '../products/product.ts';
import { type Application, applicationColumns } from './application-store.ts';

/** Anybody's client, for the programme's own people. */
export const findAnyClient = (db: Db, id: string): Promise<Application | undefined> =>
  maybeOne<Application>(
    db,
    `select ${applicationColumns} from clients c left join teams t on t.id = c.team_id
     where c.id = $1`,
    [id],
  );

/** What a first-party client may be registered for. */
export type OfferedProduct = {
  id: string;
  productName: string;
  environment: Environment;
  state: string;
  grantTypes: GrantType[];
};

/** All but retired ones, and what the client is named for already, by environment and name. */
export const listOfferedProducts = (
  db: Db,
  clientId: string | null,
): Promise<(OfferedProduct & { tied: boolean })[]> =>
  many(
    db,
    `select p.id, p.name as "productName", p.environment, p.state, p.grant_types as "grantTypes",
       cp.client_id is not null as tied
     from products p left join client_products cp on cp.product_id = p.id and cp.client_id = $1
     where p.state <> 'retired' or cp.client_id is not null
     order by p.environment desc, lower(p.name), p.id`,
    [clientId],
  );
