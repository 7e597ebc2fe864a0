import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import { Conflict } from '../base/errors.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import { consoleClientId } from '../clients/service.ts';
import { findClient } from '../clients/store.ts';
import { type Db, transaction } from '../db/pool.ts';
import { saveTestUser } from '../test-users/service.ts';
import {
  type AppliedClient,
  applyFirstParty,
  applyPeople,
  applyRights,
} from './development-service.ts';
import { saveApi, saveProduct, trimApi } from './product-service.ts';
import type { Programme } from './programme.ts';
import { programmeChanges } from './programme-changes.ts';
import { mustFit } from './programme-fit.ts';
import { lockProgramme, saveProgrammeName } from './programme-store.ts';
import { programmeThere } from './programme-there.ts';

/** What a person at the screen may want to know: all of it is published or for development only. */
export type Applied = {
  name: string;
  /** What it changed: `programmeChanges`. */
  changes: string[];
  accounts: { email: string; password: string; roles: string[] }[];
  testUsers: { username: string; name: string; title: string; role: string; password: string }[];
  clients: AppliedClient[];
  /** Of the active sandbox subscriptions that the programme names. */
  consoleClients: { id: string; productId: string; redirectUris: string[] }[];
};

/**
 * Brings the database to what the programme says, all of it or nothing; a second time changes
 * nothing. What the programme does not name stays as it is.
 * @param options.development whether people with published passwords may be made.
 * @throws {Conflict} `development_programme` when they may not; `id_taken` when something of the
 * same id belongs to someone else.
 * @throws {Misfit} when it does not fit to what else is there.
 */
export async function applyProgramme(
  pool: pg.Pool,
  keyring: Keyring,
  passwords: Passwords,
  programme: Programme,
  options: { development: boolean; baseUrl: string },
): Promise<Applied> {
  const { development } = programme;
  mustBeAllowed(programme, options);
  return transaction(pool, async (tx) => {
    await lockProgramme(tx);
    const there = await programmeThere(tx, { keyring, passwords }, programme);
    await mustFit(tx, programme, there);
    const changes = programmeChanges(there, programme);

    if (development) await applyPeople(tx, passwords, development, there.development);
    await applyProducts(tx, options.baseUrl, programme, there);
    const rights = { keyring, baseUrl: options.baseUrl };
    const clients = development ? await applyRights(tx, rights, development) : [];
    await applyFirstParty(tx, programme);
    await applyTestUsers(tx, keyring, programme);
    await saveProgrammeName(tx, programme.name);
    if (changes.length > 0) {
      const detail = { changes: changes.slice(0, 100), of: changes.length };
      await recordAct(tx, { actor, action: 'programme.applied', detail });
    }
    return {
      name: programme.name,
      changes,
      accounts: development?.accounts ?? [],
      testUsers: programme.testUsers,
      clients,
      consoleClients: await consoleClientsOf(tx, programme),
    };
  });
}

function mustBeAllowed(programme: Programme, options: { development: boolean }): void {
  if (!programme.development || options.development) return;
  throw new Conflict(
    'development_programme',
    'programme/development.yaml holds published passwords; in production remove it or point ' +
      'PROGRAMME_DIR elsewhere.',
  );
}

/** The operator, at the machine. */
const actor = { kind: 'system' } as const;

/** What applying would change, and changes nothing. It throws what `applyProgramme` does. */
export async function compareProgramme(
  pool: pg.Pool,
  keyring: Keyring,
  passwords: Passwords,
  programme: Programme,
  options: { development: boolean },
): Promise<string[]> {
  mustBeAllowed(programme, options);
  return transaction(pool, async (tx) => {
    await lockProgramme(tx);
    const there = await programmeThere(tx, { keyring, passwords }, programme);
    await mustFit(tx, programme, there);
    return programmeChanges(there, programme);
  });
}

async function applyProducts(
  tx: Db,
  baseUrl: string,
  { apis, products }: Programme,
  there: Programme,
): Promise<void> {
  const doer = { actor };
  for (const wanted of apis) {
    await saveApi(tx, doer, { wanted, there: there.apis.find(({ id }) => id === wanted.id) });
  }
  for (const wanted of products) {
    const before = there.products.find(({ id }) => id === wanted.id);
    await saveProduct(tx, { baseUrl }, doer, { wanted, there: before });
  }
  for (const api of apis) await trimApi(tx, api);
}

async function applyTestUsers(tx: Db, keyring: Keyring, { testUsers }: Programme): Promise<void> {
  for (const [position, { team, ...testUser }] of testUsers.entries()) {
    await saveTestUser(tx, keyring, { ...testUser, teamId: team, position });
  }
}

async function consoleClientsOf(
  tx: Db,
  { development, products }: Programme,
): Promise<Applied['consoleClients']> {
  const sandbox = products.filter((p) => p.environment === 'sandbox').map(({ id }) => id);
  const active = (development?.subscriptions ?? []).filter(
    ({ state, product }) => state === 'active' && sandbox.includes(product),
  );
  const clients: Applied['consoleClients'] = [];
  for (const { id, product } of active) {
    const client = await findClient(tx, 'sandbox', consoleClientId(id));
    if (!client) continue;
    clients.push({ id: client.id, productId: product, redirectUris: client.redirectUris });
  }
  return clients;
}
