import { type Db, maybeOne } from '../db/pool.ts';
import type { WaitingSignIn } from './sign-in-waiting.ts';

const alive = 'expires_at > now() and tries_left > 0';

/** In the place of the one before it under that id. */
export const saveWaitingSignIn = async (
  db: Db,
  row: WaitingSignIn & { id: Buffer; tries: number; seconds: number },
): Promise<void> => {
  await db.query(
    `insert into waiting_sign_ins (id, account_id, as_of, tries_left, expires_at)
     values ($1, $2, $3, $4, now() + make_interval(secs => $5))
     on conflict (id) do update set
       account_id = excluded.account_id, as_of = excluded.as_of,
       tries_left = excluded.tries_left, expires_at = excluded.expires_at`,
    [row.id, row.accountId, row.asOf, row.tries, row.seconds],
  );
};

/** Undefined once it was finished, has ended or had too many wrong codes. */
export const findWaitingSignIn = (db: Db, id: Buffer): Promise<WaitingSignIn | undefined> =>
  maybeOne<WaitingSignIn>(
    db,
    `select account_id as "accountId", as_of as "asOf" from waiting_sign_ins
     where id = $1 and ${alive}`,
    [id],
  );

/** Counted before it is compared, so that guesses sent all at once are counted too. Answers whether one was left. */
export const takeWaitingTry = async (db: Db, id: Buffer): Promise<boolean> => {
  const { rowCount } = await db.query(
    `update waiting_sign_ins set tries_left = tries_left - 1 where id = $1 and ${alive}`,
    [id],
  );
  return rowCount === 1;
};

/** Of any number of callers at once exactly one is told yes. */
export const deleteWaitingSignIn = async (db: Db, id: Buffer): Promise<boolean> => {
  const { rowCount } = await db.query('delete from waiting_sign_ins where id = $1', [id]);
  return rowCount === 1;
};

/** Answers how many went. */
export const deleteExpiredWaitingSignIns = async (db: Db): Promise<number> => {
  const { rowCount } = await db.query('delete from waiting_sign_ins where expires_at <= now()');
  return rowCount ?? 0;
};
