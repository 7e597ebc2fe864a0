import type { Context } from 'koa';
import type { Client } from 'oidc-provider';
import type pg from 'pg';
import { type Account, credentialsAsOf } from '../accounts/account.ts';
import { checkPassword } from '../accounts/service.ts';
import { countedAs } from '../accounts/sign-in-device.ts';
import { findCredentials } from '../accounts/store.ts';
import type { Passwords } from '../base/passwords.ts';
import type { Keyring } from '../base/secrets.ts';
import type { ClientProduct, ClientRecord } from '../clients/client.ts';
import type { Throttle } from '../db/throttle.ts';
import { checkTestUserPassword } from '../test-users/service.ts';
import { listTestUsersFor } from '../test-users/store.ts';
import type { TestUser } from '../test-users/test-user.ts';
import { recordOf } from './client-metadata.ts';

/** Who a username and password belong to, where a client and its product take such a subject. */
export type Credentials = {
  username: string;
  password: string;
  address: string;
  /** Null: a browser that was never at our own sign-in form. */
  device: Buffer | null;
};

export type SignIn = {
  /** The shared personas and those of `team`; none where test users are not taken. */
  listPersonas(product: ClientProduct, team: string | null): Promise<TestUser[]>;
  /** The client's team, where a member of it has this browser; else null. */
  showsOwnOf(ctx: Context, client: Client): Promise<string | null>;
  /** Whom a password opens, and what else is owed. @throws {TooMany}, {Busy} */
  byPassword(
    given: Credentials,
    client: Pick<ClientRecord, 'teamId'>,
    product: ClientProduct,
  ): Promise<Opened | undefined>;
  /** The account that a failed attempt was aimed at, for the trail. */
  aimedAt(username: string, product: ClientProduct): Promise<string | undefined>;
};

/** `passwordAsOf`: as in Subject. `waits`: an account that owes its second factor, and is not in yet. */
export type Opened = { sub: string; passwordAsOf?: string; waits?: Account };

/**
 * Whether this browser is signed in on our own pages as a member of that team. It decides whose
 * names are shown, and nothing else: no subject ever comes of it. Left out: nobody is.
 */
export type IsMemberHere = (ctx: Context, teamId: string) => Promise<boolean>;

type Parts = { pool: pg.Pool; passwords: Passwords; throttle: Throttle };

/** Of the live issuer: accounts, and no way to a test user. */
export function liveSignIn({ pool, passwords, throttle }: Parts): SignIn {
  return {
    listPersonas: async () => [],
    showsOwnOf: async () => null,
    aimedAt: accountAimedAt(pool),
    async byPassword(given) {
      const { username, password } = given;
      const name = await accountName(pool, given);
      return throttled(throttle, given, [name], async () => {
        const account = await checkPassword(pool, passwords, username, password);
        return account && { ...openedBy(account), proved: name };
      });
    },
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
  isMemberHere,
}: Parts & { keyring: Keyring; isMemberHere?: IsMemberHere }): SignIn {
  return {
    listPersonas: async (product, team) =>
      product.subjects === 'accounts' ? [] : listTestUsersFor(pool, team),
    async showsOwnOf(ctx, client) {
      const { teamId } = recordOf(client);
      return teamId && (await isMemberHere?.(ctx, teamId)) ? teamId : null;
    },
    aimedAt: async (username, product) =>
      product.subjects === 'test_users' ? undefined : accountAimedAt(pool)(username),
    async byPassword(given, { teamId }, product) {
      const { username, password } = given;
      const ofTestUser = testUserName(teamId, username);
      const ofAccount = await accountName(pool, given);
      const names = [
        ...(product.subjects === 'accounts' ? [] : [ofTestUser]),
        ...(product.subjects === 'test_users' ? [] : [ofAccount]),
      ];
      return throttled(throttle, given, names, async () => {
        const testUser =
          product.subjects !== 'accounts' &&
          (await checkTestUserPassword(pool, keyring, { username, password, teamId }));
        if (testUser) return { sub: testUser.id, proved: ofTestUser };
        if (product.subjects === 'test_users') return undefined;
        const account = await checkPassword(pool, passwords, username, password);
        return account && { ...openedBy(account), proved: ofAccount };
      });
    },
  };
}

const openedBy = (account: Account): Opened => ({
  sub: account.id,
  passwordAsOf: credentialsAsOf(account),
  ...(account.hasSecondFactor && { waits: account }),
});

/** Counted together with our own sign-in form. */
const accountName = (pool: pg.Pool, { username, device }: Credentials): Promise<string> =>
  countedAs(pool, username, { email: username, device });

const accountAimedAt = (pool: pg.Pool) => async (username: string) =>
  (await findCredentials(pool, username))?.id;

/**
 * What a test user is counted as: apart from an account of the same name, whose count the test
 * user's published password must not clear, and apart for each team, so that no stranger can keep
 * a shared one from it.
 */
export const testUserName = (teamId: string | null, username: string): string =>
  `test user\0${teamId ?? ''}\0${username}`;

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
