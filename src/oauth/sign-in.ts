import type pg from 'pg';
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
  /** The `sub` that a password opens, or undefined. @throws {TooMany}, {Busy} */
  byPassword(
    given: Credentials,
    client: Pick<ClientRecord, 'teamId'>,
    product: ClientProduct,
  ): Promise<string | undefined>;
};

type Parts = { pool: pg.Pool; passwords: Passwords; throttle: Throttle };

/** Of the live issuer: accounts, and no way to a test user. */
export function liveSignIn({ pool, passwords, throttle }: Parts): SignIn {
  return {
    listPersonas: async () => [],
    byPassword: (given) =>
      throttled(throttle, given, async () => {
        const account = await checkPassword(pool, passwords, given.username, given.password);
        return account?.id;
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
      throttled(throttle, given, async () => {
        const { username, password } = given;
        const testUser =
          product.subjects !== 'accounts' &&
          (await checkTestUserPassword(pool, keyring, { username, password, teamId }));
        if (testUser) return testUser.id;
        if (product.subjects === 'test_users') return undefined;
        const account = await checkPassword(pool, passwords, username, password);
        return account?.id;
      }),
  };
}

async function throttled(
  throttle: Throttle,
  { username, address }: Credentials,
  check: () => Promise<string | undefined>,
): Promise<string | undefined> {
  await throttle.attempt({ name: username, address });
  const sub = await check();
  if (sub) await throttle.succeeded({ name: username, address });
  return sub;
}
