import { findClient } from '../../src/clients/store.ts';
import { upsertProduct } from '../../src/products/store.ts';
import { listKeys } from '../../src/subscriptions/key-store.ts';
import { findOwnSubscription } from '../../src/subscriptions/overview-store.ts';
import { cancel, changePurpose } from '../../src/subscriptions/service.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { upsertMember } from '../../src/teams/store.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aProduct, aTeam } from '../support/seed.ts';
import {
  aDeveloper,
  anApprover,
  as,
  askFor,
  baseUrl,
  historyOf,
  partsOf,
  purpose,
} from './support.ts';

describe('asking for a product', () => {
  const pool = useDatabase();
  const parts = partsOf(pool);

  test('an open one is active at once, with two keys and the clients of its console', async () => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { name: 'Read Records' });
    const made = await askFor(pool, developer, product);
    expect(made).toMatchObject({
      state: 'active',
      name: 'Read Records',
      purpose,
      decidedAs: 'open',
      requestedBy: developer.account.id,
      termsVersion: null,
      scopes: null,
    });
    expect(await listKeys(pool, made.id)).toHaveLength(2);
    for (const id of [`console_${made.id}`, `test_${made.id}`]) {
      expect(await findClient(pool, 'sandbox', id)).toMatchObject({ usable: true });
    }
    expect(await historyOf(pool, made.id)).toEqual(['subscription.asked']);
  });

  test('a guarded one waits, and every approver gets a letter that opens this request', async () => {
    const approvers = [
      await anApprover(pool),
      await anApprover(pool),
      await anApprover(pool, { role: 'owner' }),
    ];
    const others = await Promise.all(
      (['publisher', 'support', 'auditor'] as const).map((role) =>
        anAccount(pool, { roles: [role] }),
      ),
    );
    const developer = await aDeveloper(pool, { name: 'Priya Nair' });
    const product = await aProduct(pool, { name: 'Submit Records', needsApproval: true });
    const made = await askFor(pool, developer, product);

    expect(made).toMatchObject({ state: 'submitted', decidedAs: null, activatedAt: null });
    expect(await listKeys(pool, made.id)).toEqual([]);
    expect(await findClient(pool, 'sandbox', `console_${made.id}`)).toBeUndefined();
    for (const { account } of approvers) {
      const letters = await lettersTo(pool, account.email);
      expect(letters).toHaveLength(1);
      expect(letters[0]).toMatchObject({
        template: 'approval-requested',
        data: {
          asker: 'Priya Nair',
          product: 'Submit Records',
          link: `${baseUrl}/admin/approvals/${made.id}`,
        },
      });
      expect(JSON.stringify(letters[0])).not.toContain(purpose);
    }
    for (const { email } of [...others, developer.account]) {
      expect(await lettersTo(pool, email)).toEqual([]);
    }
  });

  test('a name with a line break reaches a letter in one line', async () => {
    const approver = await anApprover(pool);
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { name: 'Submit\r\nBcc: all', needsApproval: true });
    await askFor(pool, developer, product);
    const [letter] = await lettersTo(pool, approver.account.email);
    expect(letter?.data.product).toBe('Submit Bcc: all');
  });

  test('what nobody sees, or turns the words around it, is left out of purposes and letters', async () => {
    const approver = await anApprover(pool);
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, {
      name: 'Submit\u202e\u2066 sdroceR',
      needsApproval: true,
    });
    const typed = '\u202eFor\u0007 a\u200b ward\u2028round \u2067👩\u200d⚕️';
    const { id } = await askFor(pool, developer, product, { purpose: typed });
    expect((await findSubscription(pool, id))?.purpose).toBe('For a ward\nround 👩\u200d⚕️');
    const [letter] = await lettersTo(pool, approver.account.email);
    expect(letter?.data.product).toBe('Submit sdroceR');
    const unseen = askFor(pool, developer, await aProduct(pool), { purpose: '\u202e'.repeat(20) });
    await expect(unseen).rejects.toMatchObject({ fields: { purpose: 'Fill this in.' } });
  });

  test.each([
    ['an empty purpose', { purpose: ' ' }, ['purpose']],
    ['nine characters', { purpose: 'Too short' }, ['purpose']],
    ['spaces around nine', { purpose: `   Too short \n\n` }, ['purpose']],
    ['2,001 characters', { purpose: 'x'.repeat(2001) }, ['purpose']],
    ['terms not accepted', { termsAccepted: null }, ['terms']],
    ['other terms accepted', { termsAccepted: 7 }, ['terms']],
    ['both', { purpose: '', termsAccepted: null }, ['purpose', 'terms']],
  ])('%s: refused under its field, and nothing is made', async (_what, given, fields) => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { terms: 'Be kind.' });
    const asked = askFor(pool, developer, product, { termsAccepted: 1, ...given });
    await expect(asked).rejects.toMatchObject({ code: 'invalid_input' });
    await asked.catch((error) => expect(Object.keys(error.fields)).toEqual(fields));
    const { rowCount } = await pool.query('select from subscriptions where team_id = $1', [
      developer.team.id,
    ]);
    expect(rowCount).toBe(0);
  });

  test('terms are accepted in the version that was read', async () => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { terms: 'Be kind.' });
    await upsertProduct(pool, { ...product, terms: 'Be kind and quick.' });
    await expect(askFor(pool, developer, product, { termsAccepted: 1 })).rejects.toMatchObject({
      fields: { terms: expect.stringContaining('have changed') },
    });
    const made = await askFor(pool, developer, product, { termsAccepted: 2 });
    expect(made.termsVersion).toBe(2);
    const { rows } = await pool.query('select terms_accepted_at from subscriptions where id = $1', [
      made.id,
    ]);
    expect(rows[0].terms_accepted_at).toBeInstanceOf(Date);
  });

  test.each([
    ['a draft', { state: 'draft' }, 'no_product'],
    ['one for teams that were invited', { visibility: 'invited' }, 'no_product'],
    ['one that goes away', { state: 'deprecated' }, 'not_offered'],
    ['one that is gone', { state: 'retired' }, 'not_offered'],
  ] as const)('%s cannot be asked for', async (_what, given, code) => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, given);
    await expect(askFor(pool, developer, product)).rejects.toMatchObject({ code });
  });

  test('an invited team sees what others do not', async () => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { visibility: 'invited' });
    await pool.query('insert into product_invitations values ($1, $2)', [
      product.id,
      developer.team.id,
    ]);
    expect((await askFor(pool, developer, product)).state).toBe('active');
  });

  test.each(['product', 'team', 'environment'])(
    'nothing is taken while the kill switch stops the %s',
    async (kind) => {
      const developer = await aDeveloper(pool);
      const product = await aProduct(pool);
      const id = { product: product.id, team: developer.team.id }[kind] ?? 'sandbox';
      await pool.query('insert into suspensions (kind, id, reason) values ($1, $2, $3)', [
        kind,
        id,
        'Because.',
      ]);
      await expect(askFor(pool, developer, product)).rejects.toMatchObject({ code: 'not_offered' });
      await pool.query('delete from suspensions where id = $1', [id]);
    },
  );

  test('whoever keeps asking and taking it back is stopped before the approvers are', async () => {
    const approver = await anApprover(pool);
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { needsApproval: true });
    for (let round = 0; round < 10; round += 1) {
      await cancel(parts, developer.doer, (await askFor(pool, developer, product)).id);
    }
    await expect(askFor(pool, developer, product)).rejects.toMatchObject({
      code: 'too_many_requests',
    });
    expect(await lettersTo(pool, approver.account.email)).toHaveLength(10);
    expect((await askFor(pool, developer, await aProduct(pool))).state).toBe('active');
  });

  test('thirty times an hour for open ones, as each end is a letter to members', async () => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool);
    for (let round = 0; round < 30; round += 1) {
      await cancel(parts, developer.doer, (await askFor(pool, developer, product)).id);
    }
    await expect(askFor(pool, developer, await aProduct(pool))).rejects.toMatchObject({
      code: 'too_many_requests',
    });
    expect((await askFor(pool, await aDeveloper(pool), product)).state).toBe('active');
  });

  test("another team's name, request and subscription are not found", async () => {
    const developer = await aDeveloper(pool);
    const stranger = await aDeveloper(pool);
    const product = await aProduct(pool);
    const forOthers = askFor(pool, { team: developer.team, doer: stranger.doer }, product);
    await expect(forOthers).rejects.toMatchObject({ code: 'no_product' });
    const made = await askFor(pool, developer, product);
    const notFound = { code: 'no_subscription' };
    await expect(cancel(parts, stranger.doer, made.id)).rejects.toMatchObject(notFound);
    const other = { id: made.id, purpose: 'Something else entirely.' };
    await expect(changePurpose(parts, stranger.doer, other)).rejects.toMatchObject(notFound);
    const seenBy = (owner: string) => findOwnSubscription(pool, { owner, id: made.id });
    expect(await seenBy(stranger.account.id)).toBeUndefined();
    expect(await seenBy(developer.account.id)).toMatchObject({ id: made.id });
    expect(await seenBy(developer.team.id)).toMatchObject({ id: made.id });
  });

  test('the purpose can be reworded while it waits, and the trail keeps the words before', async () => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { needsApproval: true });
    const { id } = await askFor(pool, developer, product);
    await changePurpose(parts, developer.doer, { id, purpose: 'For two wards only,\r\nat first.' });
    expect((await findSubscription(pool, id))?.purpose).toBe('For two wards only,\nat first.');
    expect(await historyOf(pool, id)).toEqual([
      'subscription.asked',
      'subscription.purpose_changed',
    ]);
    const { rows } = await pool.query(`select detail from audit where action like '%purpose%'`);
    expect(rows[0].detail).toEqual({ before: purpose });
    await expect(changePurpose(parts, developer.doer, { id, purpose: 'x' })).rejects.toMatchObject({
      fields: { purpose: expect.stringContaining('at least 10') },
    });
  });

  test('a member cancels, the owners and whoever asked are told, the one who did it is not', async () => {
    const owner = await anAccount(pool);
    const asker = await anAccount(pool);
    const member = await anAccount(pool, { name: 'Samir Holt' });
    const team = await aTeam(pool, { members: [owner] });
    for (const { id } of [asker, member]) {
      await upsertMember(pool, { teamId: team.id, accountId: id, role: 'member' });
    }
    const product = await aProduct(pool);
    const { id } = await askFor(pool, { team, doer: as(asker) }, product);
    expect((await cancel(parts, as(member), id)).state).toBe('cancelled');
    for (const { email } of [owner, asker]) {
      expect(await lettersTo(pool, email)).toMatchObject([
        { template: 'subscription-cancelled', data: { by: 'Samir Holt' } },
      ]);
    }
    expect(await lettersTo(pool, member.email)).toEqual([]);
    expect(await findClient(pool, 'sandbox', `console_${id}`)).toMatchObject({ usable: false });
    await expect(cancel(parts, as(member), id)).rejects.toMatchObject({ code: 'unlawful_move' });
  });

  test('a request can be taken back while it waits', async () => {
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { needsApproval: true });
    const { id } = await askFor(pool, developer, product);
    expect((await cancel(parts, developer.doer, id)).state).toBe('cancelled');
    expect(await historyOf(pool, id)).toEqual(['subscription.asked', 'subscription.cancelled']);
  });
});
