import { type Db, maybeOne } from '../db/pool.ts';

/** Until the transaction ends nobody else applies a programme, in this or any other process. */
export const lockProgramme = async (db: Db): Promise<void> => {
  await db.query(`select pg_advisory_xact_lock(hashtext('sandgate programme'))`);
};

export const saveProgrammeName = async (db: Db, name: string): Promise<void> => {
  await db.query(
    `insert into programme (name) values ($1)
     on conflict (only_row) do update set name = excluded.name`,
    [name],
  );
};

/** Undefined until a programme has been applied. */
export const findProgrammeName = async (db: Db): Promise<string | undefined> =>
  (await maybeOne<{ name: string }>(db, 'select name from programme'))?.name;
