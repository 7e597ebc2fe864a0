import { Conflict } from '../base/errors.ts';
import { breaks, type Db, many, maybeOne } from '../db/pool.ts';
import type { Gateway, GatewayCredential } from './gateway.ts';

const columns = `g.id, g.name, g.base_url_name as "baseUrlName", g.created_at as "createdAt"`;

/** By name. */
export const listGateways = (db: Db): Promise<Gateway[]> =>
  many<Gateway>(db, `select ${columns} from gateways g order by lower(g.name), g.id`);

export const findGateway = (db: Db, id: string): Promise<Gateway | undefined> =>
  maybeOne<Gateway>(db, `select ${columns} from gateways g where g.id = $1`, [id]);

export const findGatewayByName = (db: Db, name: string): Promise<Gateway | undefined> =>
  maybeOne<Gateway>(db, `select ${columns} from gateways g where g.name = $1`, [name]);

/** Whoever changes its credentials holds it: of two at once the second sees what the first did. */
export const lockGateway = (db: Db, id: string): Promise<Gateway | undefined> =>
  maybeOne<Gateway>(db, `select ${columns} from gateways g where g.id = $1 for update`, [id]);

/** @throws {Conflict} `name_taken` */
export async function insertGateway(
  db: Db,
  row: { name: string; baseUrlName: string | null; createdBy: string | null },
): Promise<Gateway> {
  const made = await orNameTaken(
    maybeOne<Gateway>(
      db,
      `insert into gateways as g (name, base_url_name, created_by) values ($1, $2, $3)
       returning ${columns}`,
      [row.name, row.baseUrlName, row.createdBy],
    ),
  );
  return made as Gateway; // an insert without "on conflict" returns its row
}

/** @throws {Conflict} `name_taken` */
export const updateGateway = async (
  db: Db,
  { id, name, baseUrlName }: { id: string; name: string; baseUrlName: string | null },
): Promise<void> => {
  await orNameTaken(
    db.query('update gateways set name = $2, base_url_name = $3 where id = $1', [
      id,
      name,
      baseUrlName,
    ]),
  );
};

async function orNameTaken<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!breaks(error, 'gateways_name_key')) throw error;
    const message = 'Another gateway has this name: choose one of its own.';
    throw new Conflict('name_taken', message, { cause: error });
  }
}

/** With its credentials. */
export const deleteGateway = async (db: Db, id: string): Promise<void> => {
  await db.query('delete from gateways where id = $1', [id]);
};

const live = '(c.expires_at is null or c.expires_at > now())';

/** Those that still hold, oldest first. */
export const listCredentialsOf = (db: Db, gatewayId: string): Promise<GatewayCredential[]> =>
  many<GatewayCredential>(
    db,
    `select c.id, c.last_four as "lastFour", c.created_at as "createdAt",
       a.name as "createdByName", c.expires_at as "expiresAt"
     from gateway_credentials c left join accounts a on a.id = c.created_by
     where c.gateway_id = $1 and ${live} order by c.created_at, c.id`,
    [gatewayId],
  );

export type LiveCredential = {
  gatewayId: string;
  baseUrlName: string | null;
  digest: Buffer;
  expiresAt: Date | null;
};

/** What every request of a gateway is compared with: all that still hold, of all gateways. */
export const listLiveCredentials = (db: Db): Promise<LiveCredential[]> =>
  many<LiveCredential>(
    db,
    `select g.id as "gatewayId", g.base_url_name as "baseUrlName", c.digest,
       c.expires_at as "expiresAt"
     from gateway_credentials c join gateways g on g.id = c.gateway_id
     where ${live} order by g.id, c.created_at, c.id`,
  );

export const insertCredential = async (
  db: Db,
  row: { gatewayId: string; digest: Buffer; lastFour: string; createdBy: string | null },
): Promise<void> => {
  await db.query(
    `insert into gateway_credentials (gateway_id, digest, last_four, created_by)
     values ($1, $2, $3, $4)`,
    [row.gatewayId, row.digest, row.lastFour, row.createdBy],
  );
};

/** Ends one that still holds, now. Undefined: there is none. */
export const endCredential = (
  db: Db,
  { gatewayId, credentialId }: { gatewayId: string; credentialId: string },
): Promise<{ lastFour: string } | undefined> =>
  maybeOne(
    db,
    `update gateway_credentials c set expires_at = now()
     where c.gateway_id = $1 and c.id = $2 and ${live} returning c.last_four as "lastFour"`,
    [gatewayId, credentialId],
  );
