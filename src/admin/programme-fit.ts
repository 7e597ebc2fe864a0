import { DomainError } from '../base/errors.ts';
import type { Db } from '../db/pool.ts';
import { versionsOf } from '../products/api.ts';
import { listOpeningsOf } from '../products/api-store.ts';
import type { Fault } from './faults.ts';
import type { Programme } from './programme.ts';
import {
  listAudiences,
  listClientsThere,
  listSharedUsernames,
  listTestUserIds,
  listUnknownTeams,
} from './programme-there-store.ts';

/** A programme that is sound in itself and does not fit to what is there. */
export class Misfit extends DomainError {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ path, message }) => `  ${path.join('.')}: ${message}\n`);
    super('does_not_fit', `Nothing was changed:\n${lines.join('')}`);
    this.faults = faults;
  }
}

/** What only the database can tell. Ask it under `lockProgramme`. */
export const misfitsOf = async (
  tx: Db,
  programme: Programme,
  there: Programme,
): Promise<Fault[]> => [
  ...productMisfits(programme, there),
  ...(await audienceMisfits(tx, programme)),
  ...(await teamMisfits(tx, programme)),
  ...(await openingMisfits(tx, programme)),
  ...(await testUserMisfits(tx, programme)),
  ...(await clientMisfits(tx, programme)),
];

/** @throws {Misfit} */
export async function mustFit(tx: Db, programme: Programme, there: Programme): Promise<void> {
  const faults = await misfitsOf(tx, programme, there);
  if (faults.length > 0) throw new Misfit(faults);
}

const productMisfits = ({ products }: Programme, there: Programme): Fault[] =>
  products.flatMap(({ id, environment }, at) => {
    const before = there.products.find((one) => one.id === id)?.environment;
    if (!before || before === environment) return [];
    const message = `"${id}" is a product of ${before} and stays one: make another`;
    return [{ path: ['products', at, 'environment'], message }];
  });

async function audienceMisfits(tx: Db, { products }: Programme): Promise<Fault[]> {
  const taken = await listAudiences(
    tx,
    products.map(({ audience }) => audience),
  );
  return products.flatMap(({ id, environment, audience }, at) => {
    const other = taken.find(
      (one) => one.id !== id && one.environment === environment && one.audience === audience,
    );
    // two of the programme that change places are sound
    if (!other || products.some((one) => one.id === other.id)) return [];
    const message = `"${audience}" is already taken by product ${other.id}`;
    return [{ path: ['products', at, 'audience'], message }];
  });
}

async function teamMisfits(tx: Db, { products, development }: Programme): Promise<Fault[]> {
  const made = (development?.teams ?? []).map(({ id }) => id);
  const invited = products.flatMap((product) => product.invited);
  const unknown = await listUnknownTeams(
    tx,
    invited.filter((id) => !made.includes(id)),
  );
  return products.flatMap((product, at) =>
    product.invited.flatMap((id, i) =>
      unknown.includes(id)
        ? [{ path: ['products', at, 'invited', i], message: `there is no team "${id}"` }]
        : [],
    ),
  );
}

/** Products that the programme does not name go on opening what they open. */
async function openingMisfits(tx: Db, { apis, products }: Programme): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [at, api] of apis.entries()) {
    const openings = (await listOpeningsOf(tx, api.id)).filter(
      ({ productId }) => !products.some(({ id }) => id === productId),
    );
    for (const { productId, version, baseUrl } of openings) {
      if (!api.baseUrls.some(({ name }) => name === baseUrl)) {
        const message = `"${baseUrl}" cannot go: product ${productId} opens it`;
        faults.push({ path: ['apis', at, 'baseUrls'], message });
      }
      if (version && !versionsOf(api).some((one) => one.version === version)) {
        const message = `version ${version} cannot go: product ${productId} opens it`;
        faults.push({ path: ['apis', at, 'otherVersions'], message });
      }
    }
  }
  return faults;
}

async function testUserMisfits(tx: Db, { testUsers }: Programme): Promise<Fault[]> {
  const ids = testUsers.map(({ id }) => id);
  const there = await listTestUserIds(tx, ids);
  const named = await listSharedUsernames(
    tx,
    testUsers.filter(({ team }) => team === null).map(({ username }) => username),
  );
  return testUsers.flatMap(({ id, team, username }, at) => {
    const own = there.find((one) => one.id === id);
    if (own && own.teamId !== team) {
      return [{ path: ['testUsers', at, 'id'], message: `"${id}" is another team’s` }];
    }
    const other = named.find((one) => one.username === username && !ids.includes(one.id));
    if (team !== null || !other) return [];
    const message = `"${username}" is already taken by ${other.id}`;
    return [{ path: ['testUsers', at, 'username'], message }];
  });
}

async function clientMisfits(tx: Db, { clients, products }: Programme): Promise<Fault[]> {
  const there = await listClientsThere(
    tx,
    clients.map(({ id }) => id),
  );
  return clients.flatMap(({ id, products: named }, at) => {
    const before = there.find((one) => one.id === id);
    const environment = products.find((product) => named.includes(product.id))?.environment;
    if (!before || (before.firstParty && before.environment === environment)) return [];
    const message = `"${id}" already belongs to another team or environment`;
    return [{ path: ['clients', at, 'id'], message }];
  });
}
