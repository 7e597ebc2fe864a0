import { type Db, maybeOne } from '../db/pool.ts';
import type { EmailChange } from './email-change.ts';

const alive = 'expires_at > now()';

/** In the place of any before it, whose link and code end. Both digests null: they open nothing. */
export const saveEmailChange = async (
  db: Db,
  row: EmailChange & {
    linkDigest: Buffer | null;
    codeDigest: Buffer | null;
    tries: number;
    hours: number;
  },
): Promise<void> => {
  await db.query(
    `insert into email_changes (account_id, id, email, link_digest, code_digest, code_tries_left,
       expires_at)
     values ($1, $2, $3, $4, $5, $6, now() + make_interval(hours => $7))
     on conflict (account_id) do update set
       id = excluded.id, email = excluded.email, link_digest = excluded.link_digest,
       code_digest = excluded.code_digest, code_tries_left = excluded.code_tries_left,
       created_at = now(), expires_at = excluded.expires_at`,
    [row.accountId, row.id, row.email, row.linkDigest, row.codeDigest, row.tries, row.hours],
  );
};

/** What the account waits for; with a link, only if it is this one. */
export const findEmailChange = (
  db: Db,
  accountId: string,
  linkDigest: Buffer | null = null,
): Promise<EmailChange | undefined> =>
  maybeOne<EmailChange>(
    db,
    `select account_id as "accountId", id, email from email_changes
     where account_id = $1 and ($2::bytea is null or link_digest = $2) and ${alive}`,
    [accountId, linkDigest],
  );

/** Counted before it is compared, so that guesses sent all at once are counted too. Answers whether one was left. */
export const takeEmailCodeTry = async (
  db: Db,
  { id, accountId }: EmailChange,
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update email_changes set code_tries_left = code_tries_left - 1
     where account_id = $1 and id = $2 and code_tries_left > 0 and ${alive}`,
    [accountId, id],
  );
  return rowCount === 1;
};

/** Of any number of callers at once exactly one is told yes. */
export const takeEmailChange = async (
  db: Db,
  { id, accountId }: EmailChange,
  proof: { linkDigest: Buffer } | { codeDigest: Buffer },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `delete from email_changes
     where account_id = $1 and id = $2 and ${alive} and (link_digest = $3 or code_digest = $4)`,
    [
      accountId,
      id,
      'linkDigest' in proof ? proof.linkDigest : null,
      'codeDigest' in proof ? proof.codeDigest : null,
    ],
  );
  return rowCount === 1;
};

export const deleteEmailChange = async (db: Db, accountId: string): Promise<void> => {
  await db.query('delete from email_changes where account_id = $1', [accountId]);
};

/** Proven by what was just taken. Answers false where another account has the address by now. */
export const saveEmail = async (
  db: Db,
  { accountId, email }: { accountId: string; email: string },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update accounts set email = $2, email_verified_at = now()
     where id = $1
       and not exists (select from accounts where lower(email) = lower($2) and id <> $1)`,
    [accountId, email],
  );
  return rowCount === 1;
};

/** Answers how many went. */
export const deleteExpiredEmailChanges = async (db: Db): Promise<number> => {
  const { rowCount } = await db.query('delete from email_changes where expires_at <= now()');
  return rowCount ?? 0;
};
