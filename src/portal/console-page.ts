import { consoleCallbackPath } from '../clients/client.ts';
import { consoleClientId, testApplicationId } from '../clients/service.ts';
import type { Db } from '../db/pool.ts';
import { findApiDocument } from '../products/api-store.ts';
import { listScopesOf } from '../products/catalogue-store.ts';
import { prefixOf } from '../subscriptions/key.ts';
import { listTestUsersFor } from '../test-users/store.ts';
import { suffice } from './api-access.ts';
import { outlineOf } from './api-outline.ts';
import { type Operation, operationOf } from './console-operation.ts';
import {
  type ConsoleSubscription,
  listConsoleSubscriptions,
  listOpenings,
  type Opening,
} from './console-store.ts';

type Visit = {
  /** An account; null: a visitor. */
  viewer: string | null;
  apiId: string;
  operationId: string;
  /** Which one to begin with, where it is theirs. */
  subscription: string;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
};

/** The page object of views/portal/console.ejs; undefined for what they do not see. */
export async function consolePage(
  db: Db,
  { viewer, apiId, operationId, subscription, baseUrl }: Visit,
): Promise<object | undefined> {
  const openings = await listOpenings(db, { viewer, apiId });
  const all = viewer === null ? [] : await listConsoleSubscriptions(db, { viewer, apiId });
  const first = all.find(({ id }) => id === subscription) ?? all[0];
  const own = openings.filter(({ productId }) => productId === first?.productId);
  const found = await firstWith(db, { apiId, operationId, openings: [...own, ...openings] });
  if (!found) return undefined;
  const { opening, document, operation, others } = found;

  const teams = [...new Set(all.map(({ teamId }) => teamId))];
  const testUsers = await Promise.all(teams.map((teamId) => listTestUsersFor(db, teamId)));
  const subscriptions = all.map((one) => ({
    ...inConsole(one, openings),
    lacks: !suffice(namesOf(one.scopes), operation.needs),
    testUsers: (testUsers[teams.indexOf(one.teamId)] ?? []).map(({ id, name, title }) => ({
      id,
      name,
      title,
    })),
  }));
  const info = document.info as { title?: unknown } | undefined; // the programme's rules ask for one
  return {
    api: { id: apiId, name: String(info?.title ?? apiId) },
    product: { id: opening.productId, name: opening.productName },
    opensIt: await productFor(db, operation, openings),
    operation,
    others,
    subscriptions,
    chosen: first?.id ?? '',
    several: teams.length > 1,
    signedIn: viewer !== null,
    keyAlone: first?.credentials === 'key',
    startWith: first ? wayToStart(first, operation) : '',
    wiring: JSON.stringify({
      owner: viewer ?? '',
      api: apiId,
      operation: forScript(operation),
      keyHeader: opening.keyHeader.toLowerCase(),
      visible: { id: '', bases: basesOf(openings.filter(ofSandbox)) },
      subscriptions,
      issuer: `${baseUrl}/sandbox`,
      authorizationEndpoint: `${baseUrl}/sandbox/auth`,
      tokenEndpoint: `${baseUrl}/sandbox/token`,
      redirectUri: `${baseUrl}${consoleCallbackPath}`,
    }),
  };
}

const ofSandbox = ({ environment }: Opening): boolean => environment === 'sandbox';

/** Where a link to the console of a whole API leads: its first operation. */
export async function firstOperationOf(
  db: Db,
  { viewer, apiId }: { viewer: string | null; apiId: string },
): Promise<string | undefined> {
  const [opening] = await listOpenings(db, { viewer, apiId });
  const document = opening && (await findApiDocument(db, { apiId, version: opening.version }));
  return document && outlineOf(document).groups[0]?.operations[0]?.id;
}

/** Where the operation is found first: products may open different versions of an API. */
async function firstWith(
  db: Db,
  { apiId, operationId, openings }: { apiId: string; operationId: string; openings: Opening[] },
) {
  const seen = new Set<string>();
  for (const opening of openings) {
    if (seen.has(opening.version)) continue;
    seen.add(opening.version);
    const document = await findApiDocument(db, { apiId, version: opening.version });
    const found = document && operationOf(document, operationId);
    if (found) return { opening, document, ...found };
  }
  return undefined;
}

const namesOf = (scopes: readonly { scope: string }[]): string[] =>
  scopes.map(({ scope }) => scope);

/** The first of the products that opens this operation. */
async function productFor(
  db: Db,
  operation: Operation,
  openings: readonly Opening[],
): Promise<{ id: string; name: string } | null> {
  for (const { productId: id, productName: name } of openings) {
    if (suffice(namesOf(await listScopesOf(db, id)), operation.needs)) return { id, name };
  }
  return null;
}

/** What the script reads; words that stand on the page already are left out. */
const forScript = ({ id, method, path, answers, ...rest }: Operation) => ({
  id,
  method,
  path,
  accept: answers[0] ?? '*/*',
  parameters: rest.parameters.map(({ name, schema, required, in: place }) => ({
    name,
    in: place,
    required,
    schema,
  })),
  bodies: rest.bodies,
  bodyRequired: rest.bodyRequired,
});

/** How a token is got, unless somebody chooses otherwise: a grant, or `none`, or one they have. */
function wayToStart(
  { credentials, environment, grantTypes }: ConsoleSubscription,
  { needs }: Operation,
): string {
  if (needs.length === 0 || credentials === 'key') return 'none';
  if (environment === 'live') return 'pasted';
  const ways = ['authorization_code', 'client_credentials', 'password'] as const;
  return ways.find((way) => grantTypes.includes(way)) ?? ways[0];
}

const inConsole = (one: ConsoleSubscription, openings: readonly Opening[]) => ({
  id: one.id,
  environment: one.environment,
  keyMask: `${prefixOf(one.environment)}••••`,
  name: one.name,
  teamName: one.teamName,
  productId: one.productId,
  productName: one.productName,
  clientId: consoleClientId(one.id),
  testApplication: testApplicationId(one.id),
  grants: one.environment === 'live' ? [] : one.grantTypes, // no client of the console is live
  scopes: one.scopes,
  keys: one.keys,
  bases: basesOf(openings.filter(({ productId }) => productId === one.productId)),
});

const basesOf = (openings: readonly Opening[]): { name: string; url: string }[] =>
  [...new Map(openings.map(({ baseUrl, url }) => [baseUrl, url]))].map(([name, url]) => ({
    name,
    url,
  }));
