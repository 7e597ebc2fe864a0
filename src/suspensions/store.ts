import { type Db, many, maybeOne } from '../db/pool.ts';
import type { Stopped, Suspension } from './suspension.ts';

// What a client may do while something of it is suspended is computed in clients/store.ts.

const columns = `kind, id, reason, suspended_at as "suspendedAt"`;

/** Which of these are suspended: for the notice on their pages. */
export const suspensionsOf = (db: Db, things: readonly Stopped[]): Promise<Suspension[]> =>
  many<Suspension>(
    db,
    `select ${columns} from suspensions
     where (kind, id) in (select * from unnest($1::text[], $2::text[])) order by suspended_at`,
    [things.map(({ kind }) => kind), things.map(({ id }) => id)],
  );

/** Newest first, with what they are called and who suspended them; null: is gone. */
export const listSuspensions = (
  db: Db,
): Promise<(Suspension & { name: string | null; by: string | null })[]> =>
  many(
    db,
    `select ${columns},
       case kind
         when 'client' then (select name from clients c where c.id = x.id)
         when 'team' then (select name from teams t where t.id = x.id)
         when 'product' then (select name from products p where p.id = x.id)
         else id
       end as name,
       (select name from accounts a where a.id = x.suspended_by) as by
     from suspensions x order by suspended_at desc, kind, id`,
  );

/** Undefined where it was suspended already: whoever was first has given the reason. */
export const insertSuspension = (
  db: Db,
  row: Stopped & { reason: string; suspendedBy: string | null },
): Promise<Suspension | undefined> =>
  maybeOne<Suspension>(
    db,
    `insert into suspensions (kind, id, reason, suspended_by) values ($1, $2, $3, $4)
     on conflict do nothing returning ${columns}`,
    [row.kind, row.id, row.reason, row.suspendedBy],
  );

/** Undefined where nothing was suspended. */
export const deleteSuspension = (db: Db, { kind, id }: Stopped): Promise<Suspension | undefined> =>
  maybeOne<Suspension>(
    db,
    `delete from suspensions where kind = $1 and id = $2 returning ${columns}`,
    [kind, id],
  );
