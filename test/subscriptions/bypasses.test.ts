import type { Product } from '../../src/products/product.ts';
import { upsertProduct } from '../../src/products/store.ts';
import { approve, reject, resume, suspend } from '../../src/subscriptions/decision-service.ts';
import { cancel, changePurpose } from '../../src/subscriptions/service.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { markOf } from '../../src/subscriptions/subscription.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aProduct } from '../support/seed.ts';
import { aDeveloper, anApprover, as, askFor, partsOf } from './support.ts';

describe('ways around an approval', () => {
  const pool = useDatabase();
  const parts = partsOf(pool);
  const reason = 'Because.';
  let product: Product;
  let approver: Awaited<ReturnType<typeof anApprover>>;
  beforeAll(async () => {
    approver = await anApprover(pool);
    product = await aProduct(pool, {
      needsApproval: true,
      scopes: ['read', 'write'].map((scope) => ({ scope, description: scope, isDefault: true })),
    });
  });
  const developer = () => aDeveloper(pool);
  const stateOf = async (id: string) => (await findSubscription(pool, id))?.state;
  const sql = (text: string, values: unknown[] = []) =>
    pool.query(text, values).then(
      () => 'done',
      (error) => error.constraint ?? error.message,
    );

  test.each(['rejected', 'cancelled', 'expired'])(
    'asked for again after it was %s, it waits again, however often',
    async (end) => {
      const someone = await developer();
      for (let round = 0; round < 3; round += 1) {
        const { id, state } = await askFor(pool, someone, product);
        expect(state).toBe('submitted');
        if (end === 'rejected') await reject(parts, approver.doer, { id, reason });
        else await approve(parts, approver.doer, { id, reason });
        if (end === 'cancelled') await cancel(parts, someone.doer, id);
        if (end === 'expired')
          await sql(`update subscriptions set state = 'expired' where id = $1`, [id]);
        expect(await stateOf(id)).toBe(end);
      }
      expect((await askFor(pool, someone, product)).state).toBe('submitted');
    },
  );

  test('two tabs, twenty at once: one request, and nineteen are told that there is one', async () => {
    const someone = await developer();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        askFor(pool, someone, product).then(
          () => 'done',
          (error) => error.code,
        ),
      ),
    );
    expect(outcomes.filter((one) => one === 'done')).toHaveLength(1);
    expect(outcomes.filter((one) => one === 'already_subscribed')).toHaveLength(19);
  });

  test('the same for an open product: no second pair of keys', async () => {
    const someone = await developer();
    const open = await aProduct(pool);
    await askFor(pool, someone, open);
    await expect(askFor(pool, someone, open)).rejects.toMatchObject({ code: 'already_subscribed' });
  });

  test('a suspended one cannot be replaced by asking again, but by cancelling and waiting', async () => {
    const someone = await developer();
    const { id } = await askFor(pool, someone, product);
    await approve(parts, approver.doer, { id, reason });
    await suspend(parts, approver.doer, { id, reason });
    await expect(askFor(pool, someone, product)).rejects.toMatchObject({
      code: 'already_subscribed',
    });
    await cancel(parts, someone.doer, id);
    expect((await askFor(pool, someone, product)).state).toBe('submitted');
  });

  test('a purpose stays once it was decided by', async () => {
    const someone = await developer();
    const { id } = await askFor(pool, someone, product);
    await approve(parts, approver.doer, { id, reason });
    const other = { id, purpose: 'Selling it to advertisers.' };
    await expect(changePurpose(parts, someone.doer, other)).rejects.toMatchObject({
      code: 'decided',
    });
    expect(await sql('update subscriptions set purpose = $2 where id = $1', [id, 'Other'])).toBe(
      'subscriptions_purpose_stays',
    );
  });

  test('nobody approves a purpose that was changed while they read another', async () => {
    const someone = await developer();
    const read = await askFor(pool, someone, product);
    const { id } = read;
    await changePurpose(parts, someone.doer, { id, purpose: 'Selling it to advertisers.' });
    const decision = { id, reason, purposeRead: markOf(read) };
    await expect(approve(parts, approver.doer, decision)).rejects.toMatchObject({
      code: 'purpose_changed',
    });
    expect(await stateOf(id)).toBe('submitted');
  });

  test('deleted and made again, it waits again', async () => {
    const someone = await developer();
    const { id } = await askFor(pool, someone, product);
    await approve(parts, approver.doer, { id, reason });
    await sql('delete from subscriptions where id = $1', [id]);
    expect((await askFor(pool, someone, product)).state).toBe('submitted');
  });

  test('a product that becomes guarded while its form is open is asked for as a guarded one', async () => {
    const someone = await developer();
    const open = await aProduct(pool);
    await upsertProduct(pool, { ...open, needsApproval: true });
    expect((await askFor(pool, someone, open)).state).toBe('submitted');
  });

  test('a product that becomes guarded in the same moment lets nobody slip in', async () => {
    const someone = await developer();
    const open = await aProduct(pool);
    const publisher = await pool.connect();
    await publisher.query('begin');
    await publisher.query('update products set needs_approval = true where id = $1', [open.id]);
    const asked = askFor(pool, someone, open);
    await new Promise((resolve) => setTimeout(resolve, 100)); // it waits for the product's row
    await publisher.query('commit');
    publisher.release();
    expect((await asked).state).toBe('submitted');
  });

  test('an approval by whoever lost the role meanwhile does not hold', async () => {
    const someone = await developer();
    const { id } = await askFor(pool, someone, product);
    const former = as(await anAccount(pool), 'approver');
    await expect(approve(parts, former, { id, reason })).rejects.toMatchObject({
      code: 'not_decided',
    });
    expect(await stateOf(id)).toBe('submitted');
  });

  test('an approver does not approve a request of their own team while others could', async () => {
    const someone = await developer();
    await pool.query(`insert into account_roles values ($1, 'approver')`, [someone.account.id]);
    const { id } = await askFor(pool, someone, product);
    const self = as(someone.account, 'approver');
    await expect(approve(parts, self, { id, reason })).rejects.toMatchObject({
      code: 'own_request',
    });
    await approve(parts, approver.doer, { id, reason });
    await suspend(parts, self, { id, reason });
    await expect(resume(parts, self, { id, reason })).rejects.toMatchObject({
      code: 'own_request',
    });
  });

  describe('by SQL alone', () => {
    const insert = (values: string, params: unknown[] = []) =>
      sql(
        `insert into subscriptions (team_id, product_id, environment, name, purpose, state, reason,
           decided_as, decided_by) ${values}`,
        params,
      );
    const row = async (
      state: string,
      decidedAs: string | null,
      decidedBy: string | null = null,
    ) => {
      const { team } = await developer();
      return insert(`values ($1, $2, 'sandbox', 'n', 'p', $3, 'Because.', $4, $5)`, [
        team.id,
        product.id,
        state,
        decidedAs,
        decidedBy,
      ]);
    };

    test('a row that begins active needs a decision', async () => {
      expect(await row('active', null)).toBe('subscriptions_decided');
      expect(await row('active', 'open')).toBe('subscriptions_decided');
      expect(await row('active', 'administrator')).toBe('subscriptions_decided');
      const nobody = await anAccount(pool, { roles: ['publisher', 'support', 'auditor'] });
      expect(await row('active', 'administrator', nobody.id)).toBe('subscriptions_decided');
      expect(await row('active', 'administrator', approver.account.id)).toBe('done');
    });

    test('one that begins suspended cannot be resumed, whatever date is written into it', async () => {
      const { team } = await developer();
      const made = await pool.query(
        `insert into subscriptions (team_id, product_id, environment, name, state, reason, activated_at)
         values ($1, $2, 'sandbox', 'n', 'suspended', 'Because.', now()) returning id`,
        [team.id, product.id],
      );
      const { id } = made.rows[0];
      await sql('update subscriptions set activated_at = now() where id = $1', [id]);
      expect(await sql(`update subscriptions set state = 'active' where id = $1`, [id])).toBe(
        'subscriptions_decided',
      );
    });

    test.each([
      [`state = 'active'`, 'subscriptions_decided'],
      [`state = 'active', decided_as = 'open'`, 'subscriptions_decided'],
      [`state = 'active', decided_as = 'administrator'`, 'subscriptions_decided'],
      [`state = 'suspended', reason = 'Because.'`, 'subscriptions_lawful_move'],
      [`state = 'expired'`, 'subscriptions_lawful_move'],
      [`state = 'rejected'`, 'subscriptions_reasoned'],
      [`scopes = '{read}'`, 'subscriptions_scopes_stay'],
    ])('update of one that waits: set %s', async (set, constraint) => {
      const { id } = await askFor(pool, await developer(), product);
      expect(await sql(`update subscriptions set ${set} where id = $1`, [id])).toBe(constraint);
    });

    test('an active one keeps its product, its team and what it was narrowed to', async () => {
      const open = await aProduct(pool);
      const someone = await developer();
      const other = await developer();
      const { id } = await askFor(pool, someone, open);
      for (const [column, value] of [
        ['product_id', product.id],
        ['team_id', other.team.id],
      ]) {
        expect(
          await sql(`update subscriptions set ${column} = $2 where id = $1`, [id, value]),
        ).toBe('subscriptions_keeps_its_own');
      }
      const { id: guarded } = await askFor(pool, someone, product);
      await approve(parts, approver.doer, { id: guarded, reason, scopes: ['read'] });
      expect(await sql(`update subscriptions set scopes = null where id = $1`, [guarded])).toBe(
        'subscriptions_scopes_stay',
      );
      expect(
        await sql(`update subscriptions set state = 'suspended', reason = '' where id = $1`, [
          guarded,
        ]),
      ).toBe('subscriptions_reasoned');
    });
  });
});
