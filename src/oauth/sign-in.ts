import type pg from 'pg';
import type { Account } from '../accounts/account.ts';
import { checkPassword } from '../accounts/service.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import type { ClientProduct, ClientRecord } from '../clients/client.ts';
import type { Throttle } from '../db/throttle.ts';
import { checkTestUserPassword } from '../test-users/service.ts';
import { listTestUsersFor } from '../test-users/store.ts';
import type { TestUser } from '../test-users/test-user.ts';

/** Who a username and password belong to, where a client and its product take such a subject. */
export type Credentials = { username: string; password: string; address: string };

export type SignIn = {
  /** The personas that the page shows; none where test users are not taken. */
  listPersonas(product: ClientProduct): Promise<TestUser[]>;
  /** Whom a password opens, and which password it was. @throws {TooMany}, {Busy} */
  byPassword(
    given: Credentials,
    client: Pick<ClientRecord, 'teamId'>,
    product: ClientProduct,
  ): Promise<Opened | undefined>;
};

/** `passwordAsOf`: of accounts, as in Subject. */
type Opened = { sub: string; passwordAsOf?: string };

type Parts = { pool: pg.Pool; passwords: Passwords; throttle: Throttle };

/** Of the live issuer: accounts, and no way to a test user. */
export function liveSignIn({ pool, passwords, throttle }: Parts): SignIn {
  return {
    listPersonas: async () => [],
    byPassword: (given) =>
      throttled(throttle, given, [given.username], async () => {
        const account = await checkPassword(pool, passwords, given.username, given.password);
        return account && { ...openedBy(account), proved: given.username };
      }),
  };
}

/**
 * Of the sandbox. A product that takes test users only never looks at accounts, so that a real
 * password typed there is answered exactly like a wrong one; and the reverse.
 */
export function sandboxSignIn({
  pool,
  passwords,
  throttle,
  keyring,
}: Parts & { keyring: Keyring }): SignIn {
  return {
    listPersonas: async (product) =>
      product.subjects === 'accounts' ? [] : listTestUsersFor(pool, null),
    byPassword: (given, { teamId }, product) =>
      throttled(throttle, given, namesFor(product, teamId, given.username), async () => {
        const { username, password } = given;
        const testUser =
          product.subjects !== 'accounts' &&
          (await checkTestUserPassword(pool, keyring, { username, password, teamId }));
        if (testUser) return { sub: testUser.id, proved: testUserName(teamId, username) };
        if (product.subjects === 'test_users') return undefined;
        const account = await checkPassword(pool, passwords, username, password);
        return account && { ...openedBy(account), proved: username };
      }),
  };
}

const openedBy = ({ id, passwordChangedAt }: Account): Opened => ({
  sub: id,
  passwordAsOf: passwordChangedAt.toISOString(),
});

/**
 * What a test user is counted as: apart from an account of the same name, whose count the test
 * user's published password must not clear, and apart for each team, so that no stranger can keep
 * a shared one from it.
 */
export const testUserName = (teamId: string | null, username: string): string =>
  `test user, ${teamId ?? 'no team'}: ${username}`;

const namesFor = (product: ClientProduct, teamId: string | null, username: string): string[] => [
  ...(product.subjects === 'accounts' ? [] : [testUserName(teamId, username)]),
  ...(product.subjects === 'test_users' ? [] : [username]),
];

async function throttled(
  throttle: Throttle,
  { address }: Credentials,
  name: readonly string[],
  check: () => Promise<(Opened & { proved: string }) | undefined>,
): Promise<Opened | undefined> {
  await throttle.attempt({ name, address });
  const found = await check();
  if (found) await throttle.succeeded({ name, address }, found.proved);
  return found;
}
