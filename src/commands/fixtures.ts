import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type pg from 'pg';
import type { Programme } from '../admin/programme.ts';
import { programmeSchema } from '../admin/programme-rules.ts';
import { applyProgramme } from '../admin/programme-service.ts';
import { findProgrammeName } from '../admin/programme-store.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import { type ForeignChange, foreignChanges, foreignObjects } from './fixtures-foreign.ts';
import { type KeyFixtures, makeKeyFixtures } from './fixtures-keys.ts';
import {
  clientIdOf,
  emailOf,
  fixturesProgramme,
  scopes,
  usernameOf,
} from './fixtures-programme.ts';

export type ClientFixture = {
  client_id: string;
  client_secret?: string;
  redirect_uri?: string;
  post_logout_redirect_uri?: string;
  /** All that it may ask for, separated by spaces. */
  scope: string;
  token_endpoint_auth_method: string;
  /** Whose sign-in it wants, where that is not an account's. */
  user?: 'test_user';
};
export type UserFixture = { username: string; password: string; email: string };

/** All that a program testing this server from outside has to know: the content of the file. */
export type Fixtures = {
  issuer: string;
  clients: Record<
    'confidential' | 'other' | 'public' | 'service' | 'password' | 'sandbox' | 'cancelled',
    ClientFixture
  >;
  users: Record<
    'regular' | 'test_user' | 'unverified' | 'bruteforce' | 'long_password' | 'other_team',
    UserFixture
  >;
  scopes: { unassigned: string; extra: string; live: string };
  /** Paths. */
  pages: { register: string; forgot: string; profile: string };
  /** `{{to}}` stands for the address whose letters are asked for; JSON, newest first. */
  mail: { list: string };
  health: { live: string; ready: string };
  closed_paths: string[];
  /** Paths of what `users.other_team` has: not found for `users.regular`. */
  foreign_objects: readonly string[];
  /** POSTs that change nothing for `users.regular`: not found. */
  foreign_changes: ForeignChange[];
  /** Subscription keys, and how a gateway asks about them. */
  keys: KeyFixtures;
  log_file: string;
  policy: {
    password_grant_test_users_only: boolean;
    pkce_for_confidential: boolean;
    code_ttl_seconds: number;
  };
};

/**
 * Makes clients and users for testing the server from outside. Every run gives them new secrets,
 * and those of an earlier one no longer hold. Not for production; the command refuses it there.
 */
export async function makeFixtures(
  pool: pg.Pool,
  keyring: Keyring,
  passwords: Passwords,
  { baseUrl, logFile }: { baseUrl: string; logFile: string },
): Promise<Fixtures> {
  const name = (await findProgrammeName(pool)) ?? 'Fixtures'; // a programme keeps its own
  const programme = programmeSchema.parse(fixturesProgramme(name));
  await applyProgramme(pool, keyring, passwords, programme, { development: true, baseUrl });

  const client = (short: string): ClientFixture => clientFixture(programme, clientIdOf(short));
  return {
    issuer: `${baseUrl}/sandbox`,
    clients: {
      confidential: client('confidential'),
      other: client('other'),
      public: client('public'),
      service: client('service'),
      password: client('password'),
      sandbox: { ...client('sandbox'), user: 'test_user' },
      cancelled: client('cancelled'),
    },
    users: {
      regular: accountFixture(programme, 'regular'),
      test_user: testUserFixture(programme, 'test_user'),
      unverified: accountFixture(programme, 'unverified'),
      bruteforce: testUserFixture(programme, 'bruteforce'),
      long_password: testUserFixture(programme, 'long_password'),
      other_team: accountFixture(programme, 'other_team'),
    },
    scopes: { unassigned: scopes.unassigned, extra: scopes.extra, live: scopes.live },
    pages: { register: '/register', forgot: '/forgot', profile: '/profile' },
    mail: { list: `${baseUrl}/dev/mailbox.json?to={{to}}` },
    health: { live: '/health/live', ready: '/health/ready' },
    closed_paths: ['/admin', '/metrics'],
    foreign_objects: foreignObjects,
    foreign_changes: await foreignChanges(pool),
    keys: await makeKeyFixtures({ pool, keyring, baseUrl }),
    log_file: resolve(logFile),
    policy: {
      password_grant_test_users_only: true,
      pkce_for_confidential: true,
      code_ttl_seconds: 60,
    },
  };
}

/** Readable by its owner only, whatever it was before: there are secrets in it. */
export async function writeFixtures(file: string, fixtures: Fixtures): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(`${JSON.stringify(fixtures, null, 2)}\n`);
  } finally {
    await handle.close();
  }
}

function clientFixture({ products, development }: Programme, id: string): ClientFixture {
  const client = one(development?.clients, (each) => each.id === id);
  const { product: productId } = one(
    development?.subscriptions,
    (each) => each.id === client.subscriptions[0],
  );
  const product = one(products, (each) => each.id === productId);
  const oidc = client.allowsOidc ? ['openid', 'profile', 'email', 'offline_access'] : [];
  return {
    client_id: id,
    client_secret: client.secret,
    redirect_uri: client.redirectUris[0],
    post_logout_redirect_uri: client.postLogoutRedirectUris[0],
    scope: [...oidc, ...product.scopes.map(({ scope }) => scope)].join(' '),
    token_endpoint_auth_method: client.authMethod,
  };
}

/** An account signs in with its address. */
function accountFixture({ development }: Programme, name: string): UserFixture {
  const { email, password } = one(development?.accounts, (each) => each.email === emailOf(name));
  return { username: email, password, email };
}

function testUserFixture({ testUsers }: Programme, name: string): UserFixture {
  const { username, password } = one(testUsers, (each) => each.username === usernameOf(name));
  return { username, password, email: emailOf(name) };
}

/** The programme was built beside this file, so what is missing in it is a mistake of ours. */
function one<Each>(list: readonly Each[] | undefined, is: (each: Each) => boolean): Each {
  const found = list?.find(is);
  if (found === undefined) throw new Error('the fixtures do not fit together');
  return found;
}
