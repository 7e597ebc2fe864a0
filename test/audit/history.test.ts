import type { Act } from '../../src/audit/act.ts';
import { listActsAbout, recordAct } from '../../src/audit/store.ts';
import { historyOf } from '../../src/audit/words.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aTeam } from '../support/seed.ts';

describe('the history of one thing', () => {
  const pool = useDatabase();
  const sentences = async (about: Parameters<typeof listActsAbout>[1], reader?: string) =>
    historyOf(await listActsAbout(pool, about), reader).map(({ sentence }) => sentence);

  test('says what happened, who did it and why, newest first', async () => {
    const helen = await anAccount(pool, { name: 'Helen Ashby' });
    const team = await aTeam(pool);
    const about = { kind: 'team', id: team.id } as const;
    const act: Act = { actor: { kind: 'account', id: helen.id }, action: 'session.ended' };
    await recordAct(pool, { ...act, subject: about });
    await recordAct(pool, { ...act, subject: about, reason: 'a lost phone' });
    await recordAct(pool, { actor: { kind: 'system' }, action: 'session.ended', subject: about });
    await recordAct(pool, { ...act, subject: { kind: 'team', id: 'team_other' } });

    expect(await sentences(about)).toEqual([
      'Session ended',
      'Session ended by Helen Ashby: a lost phone',
      'Session ended by Helen Ashby',
    ]);
    expect((await sentences(about, helen.id))[1]).toBe('Session ended by you: a lost phone');
    await pool.query('delete from accounts where id = $1', [helen.id]);
    expect((await sentences(about))[2]).toBe('Session ended by an account that is deleted');
  });

  test('is one list for things that belong together, in pages', async () => {
    const both = [
      { kind: 'subscription', id: 'sub_one' },
      { kind: 'subscription_key', id: 'key_one' },
    ] as const;
    for (const subject of [...both, ...both]) {
      await recordAct(pool, { actor: { kind: 'system' }, action: 'sign_out', subject });
    }
    await recordAct(pool, {
      actor: { kind: 'system' },
      action: 'sign_out',
      subject: { kind: 'subscription', id: 'key_one' }, // another kind of thing by that id
    });
    const first = await listActsAbout(pool, both, { limit: 3 });
    const rest = await listActsAbout(pool, both, { limit: 3, before: first.at(-1)?.id ?? null });
    expect([first.length, rest.length]).toEqual([3, 1]);
    const all = [...first, ...rest].map(({ id }) => Number(id));
    expect(all).toEqual([...all].sort((a, b) => b - a));
  });
});
