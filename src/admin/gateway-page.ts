import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { NotFound } from '../base/errors.ts';
import { counted, dayInWords } from '../base/in-words.ts';
import { onDay } from '../clients/words.ts';
import type { Db } from '../db/pool.ts';
import { mostCredentials } from '../gateway/gateway.ts';
import {
  findGateway,
  listCredentialsOf,
  listGateways,
  listLiveCredentials,
} from '../gateway/gateway-store.ts';
import { listBaseUrlNames } from '../products/api-store.ts';

const everywhere = 'all base URLs';

/** The page object of views/admin/gateways.ejs. */
export async function gatewaysPage(
  db: Db,
  { mayEdit, done, open }: { mayEdit: boolean; done: string | null; open: boolean },
): Promise<object> {
  const live = await listLiveCredentials(db);
  const gateways = await listGateways(db);
  return {
    mayEdit,
    done,
    open,
    gateways: gateways.map(({ id, name, baseUrlName, createdAt }) => {
      const own = live.filter(({ gatewayId }) => gatewayId === id).length;
      return {
        id,
        name,
        before: baseUrlName ?? everywhere,
        since: dayInWords(createdAt),
        credentials: own > 0 ? counted(own, 'credential') : open ? 'none' : 'none: it is refused',
      };
    }),
  };
}

/** What one of the forms held, and what came of it. */
export type ToldOfGateway = {
  done?: string | null;
  problem?: string | null;
  typed?: { name: string; baseUrlName: string };
  errors?: Readonly<Record<string, string>>;
  /** A credential that was made just now. */
  made?: string;
};

/** The page object of views/admin/gateway-new.ejs. */
export const newGatewayPage = async (db: Db, told: ToldOfGateway): Promise<object> => ({
  errors: told.errors ?? {},
  typed: told.typed ?? { name: '', baseUrlName: '' },
  baseUrlNames: await listBaseUrlNames(db),
});

/** The page object of views/admin/gateway.ejs. @throws {NotFound} `gateway_not_found` */
export async function gatewayPage(
  db: Db,
  {
    id,
    baseUrl,
    mayEdit,
    reader,
  }: { id: string; baseUrl: string; mayEdit: boolean; reader: string },
  told: ToldOfGateway,
): Promise<object> {
  const gateway = await findGateway(db, id);
  if (!gateway) throw new NotFound('gateway_not_found', 'There is no such gateway.');
  const { name, baseUrlName, createdAt } = gateway;
  const credentials = await listCredentialsOf(db, id);
  const baseUrlNames = await listBaseUrlNames(db);
  const history = await listActsAbout(db, { kind: 'gateway', id }, { limit: 20 });
  return {
    id,
    name,
    mayEdit,
    done: told.done ?? null,
    problem: told.problem ?? null,
    errors: told.errors ?? {},
    made: told.made ?? null,
    typed: told.typed ?? { name, baseUrlName: baseUrlName ?? '' },
    since: dayInWords(createdAt),
    before: baseUrlName ?? everywhere,
    stranded: baseUrlName !== null && !baseUrlNames.includes(baseUrlName),
    baseUrlNames,
    verifyUrl: `${baseUrl}/gateway/verify/`,
    mayMake: credentials.length < mostCredentials,
    credentials: credentials.map((one) => ({
      id: one.id,
      ending: one.lastFour,
      made: onDay(one.createdAt),
      by: one.createdByName ?? '',
    })),
    history: historyOf(history, reader),
  };
}
