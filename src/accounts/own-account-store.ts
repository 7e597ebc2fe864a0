import type { Db } from '../db/pool.ts';

/** Until the transaction ends: changes of one account by itself come one after the other. */
export const holdAccount = async (db: Db, accountId: string): Promise<void> => {
  await db.query('select 1 from accounts where id = $1 for no key update', [accountId]);
};

export const saveName = async (
  db: Db,
  { accountId, name }: { accountId: string; name: string },
): Promise<void> => {
  await db.query('update accounts set name = $2 where id = $1', [accountId, name]);
};

/** Whoever asked for a new password before it was changed otherwise must ask again. */
export const deleteResetsOf = async (db: Db, accountId: string): Promise<void> => {
  await db.query('delete from password_resets where account_id = $1', [accountId]);
};

/** With all that hangs on it: roles, sessions, devices, profiles, memberships, open links. */
export const deleteAccount = async (db: Db, accountId: string): Promise<void> => {
  await db.query('delete from accounts where id = $1', [accountId]);
};
