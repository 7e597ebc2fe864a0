import type { Doer } from '../../src/audit/act.ts';
import { newId } from '../../src/base/secrets.ts';
import { transaction } from '../../src/db/pool.ts';
import { approve, reject, resume, suspend } from '../../src/subscriptions/decision-service.ts';
import { expireDue } from '../../src/subscriptions/ending-service.ts';
import { makeMove } from '../../src/subscriptions/moving.ts';
import { cancel } from '../../src/subscriptions/service.ts';
import { findSubscription, upsertSubscription } from '../../src/subscriptions/store.ts';
import {
  type Move,
  type Mover,
  movers,
  moves,
  type State,
  type Subscription,
  states,
} from '../../src/subscriptions/subscription.ts';
import { useDatabase } from '../support/database.ts';
import { aProduct, aSubscription } from '../support/seed.ts';
import { aDeveloper, anApprover, baseUrl, historyOf, partsOf } from './support.ts';

/** Written down once more, by hand: what the table of src/subscriptions/subscription.ts has to say. */
const lawful: readonly [Move, State, State, readonly Mover[]][] = [
  ['approve', 'submitted', 'active', ['approver', 'programme']],
  ['reject', 'submitted', 'rejected', ['approver', 'programme']],
  ['suspend', 'active', 'suspended', ['approver', 'programme']],
  ['resume', 'suspended', 'active', ['approver']],
  ['cancel', 'submitted', 'cancelled', ['member', 'programme']],
  ['cancel', 'active', 'cancelled', ['member', 'programme']],
  ['cancel', 'suspended', 'cancelled', ['member', 'programme']],
  ['expire', 'active', 'expired', ['system', 'programme']],
  ['expire', 'suspended', 'expired', ['system', 'programme']],
];
const allMoves = Object.keys(moves) as Move[];
const everything = states.flatMap((from) =>
  allMoves.flatMap((move) => movers.map((mover) => ({ from, move, mover }))),
);

/** Where it is afterwards. The programme file names no moves but states, and gets to those it can. */
function expected({ from, move, mover }: (typeof everything)[number]): State | undefined {
  const row = lawful.find(([one, at, to]) =>
    mover === 'programme' ? at === from && to === moves[move].to : one === move && at === from,
  );
  return row?.[3].includes(mover) ? row[2] : undefined;
}

/** An unlawful move, one for others, and for those who are not of the team not even there. */
const refused = ['unlawful_move', 'not_theirs', 'no_subscription'];

describe('the moves of a subscription', () => {
  const pool = useDatabase();
  const stateOf = async (id: string) => (await findSubscription(pool, id))?.state;

  /** In that state by the programme file, of a team with a member, and with an approver about. */
  async function stage(from: State) {
    const member = await aDeveloper(pool);
    const approver = await anApprover(pool);
    const product = await aProduct(pool, { needsApproval: true });
    const given = { id: `sub_${newId()}`, team: member.team, product };
    if (from === 'suspended') await aSubscription(pool, { ...given, state: 'active' });
    const subscription = await aSubscription(pool, { ...given, state: from });
    const doers: Record<Exclude<Mover, 'programme'>, Doer> = {
      member: member.doer,
      approver: approver.doer,
      system: { actor: { kind: 'system' } },
    };
    return { subscription, doers };
  }

  /** As each kind of actor would try it: the use case, the sweep, the programme file. */
  async function attempt(
    move: Move,
    mover: Mover,
    { subscription, doers }: { subscription: Subscription; doers: Record<string, Doer> },
  ): Promise<unknown> {
    const parts = partsOf(pool);
    const { id } = subscription;
    if (mover === 'programme') {
      return upsertSubscription(pool, { ...subscription, state: moves[move].to });
    }
    const doer = doers[mover] as Doer;
    const decision = { id, reason: 'Because.' };
    if (move === 'approve') return approve(parts, doer, decision);
    if (move === 'reject') return reject(parts, doer, decision);
    if (move === 'suspend') return suspend(parts, doer, decision);
    if (move === 'resume') return resume(parts, doer, decision);
    if (move === 'cancel') return cancel(parts, doer, id);
    if (mover !== 'system') {
      return transaction(pool, (tx) => makeMove(tx, doer, { subscription, move }));
    }
    await pool.query(`update subscriptions set expires_at = now() where id = $1`, [id]);
    return expireDue({ pool, baseUrl });
  }

  test('one table in the code, one in SQL, one here: all three say the same', async () => {
    const { rows } = await pool.query('select move, from_state, to_state from subscription_moves');
    const inSql = rows.map(({ move, from_state, to_state }) => `${move} ${from_state} ${to_state}`);
    const inCode = allMoves.flatMap((move) =>
      moves[move].from.map((from) => `${move} ${from} ${moves[move].to}`),
    );
    const here = lawful.map(([move, from, to]) => `${move} ${from} ${to}`);
    expect(inCode.sort()).toEqual(here.sort());
    expect(inSql.sort()).toEqual(here);
    for (const [move, , , by] of lawful) expect(moves[move].by).toEqual(by);
  });

  test(`all ${states.length} states by ${allMoves.length} moves by ${movers.length} kinds of actor: what is lawful happens, and nothing else`, async () => {
    expect(everything).toHaveLength(6 * 6 * 4);
    for (const one of everything) {
      const { from, move, mover } = one;
      const what = `${mover}: ${move} from ${from}`;
      const staged = await stage(from);
      const { id } = staged.subscription;
      const to = expected(one);
      const outcome = await attempt(move, mover, staged).then(
        () => 'done',
        (error) => error.code ?? error,
      );
      expect([what, await stateOf(id)]).toEqual([what, to ?? from]);
      if (mover === 'programme') continue; // what a file cannot bring about it leaves as it is
      expect([what, await historyOf(pool, id)]).toHaveProperty('1.length', to ? 1 : 0);
      if (mover === 'system' && move === 'expire') continue; // a sweep passes by what does not end
      const refusals = mover === 'member' && move !== 'cancel' ? ['not_theirs'] : refused;
      if (to) expect([what, outcome]).toEqual([what, 'done']);
      else expect(refusals).toContain(outcome);
    }
  }, 120_000);

  test('a programme file that is applied again leaves what an administrator decided since', async () => {
    const { subscription, doers } = await stage('submitted');
    const { id } = subscription;
    const expiresAt = new Date('2099-11-23T23:59:59Z');
    const decision = { id, reason: 'A pilot.', expiresAt };
    await approve(partsOf(pool), doers.approver, decision);
    const decided = await findSubscription(pool, id);
    await upsertSubscription(pool, { ...subscription, purpose: 'Something else.' });
    expect(await findSubscription(pool, id)).toEqual(decided);
  });

  test('a plain update in SQL gets from any state to those of the table and to no other', async () => {
    const { account } = await anApprover(pool);
    for (const from of states) {
      for (const to of states) {
        const { subscription } = await stage(from);
        const outcome = await pool
          .query(
            `update subscriptions set state = $2, decided_as = 'administrator', decided_by = $3,
               reason = 'Because.' where id = $1`,
            [subscription.id, to, account.id],
          )
          .then(
            () => 'done',
            (error) => error.constraint,
          );
        const may = from === to || lawful.some(([, f, t]) => f === from && t === to);
        const told = may ? 'done' : 'subscriptions_lawful_move';
        expect([from, to, outcome]).toEqual([from, to, told]);
      }
    }
  }, 60_000);
});
