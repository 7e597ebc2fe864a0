import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';
import type { Api, BaseUrl } from './api.ts';

export const upsertApi = async (db: Db, api: Omit<Api, 'baseUrls'>): Promise<void> => {
  await db.query(
    `insert into apis (id, name, version, description, document) values ($1, $2, $3, $4, $5)
     on conflict (id) do update set name = excluded.name, version = excluded.version,
       description = excluded.description, document = excluded.document`,
    [api.id, api.name, api.version, api.description, api.document],
  );
};

export const upsertBaseUrl = async (db: Db, apiId: string, baseUrl: BaseUrl): Promise<void> => {
  await db.query(
    `insert into api_base_urls (api_id, name, url) values ($1, $2, $3)
     on conflict (api_id, name) do update set url = excluded.url`,
    [apiId, baseUrl.name, baseUrl.url],
  );
};

/** Call it once no product stands on another. */
export const deleteOtherBaseUrls = async (
  db: Db,
  apiId: string,
  names: readonly string[],
): Promise<void> => {
  await db.query('delete from api_base_urls where api_id = $1 and name <> all ($2)', [
    apiId,
    names,
  ]);
};

/** The audiences of the products of one environment that open this API, whatever base URL. */
export const listAudiencesOf = async (
  db: Db,
  { apiId, environment }: { apiId: string; environment: Environment },
): Promise<string[]> => {
  const rows = await many<{ audience: string }>(
    db,
    `select distinct p.audience from products p join product_apis a on a.product_id = p.id
     where a.api_id = $1 and p.environment = $2 order by p.audience`,
    [apiId, environment],
  );
  return rows.map(({ audience }) => audience);
};
