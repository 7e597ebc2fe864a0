import type pg from 'pg';
import { Conflict } from '../base/errors.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import { consoleClientId } from '../clients/service.ts';
import { findClient } from '../clients/store.ts';
import { type Db, transaction } from '../db/pool.ts';
import { deleteOtherBaseUrls, upsertApi, upsertBaseUrl } from '../products/api-store.ts';
import { saveProductApis, saveScopes, upsertProduct } from '../products/store.ts';
import { saveTestUser } from '../test-users/service.ts';
import { type AppliedClient, applyDevelopment } from './development-service.ts';
import type { Programme } from './programme.ts';
import { lockProgramme, saveProgrammeName } from './programme-store.ts';

/** What a person at the screen may want to know: all of it is published or for development only. */
export type Applied = {
  name: string;
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
 */
export async function applyProgramme(
  pool: pg.Pool,
  keyring: Keyring,
  passwords: Passwords,
  programme: Programme,
  options: { development: boolean; baseUrl: string },
): Promise<Applied> {
  const { development } = programme;
  if (development && !options.development) {
    throw new Conflict(
      'development_programme',
      'programme/development.yaml holds published passwords; in production remove it or point ' +
        'PROGRAMME_DIR elsewhere.',
    );
  }
  return transaction(pool, async (tx) => {
    await lockProgramme(tx);
    await applyProducts(tx, programme);
    const clients = development
      ? await applyDevelopment(tx, { keyring, passwords, baseUrl: options.baseUrl }, development)
      : [];
    await applyTestUsers(tx, keyring, programme);
    await saveProgrammeName(tx, programme.name);
    return {
      name: programme.name,
      accounts: development?.accounts ?? [],
      testUsers: programme.testUsers,
      clients,
      consoleClients: await consoleClientsOf(tx, programme),
    };
  });
}

async function applyProducts(tx: Db, { apis, products }: Programme): Promise<void> {
  for (const api of apis) {
    await upsertApi(tx, api);
    for (const baseUrl of api.baseUrls) await upsertBaseUrl(tx, api.id, baseUrl);
  }
  for (const product of products) {
    await upsertProduct(tx, product);
    await saveScopes(tx, product.id, product.scopes, product.roleScopes);
    await saveProductApis(tx, product.id, product.apis);
  }
  for (const { id, baseUrls } of apis) {
    await deleteOtherBaseUrls(
      tx,
      id,
      baseUrls.map(({ name }) => name),
    );
  }
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
