import { type Db, maybeOne } from '../db/pool.ts';
import type { Account, AdministratorRole } from './account.ts';

const columns = `a.id, a.email, a.name, a.email_verified_at as "emailVerifiedAt",
  array(select role from account_roles where account_id = a.id order by role) as roles,
  a.created_at as "createdAt", a.password_changed_at as "passwordChangedAt",
  exists (select from second_factors where account_id = a.id) as "hasSecondFactor",
  (select confirmed_at from second_factors where account_id = a.id) as "secondFactorSince"`;

export const findAccount = (db: Db, id: string): Promise<Account | undefined> =>
  maybeOne<Account>(db, `select ${columns} from accounts a where a.id = $1`, [id]);

/** Upper and lower case are one address. */
export const findAccountByEmail = (db: Db, email: string): Promise<Account | undefined> =>
  maybeOne<Account>(db, `select ${columns} from accounts a where lower(a.email) = lower($1)`, [
    email,
  ]);

/** The argon2id hash apart from the account, so that no page or log ever holds it by accident. */
export const findCredentials = (
  db: Db,
  email: string,
): Promise<{ id: string; passwordHash: string | null; passwordChangedAt: Date } | undefined> =>
  maybeOne(
    db,
    `select id, password_hash as "passwordHash", password_changed_at as "passwordChangedAt"
     from accounts where lower(email) = lower($1)`,
    [email],
  );

/** Made, or brought to this state, by address. A date of verification that stands is kept. */
export const upsertAccount = async (
  db: Db,
  row: { email: string; name: string; passwordHash: string | null; emailVerified: boolean },
): Promise<Account> =>
  (await maybeOne<Account>(
    db,
    `insert into accounts as a (email, name, password_hash, email_verified_at)
     values ($1, $2, $3, case when $4 then now() end)
     on conflict (lower(email)) do update set
       email = excluded.email, name = excluded.name, password_hash = excluded.password_hash,
       email_verified_at = case when $4 then coalesce(a.email_verified_at, now()) end
     returning ${columns}`,
    [row.email, row.name, row.passwordHash, row.emailVerified],
  )) as Account; // an upsert that updates returns its row

/** Exactly these from now on. */
export const saveRoles = async (
  db: Db,
  accountId: string,
  roles: readonly AdministratorRole[],
): Promise<void> => {
  await db.query('delete from account_roles where account_id = $1 and role <> all ($2)', [
    accountId,
    roles,
  ]);
  await db.query(
    `insert into account_roles (account_id, role) select $1, unnest($2::text[])
     on conflict do nothing`,
    [accountId, roles],
  );
};
