import { createLogger } from '../../src/base/log.ts';
import { sweep } from '../../src/commands/sweep.ts';
import { enqueueLetter } from '../../src/mail/outbox.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount } from '../support/seed.ts';

describe('the sweep', () => {
  const pool = useDatabase();
  const keepDays = {
    acts: 400,
    letters: 30,
    registrations: 7,
    invitations: 30,
    devices: 365,
    use: 760,
  };
  const baseUrl = 'http://localhost';
  const parts = { pool, baseUrl, keepDays, log: createLogger({ level: 'silent' }) };
  const rows = async (table: string) =>
    Number((await pool.query(`select count(*) from ${table}`)).rows[0].count);

  test('takes what has expired and leaves what has not, table by table', async () => {
    for (const seconds of [-60, 60]) {
      const expires = `now() + make_interval(secs => ${seconds})`;
      await pool.query(
        `insert into oidc_records (environment, kind, key, payload, expires_at)
         select 'sandbox', 'AccessToken', decode(md5(random()::text), 'hex'), '{}', ${expires}
         from generate_series(1, 1200)`,
      );
      await pool.query(
        `insert into revoked_tokens values ('sandbox', 'jti ${seconds}', ${expires})`,
      );
      await pool.query(
        `insert into throttles values ('key ${seconds}', 1, extract(epoch from ${expires}) * 1000)`,
      );
    }
    const { id } = await anAccount(pool);
    for (const minutes of [-1, 1]) {
      await pool.query(
        `insert into waiting_sign_ins values
           (decode(md5(random()::text), 'hex'), $1, 'then', 5, now() + make_interval(mins => $2))`,
        [id, minutes],
      );
    }
    const other = await anAccount(pool);
    for (const [accountId, days] of [
      [id, 364],
      [id, 366],
      [other.id, 366],
      [other.id, 400],
    ] as const) {
      await pool.query(
        `insert into account_devices values
           ($1, decode(md5(random()::text), 'hex'), now() - make_interval(days => $2))`,
        [accountId, days],
      );
    }
    for (const days of [31, 29]) {
      const letter = { template: 'account-deleted' as const, data: { name: 'Ada' } };
      await enqueueLetter(pool, { to: `old${days}@example.com`, letter });
      await pool.query(
        `update letters set created_at = now() - make_interval(days => $1) where recipient like $2`,
        [days, `old${days}@%`],
      );
    }

    await sweep(parts);

    expect(await rows('oidc_records')).toBe(1200);
    expect(await rows('revoked_tokens')).toBe(1);
    expect(await rows('throttles')).toBe(1);
    expect(await rows('waiting_sign_ins')).toBe(1);
    expect(await rows('account_devices')).toBe(2); // one a year old is its account's last
    expect(await rows('letters')).toBe(1);
  });

  test('keeps counts of calls for their days, refused calls for one, and shares while they count', async () => {
    await pool.query(
      `insert into use_hours (hour, operation, outcome, calls)
       select now() - make_interval(days => d), 'GET /' || n, 'allowed', 1
       from unnest(array[759, 761]) d, generate_series(1, 600) n`,
    );
    await pool.query(
      `insert into refusals (request_id, at, outcome, status, reason)
       select h || ' ' || n, now() - make_interval(hours => h), 'forbidden', 403, 'scope_missing'
       from unnest(array[23, 25]) h, generate_series(1, 600) n`,
    );
    await pool.query(
      `insert into limit_shares (holder, kind, seconds, window_start, window_end, calls, taken, given)
       select n::text, 'rate', 60, now() - make_interval(mins => m + 1),
         now() - make_interval(mins => m), 10, 1, 1
       from unnest(array[-1, 59, 61]) m, generate_series(1, 600) n`,
    );
    await pool.query(
      `insert into use_flushes select d::text, 1, now() - make_interval(days => d)
       from unnest(array[29, 31]) d`,
    );
    await sweep(parts);
    expect(await rows('use_hours')).toBe(600);
    expect(await rows('refusals')).toBe(600);
    expect(await rows('limit_shares')).toBe(1200);
    expect(await rows('use_flushes')).toBe(1);
  });

  test('goes on with the rest when one table cannot be swept', async () => {
    await pool.query('alter table throttles rename to throttles_away');
    await pool.query(`update revoked_tokens set expires_at = now() - interval '1 second'`);
    await sweep(parts);
    expect(await rows('revoked_tokens')).toBe(0);
  });
});
