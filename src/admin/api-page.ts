import { listActsAbout } from '../audit/store.ts';
import { historyOf } from '../audit/words.ts';
import { counted } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import { type Api, versionsOf } from '../products/api.ts';
import { listOpeningsOf } from '../products/api-store.ts';
import { fingerprintOf } from './product-editing.ts';
import { listApiLines } from './product-store.ts';

/** The page object of views/admin/apis.ejs. */
export async function apisPage(db: Db, { mayEdit }: { mayEdit: boolean }): Promise<object> {
  const apis = await listApiLines(db);
  return {
    mayEdit,
    apis: apis.map(({ versions, products, ...one }) => ({
      ...one,
      versions: counted(versions, 'version'),
      products: counted(products, 'product'),
    })),
  };
}

/** What was typed into the forms of an API's page, and what came of it. */
export type ToldOfApi = {
  done?: string | null;
  problem?: string | null;
  typed?: { id?: string; document?: string; baseUrls?: string } & Partial<
    Pick<Api, 'keyHeader' | 'keyParameter' | 'cors'>
  >;
  errors?: Readonly<Record<string, string>>;
};

/** The page object of views/admin/api.ejs. */
export async function apiPage(
  db: Db,
  api: Api,
  { told, mayEdit, reader }: { told: ToldOfApi; mayEdit: boolean; reader: string },
): Promise<object> {
  const openings = await listOpeningsOf(db, api.id);
  return {
    done: told.done ?? null,
    problem: told.problem ?? null,
    errors: told.errors ?? {},
    mayEdit,
    id: api.id,
    name: api.name,
    description: api.description,
    read: fingerprintOf(api),
    versions: versionsOf(api).map(({ version, document }) => ({
      version,
      current: version === api.version,
      operations: counted(operationsIn(document), 'operation'),
    })),
    openings: openings.map(({ version, ...one }) => ({
      ...one,
      version: version ?? 'current version',
    })),
    typed: {
      document: told.typed?.document ?? '',
      baseUrls:
        told.typed?.baseUrls ?? api.baseUrls.map(({ name, url }) => `${name} ${url}`).join('\n'),
      keyHeader: told.typed?.keyHeader ?? api.keyHeader,
      keyParameter: told.typed?.keyParameter ?? api.keyParameter,
      cors: told.typed?.cors ?? api.cors,
    },
    history: historyOf(await listActsAbout(db, { kind: 'api', id: api.id }, { limit: 20 }), reader),
  };
}

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

function operationsIn({ paths }: Record<string, unknown>): number {
  if (typeof paths !== 'object' || paths === null) return 0;
  return Object.values(paths)
    .filter((path) => typeof path === 'object' && path !== null)
    .flatMap((path) => Object.keys(path).filter((name) => methods.includes(name))).length;
}
