import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Letter, Template } from './letter.ts';

/** A letter that this dispatcher has the lease of. */
export type TakenLetter = {
  id: string;
  recipient: string;
  letter: Letter;
  /** Before the @ of the Message-ID; the same at every try. */
  messageId: string;
  /** With the one that begins now. */
  tries: number;
};

/** As the mailbox of a development server shows it. */
export type KeptLetter = { id: string; recipient: string; letter: Letter; createdAt: Date };

/** One that was given up. */
export type DeadLetter = {
  id: string;
  recipient: string;
  template: Template;
  createdAt: Date;
  deadAt: Date;
  tries: number;
  lastError: string;
};

const letterColumn = `jsonb_build_object('template', template, 'data', data) as letter`;
const keptColumns = `id, recipient, ${letterColumn}, created_at as "createdAt"`;

export const insertLetter = (db: Db, row: { recipient: string; letter: Letter }) =>
  db.query('insert into letters (recipient, template, data) values ($1, $2, $3)', [
    row.recipient,
    row.letter.template,
    row.letter.data,
  ]);

/** Those due longest first. Each comes to one caller only, until the lease (in seconds) has ended. */
export const takeDueLetters = (
  db: Db,
  { lease, seconds, limit }: { lease: string; seconds: number; limit: number },
): Promise<TakenLetter[]> =>
  many(
    db,
    `update letters set lease = $1, leased_until = now() + make_interval(secs => $2),
       tries = tries + 1
     where id = any (array(
       select id from letters
       where sent_at is null and dead_at is null and next_try_at <= now()
         and (leased_until is null or leased_until <= now())
       order by next_try_at limit $3
       for update skip locked))
     returning id, recipient, ${letterColumn}, message_id as "messageId", tries`,
    [lease, seconds, limit],
  );

/** Whoever has the lease by now: what has gone out must not go out again. */
export const saveSent = (db: Db, { id, secrets }: { id: string; secrets: readonly string[] }) =>
  db.query(
    `update letters set sent_at = now(), data = data - $2::text[], last_error = null,
       lease = null, leased_until = null
     where id = $1 and sent_at is null and dead_at is null`,
    [id, secrets],
  );

/** To be tried again in `seconds`. Does nothing where the lease has gone to another. */
export const savePutOff = (
  db: Db,
  { id, lease, error, seconds }: { id: string; lease: string; error: string; seconds: number },
) =>
  db.query(
    `update letters set next_try_at = now() + make_interval(secs => $4), last_error = $3,
       lease = null, leased_until = null
     where id = $1 and lease = $2 and sent_at is null`,
    [id, lease, error, seconds],
  );

/** Given up, and its secrets with it. Does nothing where the lease has gone to another. */
export const saveDead = (
  db: Db,
  row: { id: string; lease: string; error: string; secrets: readonly string[] },
) =>
  db.query(
    `update letters set dead_at = now(), last_error = $3, data = data - $4::text[],
       lease = null, leased_until = null
     where id = $1 and lease = $2 and sent_at is null`,
    [row.id, row.lease, row.error, row.secrets],
  );

/** Newest first, without what they say. */
export const listDeadLetters = (db: Db, { limit }: { limit: number }): Promise<DeadLetter[]> =>
  many(
    db,
    `select id, recipient, template, created_at as "createdAt", dead_at as "deadAt", tries,
       last_error as "lastError"
     from letters where dead_at is not null order by number desc limit $1`,
    [limit],
  );

/** Newest first; `recipient` null: everyone's. Upper and lower case are one address. */
export const listLetters = (
  db: Db,
  { recipient, offset, limit }: { recipient: string | null; offset: number; limit: number },
): Promise<KeptLetter[]> =>
  many(
    db,
    `select ${keptColumns} from letters
     where $1::text is null or lower(recipient) = lower($1)
     order by number desc offset $2 limit $3`,
    [recipient, offset, limit],
  );

export const findLetter = (db: Db, id: string): Promise<KeptLetter | undefined> =>
  maybeOne(db, `select ${keptColumns} from letters where id = $1`, [id]);

/** Whatever became of them: a letter that is still unsent after days says nothing that holds. */
export const deleteOldLetters = (db: Db, days: number): Promise<unknown> =>
  db.query('delete from letters where created_at < now() - make_interval(days => $1)', [days]);
