import type pg from 'pg';
import type { Account, AdministratorRole } from '../../src/accounts/account.ts';
import type { Doer } from '../../src/audit/act.ts';
import { makeConsoleClients } from '../../src/clients/service.ts';
import type { Product } from '../../src/products/product.ts';
import { ask, type SubscriptionParts } from '../../src/subscriptions/service.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import type { Team } from '../../src/teams/team.ts';
import { anAccount, aTeam, keyring } from '../support/seed.ts';

export const baseUrl = 'https://login.northmoor.example';
export const purpose = 'Showing a ward round who needs what.';

/** What the use cases of subscriptions are made of. */
export const partsOf = (pool: pg.Pool): SubscriptionParts => ({
  pool,
  keyring,
  baseUrl,
  makeConsoleClients,
});

export const as = ({ id }: Account, role?: AdministratorRole): Doer => ({
  actor: { kind: 'account', id, ...(role && { role }) },
});

/** Somebody with a team of their own. */
export async function aDeveloper(
  pool: pg.Pool,
  given: { name?: string } = {},
): Promise<{ account: Account; team: Team; doer: Doer }> {
  const account = await anAccount(pool, given);
  const team = await aTeam(pool, { members: [account] });
  return { account, team, doer: as(account) };
}

export async function anApprover(
  pool: pg.Pool,
  given: { name?: string; role?: 'approver' | 'owner' } = {},
): Promise<{ account: Account; doer: Doer }> {
  const { role = 'approver', ...names } = given;
  const account = await anAccount(pool, { ...names, roles: [role] });
  return { account, doer: as(account, role) };
}

/** As the page asks for it. */
export const askFor = (
  pool: pg.Pool,
  { team, doer }: { team: Team; doer: Doer },
  product: Product,
  given: { purpose?: string; termsAccepted?: number | null } = {},
): Promise<Subscription> =>
  ask(partsOf(pool), doer, {
    teamId: team.id,
    productId: product.id,
    purpose,
    termsAccepted: null,
    ...given,
  });

/** What the trail says happened to a subscription, oldest first. */
export async function historyOf(pool: pg.Pool, id: string): Promise<string[]> {
  const { rows } = await pool.query<{ action: string }>(
    `select action from audit where subject_kind = 'subscription' and subject_id = $1 order by id`,
    [id],
  );
  return rows.map(({ action }) => action);
}
