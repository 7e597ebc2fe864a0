import { type Db, maybeOne } from '../db/pool.ts';

export type PasswordReset = {
  accountId: string;
  /** That the letter went to. */
  email: string;
  name: string;
  returnTo: string;
};

/**
 * The link of the account that has this address, in the place of any before it; undefined, after the
 * work of the same statement, where none has. `minutes` that it is good for.
 */
export const saveReset = (
  db: Db,
  row: { email: string; linkDigest: Buffer; returnTo: string; minutes: number },
): Promise<{ accountId: string; email: string; name: string } | undefined> =>
  maybeOne(
    db,
    `with known as (
       select id, email, name from accounts
       where lower(email) = lower($1) and email_verified_at is not null
     ), saved as (
       insert into password_resets (account_id, email, link_digest, return_to, expires_at)
       select id, email, $2, $3, now() + make_interval(mins => $4) from known
       on conflict (account_id) do update set
         email = excluded.email, link_digest = excluded.link_digest,
         return_to = excluded.return_to, created_at = now(), expires_at = excluded.expires_at
     )
     select id as "accountId", email, name from known`,
    [row.email, row.linkDigest, row.returnTo, row.minutes],
  );

/** Only while the account still has the address that the letter went to. */
export const findReset = (db: Db, linkDigest: Buffer): Promise<PasswordReset | undefined> =>
  maybeOne<PasswordReset>(
    db,
    `select r.account_id as "accountId", r.email, a.name, r.return_to as "returnTo"
     from password_resets r join accounts a on a.id = r.account_id
     where r.link_digest = $1 and r.expires_at > now()
       and lower(a.email) = lower(r.email) and a.email_verified_at is not null`,
    [linkDigest],
  );

/** Of any number of callers at once exactly one is told yes. */
export const takeReset = async (db: Db, linkDigest: Buffer): Promise<boolean> => {
  const { rowCount } = await db.query(
    'delete from password_resets where link_digest = $1 and expires_at > now()',
    [linkDigest],
  );
  return rowCount === 1;
};

/** Answers whether the account still has that address. */
export const saveForgottenPassword = async (
  db: Db,
  row: { accountId: string; email: string; passwordHash: string },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update accounts set password_hash = $3
     where id = $1 and lower(email) = lower($2) and email_verified_at is not null`,
    [row.accountId, row.email, row.passwordHash],
  );
  return rowCount === 1;
};

/** Answers how many went. */
export const deleteExpiredResets = async (db: Db): Promise<number> => {
  const { rowCount } = await db.query('delete from password_resets where expires_at <= now()');
  return rowCount ?? 0;
};
