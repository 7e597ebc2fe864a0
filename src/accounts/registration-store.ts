import { type Db, maybeOne } from '../db/pool.ts';
import type { Account } from './account.ts';
import type { Registration } from './registration.ts';

const columns = `id, email, name, team_name as "teamName", return_to as "returnTo"`;
const alive = 'expires_at > now()';

/** Both null: they open nothing, whatever is tried. */
type Proofs = { linkDigest: Buffer | null; codeDigest: Buffer | null };

/** @param row.hours that link and code are good for. */
export const insertRegistration = async (
  db: Db,
  row: Registration & Proofs & { passwordHash: string; browserDigest: Buffer; hours: number },
): Promise<void> => {
  await db.query(
    `insert into registrations (id, email, name, team_name, return_to, password_hash,
       browser_digest, link_digest, code_digest, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(hours => $10))`,
    [
      row.id,
      row.email,
      row.name,
      row.teamName,
      row.returnTo,
      row.passwordHash,
      row.browserDigest,
      row.linkDigest,
      row.codeDigest,
      row.hours,
    ],
  );
};

/** Ends the link and the code before. */
export const saveProofs = async (
  db: Db,
  id: string,
  row: Proofs & { tries: number; hours: number },
): Promise<void> => {
  await db.query(
    `update registrations set link_digest = $2, code_digest = $3, code_tries_left = $4,
       expires_at = now() + make_interval(hours => $5)
     where id = $1`,
    [id, row.linkDigest, row.codeDigest, row.tries, row.hours],
  );
};

export const findRegistrationByBrowser = (
  db: Db,
  browserDigest: Buffer,
): Promise<Registration | undefined> =>
  maybeOne<Registration>(
    db,
    `select ${columns} from registrations where browser_digest = $1 and ${alive}`,
    [browserDigest],
  );

/** With whether `browserDigest` is the browser that registered. */
export const findRegistrationByLink = (
  db: Db,
  linkDigest: Buffer,
  browserDigest: Buffer | null,
): Promise<(Registration & { sameBrowser: boolean }) | undefined> =>
  maybeOne(
    db,
    `select ${columns}, coalesce(browser_digest = $2, false) as "sameBrowser"
     from registrations where link_digest = $1 and ${alive}`,
    [linkDigest, browserDigest],
  );

/** Counted before it is compared, so that guesses sent all at once are counted too. Answers whether one was left. */
export const takeCodeTry = async (db: Db, id: string): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update registrations set code_tries_left = code_tries_left - 1
     where id = $1 and code_tries_left > 0 and ${alive}`,
    [id],
  );
  return rowCount === 1;
};

/** Held until the transaction ends: proofs of one address are taken one after the other. */
export const lockAddress = (db: Db, email: string): Promise<unknown> =>
  db.query(`select pg_advisory_xact_lock(hashtext('sandgate.registration'), hashtext(lower($1)))`, [
    email,
  ]);

/** Compare-and-set: of any number of callers at once exactly one gets the hash of its password. */
export const consumeProof = (
  db: Db,
  id: string,
  proof: { linkDigest: Buffer } | { codeDigest: Buffer },
): Promise<{ passwordHash: string } | undefined> =>
  maybeOne(
    db,
    `update registrations set link_digest = null, code_digest = null
     where id = $1 and ${alive} and (link_digest = $2 or code_digest = $3)
     returning password_hash as "passwordHash"`,
    [
      id,
      'linkDigest' in proof ? proof.linkDigest : null,
      'codeDigest' in proof ? proof.codeDigest : null,
    ],
  );

/** The rows stay until they expire: whoever else tried this address shall not see a difference. */
export const endProofsOf = (db: Db, email: string): Promise<unknown> =>
  db.query(
    `update registrations set link_digest = null, code_digest = null
     where lower(email) = lower($1) and link_digest is not null`,
    [email],
  );

export const findVerifiedAccount = (
  db: Db,
  email: string,
): Promise<{ id: string; name: string; email: string } | undefined> =>
  maybeOne(
    db,
    `select id, name, email from accounts
     where lower(email) = lower($1) and email_verified_at is not null`,
    [email],
  );

/** One that nobody proved, with all that hangs on it. */
export const deleteUnverifiedAccount = (db: Db, email: string): Promise<unknown> =>
  db.query('delete from accounts where lower(email) = lower($1) and email_verified_at is null', [
    email,
  ]);

/** Verified from the start. Undefined where the address has an account already. */
export const insertAccount = (
  db: Db,
  row: { email: string; name: string; passwordHash: string },
): Promise<Pick<Account, 'id'> | undefined> =>
  maybeOne(
    db,
    `insert into accounts (email, name, password_hash, email_verified_at)
     values ($1, $2, $3, now())
     on conflict (lower(email)) do nothing
     returning id`,
    [row.email, row.name, row.passwordHash],
  );

/** Answers how many went. `days` after their link and code expired. */
export const deleteExpiredRegistrations = async (db: Db, days: number): Promise<number> => {
  const { rowCount } = await db.query(
    'delete from registrations where expires_at < now() - make_interval(days => $1)',
    [days],
  );
  return rowCount ?? 0;
};

/** With the account goes what it was made from, or its letter could be asked for again. */
export const deleteRegistrationsOf = (db: Db, email: string): Promise<unknown> =>
  db.query('delete from registrations where lower(email) = lower($1)', [email]);
