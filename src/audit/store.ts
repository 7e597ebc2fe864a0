import { redact } from '../base/log.ts';
import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Act, Actor, NamedAct, RecordedAct, Subject } from './act.ts';

const columns = `id, at, actor_kind as "actorKind", actor_id as "actorId", role, action,
  subject_kind as "subjectKind", subject_id as "subjectId", environment, address,
  request_id as "requestId", reason, detail`;

/** Belongs into the transaction of the act: what was rolled back was not done. */
export const recordAct = async (db: Db, act: Act): Promise<void> => {
  const { actor, action, subject, environment, caller, reason, detail } = act;
  await db.query(
    `insert into audit (actor_kind, actor_id, role, action, subject_kind, subject_id, environment,
       address, request_id, reason, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      actor.kind,
      'id' in actor ? actor.id : null,
      'role' in actor ? actor.role : null,
      action,
      subject?.kind,
      subject?.id,
      environment,
      caller?.address,
      caller?.requestId,
      reason && redact(reason),
      redact(detail ?? {}),
    ],
  );
};

/** What an account did and what was done to it, newest first. `before`: the last id of the page above. */
export const listActsOf = (
  db: Db,
  accountId: string,
  { before = null, limit = 50 }: { before?: string | null; limit?: number } = {},
): Promise<RecordedAct[]> =>
  many<RecordedAct>(
    db,
    `select ${columns} from audit
     where (actor_id = $1 or subject_id = $1) and ($2::bigint is null or id < $2::bigint)
     order by id desc limit $3`,
    [accountId, before, limit],
  );

/** What letters call whoever did something; undefined for the server itself, and who is gone. */
export const findActorName = async (db: Db, actor: Actor): Promise<string | undefined> =>
  (
    await maybeOne<{ name: string }>(
      db,
      `select name from accounts where $1 = 'account' and id = $2
       union all select name from clients where $1 = 'client' and id = $2`,
      [actor.kind, 'id' in actor ? actor.id : null],
    )
  )?.name;

const named = `${columns},
  case actor_kind
    when 'account' then (select name from accounts where id = actor_id)
    when 'client' then (select name from clients where id = actor_id)
    when 'test_user' then (select name from test_users where id = actor_id)
  end as "actorName",
  case subject_kind
    when 'account' then (select name from accounts where id = subject_id)
    when 'team' then (select name from teams where id = subject_id)
    when 'client' then (select name from clients where id = subject_id)
    when 'product' then (select name from products where id = subject_id)
    when 'api' then (select name from apis where id = subject_id)
    when 'gateway' then (select name from gateways where id = subject_id)
    when 'subscription' then (select name from subscriptions where id = subject_id)
    when 'test_user' then (select name from test_users where id = subject_id)
  end as "subjectName",
  (select name from accounts where id = detail ->> 'account') as "accountName"`;

/**
 * The history of one thing, or of several that belong together such as a subscription and its keys,
 * newest first. `before`: the last id of the page above.
 */
export const listActsAbout = (
  db: Db,
  about: Subject | readonly Subject[],
  { before = null, limit = 50 }: { before?: string | null; limit?: number } = {},
): Promise<NamedAct[]> => {
  const subjects = [about].flat();
  return many<NamedAct>(
    db,
    `select ${named} from audit
     where (subject_kind, subject_id) in (select * from unnest($1::text[], $2::text[]))
       and ($3::bigint is null or id < $3::bigint)
     order by id desc limit $4`,
    [subjects.map(({ kind }) => kind), subjects.map(({ id }) => id), before, limit],
  );
};

/** As `listActsOf`, with names, and with what was done to the account in its teams. */
export const listActsAround = (
  db: Db,
  accountId: string,
  { before = null, limit = 50 }: { before?: string | null; limit?: number } = {},
): Promise<NamedAct[]> =>
  many<NamedAct>(
    db,
    `select ${named} from audit
     where (actor_id = $1 or subject_id = $1
         or (detail ? 'account' and detail ->> 'account' = $1))
       and ($2::bigint is null or id < $2::bigint)
     order by id desc limit $3`,
    [accountId, before, limit],
  );

/** What one looks for in the whole trail; null is anything. */
export type TrailFilter = {
  /** An id, or an account's address. */
  actor: string | null;
  subject: string | null;
  action: string | null;
  /** A day in UTC, as `2026-11-23`. */
  day: string | null;
};

/** Newest first. `before`: the last id of the page above. */
export const listTrail = (
  db: Db,
  filter: TrailFilter,
  { before = null, limit = 50 }: { before?: string | null; limit?: number } = {},
): Promise<NamedAct[]> =>
  many<NamedAct>(
    db,
    `select ${named} from audit
     where ($1::text is null or actor_id = $1
         or actor_id = (select id from accounts where lower(email) = lower($1)))
       and ($2::text is null or subject_id = $2
         or subject_id = (select id from accounts where lower(email) = lower($2)))
       and ($3::text is null or action = $3)
       and ($4::date is null
         or (at >= $4::date::timestamp at time zone 'UTC'
           and at < ($4::date + 1)::timestamp at time zone 'UTC'))
       and ($5::bigint is null or id < $5::bigint)
     order by id desc limit $6`,
    [filter.actor, filter.subject, filter.action, filter.day, before, limit],
  );

/** What the account did stays in the trail under a pseudonym, without addresses, reasons and details. */
export const pseudonymiseActsOf = async (
  db: Db,
  accountId: string,
  pseudonym: string,
): Promise<void> => {
  await db.query('select pseudonymise_audit($1, $2)', [accountId, pseudonym]);
};

/** Answers how many went. */
export const deleteActsOlderThan = async (db: Db, days: number): Promise<number> => {
  const gone = await maybeOne<{ count: string }>(
    db,
    `select expire_audit(now() - make_interval(days => $1)) as count`,
    [days],
  );
  return Number(gone?.count);
};
