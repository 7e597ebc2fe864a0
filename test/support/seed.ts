import { randomUUID } from 'node:crypto';
import type { Account, AdministratorRole } from '../../src/accounts/account.ts';
import { saveRoles, upsertAccount } from '../../src/accounts/store.ts';
import type { Environment } from '../../src/base/environment.ts';
import { createKeyring, digest, newId, newSecret } from '../../src/base/secrets.ts';
import type { Client } from '../../src/clients/client.ts';
import { insertSecret } from '../../src/clients/secret-store.ts';
import {
  saveClientProducts,
  saveClientSubscriptions,
  upsertClient,
} from '../../src/clients/store.ts';
import type { Db } from '../../src/db/pool.ts';
import type { Product, ProductScope, RoleScopes } from '../../src/products/product.ts';
import { saveScopes, upsertProduct } from '../../src/products/store.ts';
import { upsertSubscription } from '../../src/subscriptions/store.ts';
import type { State, Subscription } from '../../src/subscriptions/subscription.ts';
import { upsertMember, upsertTeam } from '../../src/teams/store.ts';
import type { Team } from '../../src/teams/team.ts';
import { saveTestUser } from '../../src/test-users/service.ts';
import { findTestUser } from '../../src/test-users/store.ts';
import type { TestUser } from '../../src/test-users/test-user.ts';

/** Rows that a test names only where it cares: `await aProduct(pool, { environment: 'live' })`. */

/** What the tests' servers are started with. */
export const secretOfTests = 'the master secret that only the tests know, 32+ bytes';
export const keyring = createKeyring(secretOfTests);

export const anAccount = async (
  db: Db,
  given: {
    email?: string;
    name?: string;
    passwordHash?: string | null;
    emailVerified?: boolean;
    roles?: AdministratorRole[];
  } = {},
): Promise<Account> => {
  const account = await upsertAccount(db, {
    email: given.email ?? `${randomUUID()}@example.com`,
    name: given.name ?? 'Ada Example',
    passwordHash: given.passwordHash ?? null,
    emailVerified: given.emailVerified ?? true,
  });
  await saveRoles(db, account.id, given.roles ?? []);
  return { ...account, roles: given.roles ?? [] };
};

export const aTeam = async (
  db: Db,
  given: { name?: string; members?: Account[] } = {},
): Promise<Team> => {
  const team = await upsertTeam(db, { name: given.name ?? 'Example team' });
  for (const { id } of given.members ?? []) {
    await upsertMember(db, { teamId: team.id, accountId: id, role: 'owner' });
  }
  return team;
};

/** An open sandbox product for everyone and every grant, with the scope `read` for the role `gp`. */
export const aProduct = async (
  db: Db,
  given: Partial<Product> & { scopes?: ProductScope[]; roleScopes?: RoleScopes } = {},
): Promise<Product> => {
  const { scopes, roleScopes, ...columns } = given;
  const live = given.environment === 'live';
  const id = given.id ?? `product-${newId()}`;
  const product: Product = {
    id,
    environment: 'sandbox',
    name: 'Example product',
    description: '',
    audience: `https://api.example/${id}`,
    subjects: live ? 'accounts' : 'both',
    needsApproval: false,
    grantTypes: live
      ? ['authorization_code', 'client_credentials', 'refresh_token']
      : ['authorization_code', 'client_credentials', 'password', 'refresh_token'],
    signingAlg: 'RS256',
    tokenTyp: 'at+jwt',
    rate: null,
    quota: null,
    quotaStatus: 403,
    credentials: 'key_and_token',
    staleSeconds: 0,
    consoleRelay: false,
    priceNote: '',
    price: null,
    terms: '',
    state: 'published',
    visibility: 'everybody',
    retiresOn: null,
    deprecationNotice: '',
    ...columns,
  };
  await upsertProduct(db, product);
  const read = { scope: 'read', description: 'Read examples', isDefault: true };
  await saveScopes(db, id, scopes ?? [read], roleScopes ?? { gp: [(scopes?.[0] ?? read).scope] });
  return product;
};

export const aSubscription = async (
  db: Db,
  given: {
    team?: Team;
    product?: Product;
    id?: string;
    name?: string;
    state?: State;
    expiresAt?: Date;
  } = {},
): Promise<Subscription> => {
  const team = given.team ?? (await aTeam(db));
  const product = given.product ?? (await aProduct(db));
  const row = await upsertSubscription(db, {
    id: given.id ?? `sub_${newId()}`,
    teamId: team.id,
    productId: product.id,
    name: given.name ?? product.name,
    state: given.state ?? 'active',
    purpose: '',
    expiresAt: given.expiresAt ?? null,
  });
  return row as Subscription; // its product exists and its id is new, or the same row's
};

/** An application of that subscription's team; with `products`, a first-party client instead. */
export const aClient = async (
  db: Db,
  given: Partial<Client> & {
    subscriptions?: Subscription[];
    products?: Product[];
    environment?: Environment;
  } = {},
): Promise<Client & { secret: string }> => {
  const { subscriptions: tied, products, ...columns } = given;
  const subscriptions = tied ?? (products ? [] : [await aSubscription(db)]);
  const client: Client = {
    id: `client-${newId()}`,
    environment: (subscriptions[0] ?? products?.[0])?.environment ?? 'sandbox',
    teamId: subscriptions[0]?.teamId ?? null,
    kind: products ? 'first_party' : 'application',
    name: 'Example application',
    authMethod: 'client_secret_basic',
    grantTypes: ['authorization_code', 'client_credentials', 'password', 'refresh_token'],
    redirectUris: ['https://client.example/callback'],
    postLogoutRedirectUris: [],
    allowedOrigins: [],
    jwks: null,
    allowsOidc: true,
    defaultProductId: null,
    ...columns,
  };
  const secret = newSecret();
  await upsertClient(db, client);
  const subscriptionIds = subscriptions.map(({ id }) => id);
  if (client.teamId) await saveClientSubscriptions(db, client, subscriptionIds);
  if (products)
    await saveClientProducts(
      db,
      client,
      products.map(({ id }) => id),
    );
  if (client.authMethod.startsWith('client_secret')) {
    await insertSecret(db, client.id, { id: newId(), digest: digest(secret), sealed: null });
  }
  return { ...client, secret };
};

/** A shared persona, unless a team is named. */
export const aTestUser = async (
  db: Db,
  given: Partial<Omit<TestUser, 'sealedPassword' | 'teamId'>> & {
    team?: Team;
    password?: string;
    position?: number;
  } = {},
): Promise<TestUser & { password: string }> => {
  const { team, password = 'published password', ...columns } = given;
  const id = given.id ?? `tu_${newId()}`;
  await saveTestUser(db, keyring, {
    id,
    teamId: team?.id ?? null,
    username: id.slice(3),
    name: 'Example persona',
    title: '',
    about: '',
    role: 'gp',
    claims: {},
    patient: null,
    position: 0,
    password,
    ...columns,
  });
  const testUser = (await findTestUser(db, id)) as TestUser; // saved a line above
  return { ...testUser, password };
};
