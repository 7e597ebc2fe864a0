import { type Db, many } from '../db/pool.ts';

const owners = `account_roles r join accounts a on a.id = r.account_id
  where r.role = 'owner' and a.email_verified_at is not null`;

/** Whether nobody else could administer everything if this account did not. */
export const isLastOwner = async (db: Db, accountId: string): Promise<boolean> => {
  const ids = await many<{ id: string }>(db, `select a.id from ${owners}`);
  return ids.length === 1 && ids[0]?.id === accountId;
};

/** Until the transaction ends: of two last owners who leave at once the second sees that the first is gone. */
export const lockOwners = async (db: Db): Promise<void> => {
  await db.query(`select a.id from ${owners} order by a.id for update of r`);
};
