import { pseudonymiseActsOf } from '../audit/store.ts';
import { newId } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { enqueueLetter } from '../mail/outbox.ts';
import { recordOwnAct, type Self } from './own-account-service.ts';
import { deleteAccount } from './own-account-store.ts';
import { deleteRegistrationsOf } from './registration-store.ts';

/**
 * The account with all that hangs on it, sessions included, goes; what it did stays in the trail
 * under a name that leads to nobody. Belongs into the transaction that sees to its teams.
 */
export async function closeAccount(tx: Db, self: Self): Promise<void> {
  const { id, email, name } = self.account;
  await enqueueLetter(tx, { to: email, letter: { template: 'account-deleted', data: { name } } });
  await recordOwnAct(tx, self, 'account.deleted');
  await pseudonymiseActsOf(tx, id, `gone_${newId()}`);
  await deleteRegistrationsOf(tx, email);
  await deleteAccount(tx, id);
}
