import type { Passwords } from '../../src/base/passwords.ts';
import { makeConsoleClients } from '../../src/clients/service.ts';
import type { Product } from '../../src/products/product.ts';
import { openKey } from '../../src/subscriptions/key-service.ts';
import { listKeys } from '../../src/subscriptions/key-store.ts';
import { ask } from '../../src/subscriptions/service.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import { listTeamsOf } from '../../src/teams/store.ts';
import type { Team } from '../../src/teams/team.ts';
import { anAccount, aProduct, keyring } from '../support/seed.ts';
import type { TestServer } from '../support/server.ts';
import { aPerson, type Person } from './profile-support.ts';

export type Subscriber = Person & {
  team: Team;
  subscription: Subscription;
  /** The subscription's page. */
  path: string;
};

/** Somebody with a team of their own that has asked for a product; for an open one, unless given. */
export async function aSubscriber(
  server: TestServer,
  passwords: Passwords,
  given: { name?: string; team?: string; product?: Product } = {},
): Promise<Subscriber> {
  const { product, ...names } = given;
  const person = await aPerson(server, passwords, { name: 'Priya Nair', ...names });
  const [team] = (await listTeamsOf(server.pool, person.account.id)) as [Team];
  const subscription = await ask(
    { pool: server.pool, keyring, baseUrl: server.baseUrl, makeConsoleClients },
    { actor: { kind: 'account', id: person.account.id } },
    {
      teamId: team.id,
      productId: (product ?? (await aProduct(server.pool))).id,
      purpose: 'Showing a ward round who needs what.',
      termsAccepted: null,
    },
  );
  return { ...person, team, subscription, path: `/subscriptions/${subscription.id}` };
}

/** The primary and the secondary key as they are, with the ids by which forms name them. */
export async function keysOf(
  { pool }: TestServer,
  subscriptionId: string,
): Promise<{ id: string; value: string }[]> {
  const keys = await listKeys(pool, subscriptionId);
  return keys.map((key) => ({ id: key.id, value: openKey(keyring, key) }));
}

/** As an administrator decides, by default one called Helen Ashby. */
export async function decidedBy(
  { pool }: TestServer,
  { subscription }: Pick<Subscriber, 'subscription'>,
  state: 'active' | 'rejected' | 'suspended',
  reason: string,
  scopes?: string[],
  by?: string,
): Promise<void> {
  const decider = by ?? (await anAccount(pool, { name: 'Helen Ashby', roles: ['approver'] })).id;
  await pool.query(
    `update subscriptions set state = $2, reason = $3, decided_by = $4, decided_at = now(),
       decided_as = 'administrator', scopes = coalesce($5, scopes) where id = $1`,
    [subscription.id, state, reason, decider, scopes ?? null],
  );
}
