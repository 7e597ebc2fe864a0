import type { Environment } from '../base/environment.ts';
import { type Db, many } from '../db/pool.ts';
import { type Api, type BaseUrl, type OpenApi, versionsOf } from './api.ts';

/** With all its versions; which of the old ones go: `deleteOtherVersions`. */
export const upsertApi = async (db: Db, api: Api): Promise<void> => {
  await db.query(
    `insert into apis (id, name, version, description, key_header, key_parameter, cors)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update set name = excluded.name, version = excluded.version,
       description = excluded.description, key_header = excluded.key_header,
       key_parameter = excluded.key_parameter, cors = excluded.cors`,
    [api.id, api.name, api.version, api.description, api.keyHeader, api.keyParameter, api.cors],
  );
  const versions = versionsOf(api);
  await db.query(
    `insert into api_versions (api_id, version, document)
     select $1, s.* from unnest($2::text[], $3::json[]) as s
     on conflict (api_id, version) do update set document = excluded.document`,
    [
      api.id,
      versions.map(({ version }) => version),
      versions.map(({ document }) => JSON.stringify(document)),
    ],
  );
};

/** Call it once no product opens another. */
export const deleteOtherVersions = async (
  db: Db,
  apiId: string,
  versions: readonly string[],
): Promise<void> => {
  await db.query('delete from api_versions where api_id = $1 and version <> all ($2)', [
    apiId,
    versions,
  ]);
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

/** By id, with all versions. `ids`: only these; null: every one. */
export const listApis = (db: Db, ids: readonly string[] | null = null): Promise<Api[]> =>
  many<Api>(
    db,
    `select a.id, a.name, a.description, a.version, c.document, a.key_header as "keyHeader",
       a.key_parameter as "keyParameter", a.cors,
       (select coalesce(json_agg(json_build_object('version', version, 'document', document)
           order by version desc), '[]')
         from api_versions v where v.api_id = a.id and v.version <> a.version) as "otherVersions",
       (select coalesce(json_agg(json_build_object('name', name, 'url', url) order by name), '[]')
         from api_base_urls where api_id = a.id) as "baseUrls"
     from apis a join api_versions c on c.api_id = a.id and c.version = a.version
     where $1::text[] is null or a.id = any ($1) order by a.id`,
    [ids],
  );

/** The document of one version, where a product that names none stands for the current one. */
export const findApiDocument = async (
  db: Db,
  { apiId, version }: { apiId: string; version: string | null },
): Promise<OpenApi | undefined> => {
  const rows = await many<{ document: OpenApi }>(
    db,
    `select v.document from api_versions v join apis a on a.id = v.api_id
     where a.id = $1 and v.version = coalesce($2, a.version)`,
    [apiId, version],
  );
  return rows[0]?.document;
};

/** Which products open this API, in what version (null: the current one) and where; by product. */
export const listOpeningsOf = (
  db: Db,
  apiId: string,
): Promise<{ productId: string; name: string; version: string | null; baseUrl: string }[]> =>
  many(
    db,
    `select p.id as "productId", p.name, a.version, a.base_url_name as "baseUrl"
     from product_apis a join products p on p.id = a.product_id
     where a.api_id = $1 order by p.name, p.id, a.base_url_name`,
    [apiId],
  );

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

/** Of the base URLs of all APIs: the customer environments that there are. */
export const listBaseUrlNames = async (db: Db): Promise<string[]> => {
  const rows = await many<{ name: string }>(
    db,
    'select distinct name from api_base_urls order by name',
  );
  return rows.map(({ name }) => name);
};
