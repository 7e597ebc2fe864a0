import type pg from 'pg';
import type { Environment } from '../base/environment.ts';
import { digest } from '../base/secrets.ts';
import { urlOf } from '../base/url.ts';
import type { Stopped } from '../suspensions/suspension.ts';
import {
  type CalledApi,
  type CalledOpening,
  type CalledProduct,
  listCalledApis,
  listCalledDocuments,
  listCalledOpenings,
  listCalledProducts,
  listStopped,
} from './catalogue-store.ts';
import { looksLikeCredential } from './gateway.ts';
import { type LiveCredential, listLiveCredentials } from './gateway-store.ts';
import { type Operations, operationsOf } from './operations.ts';

/** Everything that decides about calls and is not somebody's own: small enough to be held whole. */
export type Catalogue = {
  apis: ReadonlyMap<string, OpenedApi>;
  products: ReadonlyMap<string, CalledProduct>;
  /** Whose credential this is; undefined: no gateway's. */
  gatewayWith(credential: string): KnownGateway | undefined;
  isStopped(thing: Stopped): boolean;
  /** Whether there is a product of this audience. */
  isAudience(environment: Environment, audience: string): boolean;
};

export type KnownGateway = {
  id: string;
  /** Null: all. */
  baseUrlName: string | null;
  /** When its credential ends, in milliseconds. Null: until somebody ends it. */
  endsAt: number | null;
};

export type OpenedApi = CalledApi & { openings: readonly Opening[] };

export type Opening = {
  product: CalledProduct;
  baseUrlName: string;
  /** The base URL's, without a slash at the end. */
  path: string;
  operations: Operations;
};

/** Reads the catalogue. Documents are read again only when they were written anew. */
export function catalogueReader(pool: pg.Pool): () => Promise<Catalogue> {
  let compiled = new Map<string, Operations>();
  return async () => {
    const [apis, products, openings, credentials, stopped] = await Promise.all([
      listCalledApis(pool),
      listCalledProducts(pool),
      listCalledOpenings(pool),
      listLiveCredentials(pool),
      listStopped(pool),
    ]);
    compiled = await compileNew(pool, openings, compiled);
    const byId = new Map(products.map((product) => [product.id, product]));
    const audiences = new Set(products.map((one) => `${one.environment} ${one.audience}`));
    const stops = new Set(stopped.map(nameOf));
    const opened = openingsByApi(openings, byId, compiled);
    return {
      apis: new Map(apis.map((api) => [api.id, { ...api, openings: opened.get(api.id) ?? [] }])),
      products: byId,
      gatewayWith: gatewaysBy(credentials),
      isAudience: (environment, audience) => audiences.has(`${environment} ${audience}`),
      isStopped: (thing) => stops.size > 0 && stops.has(nameOf(thing)),
    };
  };
}

/** Each gateway shows the same credential for every call: what it came to is remembered. */
function gatewaysBy(credentials: readonly LiveCredential[]): Catalogue['gatewayWith'] {
  const byDigest = new Map(
    credentials.map(({ gatewayId, baseUrlName, digest: named, expiresAt }) => [
      named.toString('base64'),
      { id: gatewayId, baseUrlName, endsAt: expiresAt?.getTime() ?? null },
    ]),
  );
  const shown = new Map<string, KnownGateway>();
  return (credential) => {
    const known = shown.get(credential);
    if (known || !looksLikeCredential(credential)) return known;
    const found = byDigest.get(digest(credential).toString('base64'));
    if (found) shown.set(credential, found);
    return found;
  };
}

const nameOf = ({ kind, id }: Stopped): string => `${kind}:${id}`;
const keyOf = ({ apiId, version, written }: CalledOpening): string =>
  `${apiId}\0${version}\0${written}`;

async function compileNew(
  pool: pg.Pool,
  openings: readonly CalledOpening[],
  known: ReadonlyMap<string, Operations>,
): Promise<Map<string, Operations>> {
  const wanted = new Map(openings.map((opening) => [keyOf(opening), opening]));
  const missing = [...wanted].filter(([key]) => !known.has(key));
  const documents =
    missing.length > 0
      ? await listCalledDocuments(
          pool,
          missing.map(([, one]) => one),
        )
      : [];
  const fresh = missing.flatMap(([key, { apiId, version }]) => {
    const found = documents.find((one) => one.apiId === apiId && one.version === version);
    return found ? [[key, operationsOf(found.document)] as const] : []; // else it is about to be told
  });
  const kept = [...known].filter(([key]) => wanted.has(key));
  return new Map([...kept, ...fresh]);
}

function openingsByApi(
  all: readonly CalledOpening[],
  products: ReadonlyMap<string, CalledProduct>,
  compiled: ReadonlyMap<string, Operations>,
): Map<string, Opening[]> {
  const byApi = new Map<string, Opening[]>();
  for (const opening of all) {
    const product = products.get(opening.productId);
    const operations = compiled.get(keyOf(opening));
    if (!product || !operations) continue;
    const path = (urlOf(opening.url)?.pathname ?? opening.url).replace(/\/+$/, '');
    const others = byApi.get(opening.apiId) ?? [];
    byApi.set(opening.apiId, [
      ...others,
      { product, baseUrlName: opening.baseUrlName, path, operations },
    ]);
  }
  return byApi;
}
