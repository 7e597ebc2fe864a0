import { deleteAccountProfile, upsertAccountProfile } from '../accounts/profile-store.ts';
import {
  findAccountByEmail,
  findCredentials,
  saveRoles,
  upsertAccount,
} from '../accounts/store.ts';
import { type Environment, environments } from '../base/environment.ts';
import { Conflict } from '../base/errors.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import { type AuthMethod, hasSecret } from '../clients/client.ts';
import { keptSecretOf, makeConsoleClients, setOnlySecret } from '../clients/service.ts';
import {
  findClient,
  saveClientProducts,
  saveClientSubscriptions,
  upsertClient,
} from '../clients/store.ts';
import type { Db } from '../db/pool.ts';
import { findProduct } from '../products/store.ts';
import { makeKeys } from '../subscriptions/key-service.ts';
import { findSubscription, upsertSubscription } from '../subscriptions/store.ts';
import { foundTeam } from '../teams/service.ts';
import { listTeamsOf, upsertMember, upsertTeam } from '../teams/store.ts';
import type { Development, Programme } from './programme.ts';

/** What a client of the programme is, with the secret that the file gave or the server keeps. */
export type AppliedClient = {
  id: string;
  name: string;
  environment: Environment;
  authMethod: AuthMethod;
  secret: string | null;
  grantTypes: string[];
  redirectUris: string[];
  /** All that it may ask for, separated by spaces. */
  scope: string;
};

/** What giving them rights needs beside the database. */
type Tools = { keyring: Keyring; baseUrl: string };
type Account = Development['accounts'][number];
type Client = Development['clients'][number];

/** The people of a development programme and their teams. Call it inside applyProgramme. */
export async function applyPeople(
  tx: Db,
  passwords: Passwords,
  { accounts, teams }: Development,
  there: Development | undefined,
): Promise<void> {
  for (const account of accounts) await applyAccount(tx, passwords, account, there);
  for (const team of teams) await applyTeam(tx, team);
  for (const account of accounts) await ensureTeam(tx, account);
}

/** What the teams have, once the products are there. Call it inside applyProgramme. */
export async function applyRights(
  tx: Db,
  tools: Tools,
  { subscriptions, clients }: Development,
): Promise<AppliedClient[]> {
  for (const subscription of subscriptions) await applySubscription(tx, tools, subscription);
  const applied: AppliedClient[] = [];
  for (const client of clients) applied.push(await applyClient(tx, tools, client));
  return applied;
}

/** A hash of the same password is kept: it would differ each time, and cost as much as a new one. */
async function applyAccount(
  tx: Db,
  passwords: Passwords,
  given: Account,
  there: Development | undefined,
): Promise<void> {
  const known = there?.accounts.find((one) => sameAddress(one.email, given.email));
  const kept =
    known?.password === given.password
      ? (await findCredentials(tx, given.email))?.passwordHash
      : undefined;
  const { id } = await upsertAccount(tx, {
    email: given.email,
    name: given.name,
    passwordHash: kept ?? (await passwords.hash(given.password)),
    emailVerified: given.emailVerified,
  });
  await saveRoles(tx, id, given.roles);
  for (const environment of environments) {
    const place = { accountId: id, environment };
    const profile = given.profiles[environment];
    if (profile) await upsertAccountProfile(tx, place, profile);
    else await deleteAccountProfile(tx, place);
  }
}

const sameAddress = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase();

async function applyTeam(tx: Db, given: Development['teams'][number]): Promise<void> {
  const team = await upsertTeam(tx, given);
  for (const { email, role } of given.members) {
    const account = await findAccountByEmail(tx, email);
    if (account) await upsertMember(tx, { teamId: team.id, accountId: account.id, role });
  }
}

/** Nobody is without a team, also those whom the file gives none. */
async function ensureTeam(tx: Db, { email }: Account): Promise<void> {
  const account = await findAccountByEmail(tx, email);
  if (!account || (await listTeamsOf(tx, account.id)).length > 0) return;
  await foundTeam(tx, { accountId: account.id, name: account.name });
}

async function applySubscription(
  tx: Db,
  { keyring, baseUrl }: Tools,
  given: Development['subscriptions'][number],
): Promise<void> {
  const { team, product, ...row } = given;
  const subscription = await upsertSubscription(tx, {
    ...row,
    teamId: team,
    productId: product,
    expiresAt: null,
  });
  if (!subscription) throw taken(given.id);
  if (subscription.state !== 'active') return;
  await makeKeys(tx, keyring, subscription);
  await makeConsoleClients(tx, keyring, subscription, baseUrl);
}

/** An operator's own clients. One that needs a secret has none until somebody makes it. */
export async function applyFirstParty(
  tx: Db,
  { clients, products }: Pick<Programme, 'clients' | 'products'>,
): Promise<void> {
  for (const { products: named, defaultProduct, ...columns } of clients) {
    const environment = products.find(({ id }) => named.includes(id))?.environment ?? 'sandbox'; // programme-rules.ts saw that there is one
    const client = await upsertClient(tx, {
      ...columns,
      environment,
      teamId: null,
      kind: 'first_party',
      defaultProductId: defaultProduct,
    });
    if (!client) throw taken(columns.id);
    await saveClientProducts(tx, client, named);
  }
}

async function applyClient(tx: Db, { keyring }: Tools, given: Client): Promise<AppliedClient> {
  const { subscriptions, products, defaultProduct, secret: givenSecret, ...columns } = given;
  const subscription = await findSubscription(tx, subscriptions[0] ?? '');
  const product = await findProduct(tx, products[0] ?? subscription?.productId ?? '');
  const environment = product?.environment ?? 'sandbox'; // programme-rules.ts saw that there is one
  const client = await upsertClient(tx, {
    ...columns,
    environment,
    teamId: subscription?.teamId ?? null,
    kind: subscription ? 'application' : 'first_party',
    defaultProductId: defaultProduct,
  });
  if (!client) throw taken(given.id);
  if (subscription) await saveClientSubscriptions(tx, client, subscriptions);
  else await saveClientProducts(tx, client, products);

  const secret = await applySecret(tx, keyring, client, givenSecret);
  const record = await findClient(tx, environment, client.id);
  const scopes = (record?.products ?? []).flatMap((one) => one.scopes.map(({ scope }) => scope));
  const oidc = client.allowsOidc ? ['openid', 'profile', 'email', 'offline_access'] : [];
  return {
    id: client.id,
    name: client.name,
    environment,
    authMethod: client.authMethod,
    secret,
    grantTypes: client.grantTypes,
    redirectUris: client.redirectUris,
    scope: [...new Set([...oidc, ...scopes])].join(' '),
  };
}

/** The given one and no other; without one, where the method needs it, one that is made and kept. */
async function applySecret(
  tx: Db,
  keyring: Keyring,
  client: { id: string; authMethod: AuthMethod },
  given: string | undefined,
): Promise<string | null> {
  if (hasSecret(client.authMethod) && given === undefined) {
    return keptSecretOf(tx, keyring, client.id);
  }
  await setOnlySecret(tx, client.id, given);
  return given ?? null;
}

const taken = (id: string): Conflict =>
  new Conflict('id_taken', `"${id}" already belongs to another team, product or environment.`);
