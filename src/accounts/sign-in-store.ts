import { type Db, many, maybeOne } from '../db/pool.ts';

/**
 * Whether the account still has this hash. Holds it until the transaction ends, so that a change
 * of the password, which then ends all sessions, cannot miss the one that is being made.
 */
export const holdPasswordHash = async (
  db: Db,
  { accountId, passwordHash }: { accountId: string; passwordHash: string },
): Promise<boolean> => {
  const held = await db.query(
    'select 1 from accounts where id = $1 and password_hash = $2 for no key update',
    [accountId, passwordHash],
  );
  return held.rowCount === 1;
};

/** The same password, hashed by today's parameters. The row must be held. */
export const replacePasswordHash = async (
  db: Db,
  { accountId, passwordHash }: { accountId: string; passwordHash: string },
): Promise<void> => {
  await db.query('update accounts set password_hash = $2 where id = $1', [accountId, passwordHash]);
};

/** The same statement for an address that nobody has. */
export const isKnownDevice = async (
  db: Db,
  whose: ({ email: string } | { accountId: string }) & { device: Buffer | null },
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `select 1 from account_devices d join accounts a on a.id = d.account_id
     where d.device = $1 and (a.id = $2 or lower(a.email) = lower($3))`,
    [
      whose.device,
      'accountId' in whose ? whose.accountId : null,
      'email' in whose ? whose.email : null,
    ],
  );
  return rowCount !== 0;
};

/** The hundred that were seen last. */
export const listDevices = async (db: Db, accountId: string): Promise<Buffer[]> => {
  const rows = await many<{ device: Buffer }>(
    db,
    `select device from account_devices where account_id = $1 order by seen_at desc limit 100`,
    [accountId],
  );
  return rows.map(({ device }) => device);
};

/** For credentials that only their owner has: whoever knew those before is no known one any more. */
export const deleteDevicesOf = async (db: Db, accountId: string): Promise<void> => {
  await db.query('delete from account_devices where account_id = $1', [accountId]);
};

/** But the account's last one, by which a sign-in elsewhere is seen to be a new one. Answers how many went. */
export const deleteDevicesUnseenFor = async (db: Db, days: number): Promise<number> => {
  const { rowCount } = await db.query(
    `delete from account_devices old where old.seen_at <= now() - make_interval(days => $1)
       and exists (select from account_devices later where later.account_id = old.account_id
         and (later.seen_at, later.device) > (old.seen_at, old.device))`,
    [days],
  );
  return rowCount ?? 0;
};

/**
 * Notes the device, and answers how it stood: known, new, or the account's first one ever, whose
 * password is the one that it was made with.
 */
export const noteDevice = async (
  db: Db,
  { accountId, device }: { accountId: string; device: Buffer },
): Promise<'first' | 'new' | 'known'> => {
  const row = await maybeOne<{ known: boolean; any: boolean }>(
    db,
    `select exists (select from account_devices where account_id = $1 and device = $2) as known,
       exists (select from account_devices where account_id = $1)
         or exists (select from accounts where id = $1 and password_changed_at > created_at) as any`,
    [accountId, device],
  );
  await db.query(
    `insert into account_devices (account_id, device) values ($1, $2)
     on conflict (account_id, device) do update set seen_at = now()`,
    [accountId, device],
  );
  if (row?.known) return 'known';
  return row?.any ? 'new' : 'first';
};
