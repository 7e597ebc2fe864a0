import { type Db, maybeOne } from '../db/pool.ts';

/** Answers false for an account that has one already. */
export const insertSecondFactor = async (
  db: Db,
  row: { accountId: string; sealedSeed: Buffer; step: number },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `insert into second_factors (account_id, sealed_seed, last_step) values ($1, $2, $3)
     on conflict (account_id) do nothing`,
    [row.accountId, row.sealedSeed, row.step],
  );
  return rowCount === 1;
};

export const findSealedSeed = async (db: Db, accountId: string): Promise<Buffer | undefined> =>
  (
    await maybeOne<{ sealedSeed: Buffer }>(
      db,
      'select sealed_seed as "sealedSeed" from second_factors where account_id = $1',
      [accountId],
    )
  )?.sealedSeed;

/** Of any number of callers with the code of one time step exactly one is told yes, and none after it with an older one. */
export const takeStep = async (
  db: Db,
  { accountId, step }: { accountId: string; step: number },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    'update second_factors set last_step = $2 where account_id = $1 and last_step < $2',
    [accountId, step],
  );
  return rowCount === 1;
};

/** With its recovery codes. Answers whether there was one. */
export const deleteSecondFactor = async (db: Db, accountId: string): Promise<boolean> => {
  const { rowCount } = await db.query('delete from second_factors where account_id = $1', [
    accountId,
  ]);
  return rowCount === 1;
};

/** In the place of any before them. */
export const saveRecoveryCodes = async (
  db: Db,
  accountId: string,
  digests: readonly Buffer[],
): Promise<void> => {
  await db.query('delete from recovery_codes where account_id = $1', [accountId]);
  await db.query('insert into recovery_codes (account_id, digest) select $1, unnest($2::bytea[])', [
    accountId,
    digests,
  ]);
};

/** Of any number of callers at once exactly one is told yes. */
export const takeRecoveryCode = async (
  db: Db,
  { accountId, digest }: { accountId: string; digest: Buffer },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    'delete from recovery_codes where account_id = $1 and digest = $2',
    [accountId, digest],
  );
  return rowCount === 1;
};

export const countRecoveryCodes = async (db: Db, accountId: string): Promise<number> =>
  (
    await maybeOne<{ count: number }>(
      db,
      'select count(*)::int as count from recovery_codes where account_id = $1',
      [accountId],
    )
  )?.count ?? 0;
