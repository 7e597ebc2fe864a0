import { type Db, many, maybeOne } from '../db/pool.ts';
import { type AccountSession, freshness, seenEvery, sessionEnds } from './session.ts';

const columns = `s.id, s.account_id as "accountId", s.created_at as "createdAt",
  s.seen_at as "seenAt", s.authenticated_at as "authenticatedAt",
  s.authenticated_at > now() - make_interval(secs => ${freshness}) as fresh,
  s.user_agent as "userAgent", s.address, s.label`;

const open = `s.seen_at > now() - make_interval(secs => ${sessionEnds.idle})
  and s.created_at > now() - make_interval(secs => ${sessionEnds.absolute})`;

/** Undefined for an account that never verified its address: it cannot have a session. */
export const insertSession = (
  db: Db,
  row: Pick<AccountSession, 'id' | 'accountId' | 'userAgent' | 'address' | 'label'>,
): Promise<AccountSession | undefined> =>
  maybeOne<AccountSession>(
    db,
    `insert into account_sessions as s (id, account_id, user_agent, address, label)
     select $1, id, $3, $4, $5 from accounts where id = $2 and email_verified_at is not null
     returning ${columns}`,
    [row.id, row.accountId, row.userAgent, row.address, row.label],
  );

/** Only while it is open, by the database's clock, and its account verified. */
export const findOpenSession = (db: Db, id: string): Promise<AccountSession | undefined> =>
  maybeOne<AccountSession>(
    db,
    `select ${columns} from account_sessions s join accounts a on a.id = s.account_id
     where s.id = $1 and a.email_verified_at is not null and ${open}`,
    [id],
  );

/** Writes nothing where that was noted within the last minute. */
export const noteSeen = async (db: Db, id: string): Promise<void> => {
  await db.query(
    `update account_sessions set seen_at = now()
     where id = $1 and seen_at < now() - make_interval(secs => ${seenEvery})`,
    [id],
  );
};

/** The open ones, last seen first. */
export const listSessionsOf = (db: Db, accountId: string): Promise<AccountSession[]> =>
  many<AccountSession>(
    db,
    `select ${columns} from account_sessions s where s.account_id = $1 and ${open}
     order by s.seen_at desc, s.id`,
    [accountId],
  );

/** Whether there was such a session of this account. */
export const deleteSession = async (
  db: Db,
  { id, accountId }: { id: string; accountId: string },
): Promise<boolean> =>
  (
    await db.query('delete from account_sessions where id = $1 and account_id = $2', [
      id,
      accountId,
    ])
  ).rowCount === 1;

/** By id alone: what a browser's own cookie names, whoever it belonged to. */
export const deleteSessionById = async (db: Db, id: string): Promise<void> => {
  await db.query('delete from account_sessions where id = $1', [id]);
};

/** All of them, or all but one. In a password's change this comes after its update. */
export const deleteSessionsOf = async (
  db: Db,
  accountId: string,
  { except = null }: { except?: string | null } = {},
): Promise<void> => {
  await db.query('delete from account_sessions where account_id = $1 and id is distinct from $2', [
    accountId,
    except,
  ]);
};

export const deleteEndedSessions = async (db: Db): Promise<void> => {
  await db.query(`delete from account_sessions s where not (${open})`);
};
