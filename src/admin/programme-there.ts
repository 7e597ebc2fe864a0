import { findAccountProfile } from '../accounts/profile-store.ts';
import { findAccountByEmail, findCredentials } from '../accounts/store.ts';
import { environments } from '../base/environment.ts';
import type { Passwords } from '../base/passwords.ts';
import { digest, type Keyring } from '../base/secrets.ts';
import { hasSecret } from '../clients/client.ts';
import { findSealedSecret, listSecrets } from '../clients/secret-store.ts';
import type { Db } from '../db/pool.ts';
import { listApis } from '../products/api-store.ts';
import { listWholeProducts } from '../products/store.ts';
import { findSubscription } from '../subscriptions/store.ts';
import { openTestUserPassword } from '../test-users/service.ts';
import { findTestUser } from '../test-users/store.ts';
import type { Development, Programme } from './programme.ts';
import { canBecome } from './programme-changes.ts';
import type { DevelopmentClient } from './programme-clients.ts';
import { findProgrammeName } from './programme-store.ts';
import {
  type ClientThere,
  listClientsThere,
  listTeamsThere,
  listTestUserIds,
} from './programme-there-store.ts';

type Tools = { keyring: Keyring; passwords: Passwords };

/** Stands for a secret that is another one than the programme's, or is none. */
const another = '';

/**
 * What is there of all that `wanted` names, in a programme's own words, so that the two can be
 * compared. A secret that is kept as a hash is told as the wanted one where it is that.
 */
export async function programmeThere(db: Db, tools: Tools, wanted: Programme): Promise<Programme> {
  const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
  const { development } = wanted;
  return {
    name: (await findProgrammeName(db)) ?? '',
    apis: await listApis(db, ids(wanted.apis)),
    products: await listWholeProducts(db, ids(wanted.products)),
    testUsers: await testUsersThere(db, tools.keyring, ids(wanted.testUsers)),
    clients: (await listClientsThere(db, ids(wanted.clients))).map(asFirstParty),
    ...(development && { development: await developmentThere(db, tools, development) }),
  };
}

/** All that a programme's own files can hold, development left out: in an order that is always the same. */
export const wholeProgramme = async (db: Db, keyring: Keyring): Promise<Programme> => ({
  name: (await findProgrammeName(db)) ?? '',
  apis: await listApis(db),
  products: await listWholeProducts(db, null),
  testUsers: await testUsersThere(db, keyring, null),
  clients: (await listClientsThere(db, null)).map(asFirstParty),
});

async function testUsersThere(
  db: Db,
  keyring: Keyring,
  ids: readonly string[] | null,
): Promise<Programme['testUsers']> {
  const all: Programme['testUsers'] = [];
  for (const { id } of await listTestUserIds(db, ids)) {
    const found = await findTestUser(db, id);
    if (!found) continue;
    const { teamId: team, username, name, title, about, role, claims, patient } = found;
    const password = openTestUserPassword(keyring, found);
    all.push({ id, team, username, password, name, title, about, role, claims, patient });
  }
  return all;
}

const asFirstParty = ({
  environment: _,
  subscriptions: __,
  firstParty: ___,
  ...client
}: ClientThere): Programme['clients'][number] => client;

async function developmentThere(
  db: Db,
  { keyring: _, passwords }: Tools,
  wanted: Development,
): Promise<Development> {
  const accounts: Development['accounts'] = [];
  for (const account of wanted.accounts) {
    const found = await accountThere(db, passwords, account);
    if (found) accounts.push(found);
  }
  const teams = await listTeamsThere(
    db,
    wanted.teams.map(({ id }) => id),
  );
  const subscriptions: Development['subscriptions'] = [];
  for (const subscription of wanted.subscriptions) {
    const { id } = subscription;
    const found = await findSubscription(db, id);
    if (!found) continue;
    const { teamId: team, productId: product, name, state, decidedAs } = found;
    // what an administrator has decided about is no file's any more
    const ours = decidedAs === 'programme' || canBecome(state, subscription.state);
    const purpose = ours ? found.purpose : subscription.purpose;
    subscriptions.push({ id, team, product, name, purpose, state });
  }
  const there = await listClientsThere(
    db,
    wanted.clients.map(({ id }) => id),
  );
  const clients: DevelopmentClient[] = [];
  for (const client of wanted.clients) {
    const found = there.find(({ id }) => id === client.id);
    if (found) clients.push(await clientThere(db, found, client));
  }
  return { accounts, teams, subscriptions, clients };
}

async function accountThere(
  db: Db,
  passwords: Passwords,
  wanted: Development['accounts'][number],
): Promise<Development['accounts'][number] | undefined> {
  const account = await findAccountByEmail(db, wanted.email);
  if (!account) return undefined;
  const hash = (await findCredentials(db, wanted.email))?.passwordHash;
  const same = hash && (await passwords.verify(hash, wanted.password));
  const profiles: Development['accounts'][number]['profiles'] = {};
  for (const environment of environments) {
    const profile = await findAccountProfile(db, { accountId: account.id, environment });
    if (profile) profiles[environment] = profile;
  }
  return {
    email: account.email,
    name: account.name,
    password: same ? wanted.password : another,
    emailVerified: account.emailVerifiedAt !== null,
    roles: account.roles,
    profiles,
  };
}

async function clientThere(
  db: Db,
  { environment: _, firstParty: __, ...client }: ClientThere,
  wanted: DevelopmentClient,
): Promise<DevelopmentClient> {
  if (!hasSecret(wanted.authMethod)) return client;
  const { secret } = wanted;
  if (secret === undefined) {
    return (await findSealedSecret(db, client.id)) ? client : { ...client, secret: another };
  }
  const [only, ...more] = await listSecrets(db, client.id);
  const same = only?.digest.equals(digest(secret)) && more.length === 0;
  return { ...client, secret: same ? secret : another };
}
