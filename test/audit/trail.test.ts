import { type Act, actions } from '../../src/audit/act.ts';
import {
  deleteActsOlderThan,
  listActsOf,
  pseudonymiseActsOf,
  recordAct,
} from '../../src/audit/store.ts';
import { transaction } from '../../src/db/pool.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount } from '../support/seed.ts';

describe('the trail', () => {
  const pool = useDatabase();
  const caller = { address: '192.0.2.7', requestId: 'req_1' };
  const count = async () => Number((await pool.query('select count(*) from audit')).rows[0].count);

  test('says who did what to what, from where and why', async () => {
    const actor = await anAccount(pool);
    const subject = await anAccount(pool);
    await recordAct(pool, {
      actor: { kind: 'account', id: actor.id, role: 'support' },
      action: 'session.ended',
      subject: { kind: 'account', id: subject.id },
      environment: 'live',
      caller,
      reason: 'they asked by telephone',
      detail: { device: 'Firefox on Linux', how_many: 2 },
    });
    const [act] = await listActsOf(pool, subject.id);
    expect(act).toMatchObject({
      actorKind: 'account',
      actorId: actor.id,
      role: 'support',
      action: 'session.ended',
      subjectId: subject.id,
      environment: 'live',
      address: '192.0.2.7',
      requestId: 'req_1',
      reason: 'they asked by telephone',
      detail: { device: 'Firefox on Linux', how_many: 2 },
      at: expect.any(Date),
    });
    expect(await listActsOf(pool, actor.id)).toEqual([act]);
  });

  test.each(actions)('takes %s', async (action) => {
    await recordAct(pool, { actor: { kind: 'system' }, action });
  });

  test('a rolled-back act leaves no trace', async () => {
    const before = await count();
    const undone = transaction(pool, async (tx) => {
      await recordAct(tx, { actor: { kind: 'stranger' }, action: 'sign_in.failed' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await count()).toBe(before);
  });

  test('is read in pages, newest first', async () => {
    const { id } = await anAccount(pool);
    const act: Act = { actor: { kind: 'account', id }, action: 'sign_out' };
    for (let n = 0; n < 5; n += 1) await recordAct(pool, { ...act, reason: `no. ${n}` });
    const first = await listActsOf(pool, id, { limit: 3 });
    const rest = await listActsOf(pool, id, { limit: 3, before: first.at(-1)?.id ?? '' });
    expect([...first, ...rest].map(({ reason }) => reason)).toEqual(
      [4, 3, 2, 1, 0].map((n) => `no. ${n}`),
    );
  });

  test.each([
    ['a change', "update audit set reason = 'better'"],
    ['a change of nothing', 'update audit set reason = reason'],
    ['a deletion', 'delete from audit'],
    ['a deletion of everything', 'truncate audit'],
  ])('refuses %s', async (_, statement) => {
    await recordAct(pool, { actor: { kind: 'system' }, action: 'sign_out' });
    const before = await count();
    await expect(pool.query(statement)).rejects.toThrow('only ever added to');
    expect(await count()).toBe(before);
  });

  test('a deleted account stays in it under a name that leads to nobody', async () => {
    const gone = await anAccount(pool);
    const other = await anAccount(pool);
    const own: Act = { actor: { kind: 'account', id: gone.id }, action: 'sign_out', caller };
    await recordAct(pool, { ...own, reason: 'r', detail: { device: 'd' } });
    await recordAct(pool, {
      actor: { kind: 'account', id: other.id },
      action: 'session.ended',
      subject: { kind: 'account', id: gone.id },
      caller,
    });
    await recordAct(pool, { ...own, actor: { kind: 'account', id: other.id } });

    await pseudonymiseActsOf(pool, gone.id, 'former_1');
    expect(await listActsOf(pool, gone.id)).toEqual([]);
    const nothing = { reason: null, detail: {} };
    expect(await listActsOf(pool, 'former_1')).toEqual([
      expect.objectContaining({ actorId: other.id, subjectId: 'former_1', address: '192.0.2.7' }),
      expect.objectContaining({ actorId: 'former_1', address: null, ...nothing }),
    ]);
    expect((await listActsOf(pool, other.id))[0]).toMatchObject({ address: '192.0.2.7' });
  });

  test('both doors shut behind whoever went through', async () => {
    await transaction(pool, async (tx) => {
      await pseudonymiseActsOf(tx, 'acc_nobody', 'former_2');
      await deleteActsOlderThan(tx, 4000);
      await tx.query('savepoint before');
      await expect(tx.query('delete from audit')).rejects.toThrow('only ever added to');
      await tx.query('rollback to before');
      await expect(tx.query("update audit set reason = ''")).rejects.toThrow('only ever added to');
      await tx.query('rollback');
    });
  });

  test('what is older than the programme keeps goes, and nothing younger', async () => {
    await pool.query(
      `insert into audit (at, actor_kind, action)
       values (now() - interval '11 days', 'system', 'sign_out'),
              (now() - interval '9 days', 'system', 'sign_out')`,
    );
    const before = await count();
    expect(await deleteActsOlderThan(pool, 10)).toBe(1);
    expect(await count()).toBe(before - 1);
  });

  test.each([
    ['a password', { password: 'correct horse' }],
    ['a token', { refresh_token: 'correct horse' }],
    ['a code', { code: 'correct horse' }],
    ['a cookie', { cookie: 'correct horse' }],
    ['a secret of another name', { clientSecret: 'correct horse' }],
    ['a token inside a sentence', { said: 'Bearer correct-horse' }],
    ['a link with a token', { link: 'http://x.example/?reset_token=correct' }],
  ])('never keeps %s', async (_, detail) => {
    await recordAct(pool, {
      actor: { kind: 'system' },
      action: 'sign_out',
      reason: 'Bearer correct-horse',
      detail: { ...detail, device: 'Firefox on Linux' },
    });
    const { rows } = await pool.query('select detail, reason from audit order by id desc limit 1');
    expect(JSON.stringify(rows)).not.toContain('correct');
    expect(rows[0].detail.device).toBe('Firefox on Linux');
  });
});
