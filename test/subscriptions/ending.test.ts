import { createLogger } from '../../src/base/log.ts';
import { sweep } from '../../src/commands/sweep.ts';
import { approve, changeEnd } from '../../src/subscriptions/decision-service.ts';
import { expireDue, warnDue } from '../../src/subscriptions/ending-service.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { upsertMember } from '../../src/teams/store.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aProduct } from '../support/seed.ts';
import { aDeveloper, anApprover, askFor, baseUrl, historyOf, partsOf } from './support.ts';

const day = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * day);

describe('the end of a subscription', () => {
  const pool = useDatabase();
  const parts = partsOf(pool);
  let approver: Awaited<ReturnType<typeof anApprover>>;
  beforeAll(async () => {
    approver = await anApprover(pool);
  });
  afterEach(() => pool.query(`delete from subscriptions`));

  /** Approved for so many days, `ago` days ago. */
  async function granted(days: number, { ago = 0 }: { ago?: number } = {}) {
    const developer = await aDeveloper(pool);
    const colleague = await anAccount(pool);
    const member = { teamId: developer.team.id, accountId: colleague.id, role: 'member' } as const;
    await upsertMember(pool, member);
    const product = await aProduct(pool, { name: 'Submit Records', needsApproval: true });
    const { id } = await askFor(pool, developer, product);
    const reason = 'A pilot.';
    await approve(parts, approver.doer, { id, reason, expiresAt: inDays(days) });
    await pool.query(
      `update subscriptions set decided_at = decided_at - make_interval(days => $2),
         expires_at = expires_at - make_interval(days => $2) where id = $1`,
      [id, ago],
    );
    const people = [developer.account.email, colleague.email];
    const letters = async () => {
      const each = await Promise.all(people.map((email) => lettersTo(pool, email)));
      return each.map((of) =>
        of.map(({ template }) => template).filter((one) => one.includes('expire')),
      );
    };
    return { id, developer, product, letters, people };
  }
  const stateOf = async (id: string) => (await findSubscription(pool, id))?.state;

  test('expires when its time has come, and every member is told once', async () => {
    const { id, letters } = await granted(30, { ago: 31 });
    const standing = await granted(30);
    expect(await expireDue({ pool, baseUrl })).toBe(1);
    expect(await expireDue({ pool, baseUrl })).toBe(0);
    expect([await stateOf(id), await stateOf(standing.id)]).toEqual(['expired', 'active']);
    expect(await letters()).toEqual([['subscription-expired'], ['subscription-expired']]);
    expect(await historyOf(pool, id)).toEqual([
      'subscription.asked',
      'subscription.approved',
      'subscription.expired',
    ]);
  });

  test('whoever asks again after the end need not wait for a sweep', async () => {
    const { id, developer, product, letters } = await granted(30, { ago: 31 });
    expect((await askFor(pool, developer, product)).state).toBe('submitted');
    expect(await stateOf(id)).toBe('expired');
    expect(await letters()).toEqual([['subscription-expired'], ['subscription-expired']]);
  });

  test('a suspended one expires too, one that waits does not', async () => {
    const { id } = await granted(30, { ago: 31 });
    await pool.query(`update subscriptions set state = 'suspended' where id = $1`, [id]);
    const developer = await aDeveloper(pool);
    const product = await aProduct(pool, { needsApproval: true });
    const waiting = await askFor(pool, developer, product);
    await pool.query(`update subscriptions set expires_at = now() where id = $1`, [waiting.id]);
    await expireDue({ pool, baseUrl });
    expect([await stateOf(id), await stateOf(waiting.id)]).toEqual(['expired', 'submitted']);
  });

  test('its members are told fourteen days before, once', async () => {
    const { id, letters, people } = await granted(365, { ago: 350 });
    expect(await warnDue({ pool, baseUrl })).toBe(0);
    await pool.query(
      `update subscriptions set expires_at = expires_at - interval '1 day' where id = $1`,
      [id],
    );
    expect(await warnDue({ pool, baseUrl })).toBe(1);
    expect(await warnDue({ pool, baseUrl })).toBe(0);
    expect(await letters()).toEqual([['subscription-expires-soon'], ['subscription-expires-soon']]);
    const letter = (await lettersTo(pool, people[0] ?? '')).at(-1);
    expect(letter?.data).toMatchObject({
      product: 'Submit Records',
      link: `${baseUrl}/subscriptions/${id}`,
      on: expect.stringMatching(/^\d+ \w+ \d{4}$/),
    });
    expect(await stateOf(id)).toBe('active');
  });

  test('one granted for a few days is told of when half of them are over', async () => {
    await granted(6, { ago: 2 });
    expect(await warnDue({ pool, baseUrl })).toBe(0);
    await granted(6, { ago: 4 });
    expect(await warnDue({ pool, baseUrl })).toBe(1);
  });

  test('another end is told of anew', async () => {
    const { id } = await granted(365, { ago: 360 });
    expect(await warnDue({ pool, baseUrl })).toBe(1);
    const expiresAt = inDays(10);
    await changeEnd(parts, approver.doer, { id, expiresAt, reason: 'Two weeks more.' });
    expect(await warnDue({ pool, baseUrl })).toBe(1);
    await changeEnd(parts, approver.doer, { id, expiresAt: null, reason: 'It stays.' });
    expect(await warnDue({ pool, baseUrl })).toBe(0);
  });

  test('two instances that sweep at once tell nobody twice', async () => {
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, n) => granted(30, { ago: n % 2 ? 31 : 29 })),
    );
    const counts = await Promise.all([
      expireDue({ pool, baseUrl }),
      expireDue({ pool, baseUrl }),
      warnDue({ pool, baseUrl }),
      warnDue({ pool, baseUrl }),
    ]);
    expect([(counts[0] ?? 0) + (counts[1] ?? 0), (counts[2] ?? 0) + (counts[3] ?? 0)]).toEqual([
      6, 6,
    ]);
    for (const [n, { letters }] of all.entries()) {
      const told = n % 2 ? 'subscription-expired' : 'subscription-expires-soon';
      expect(await letters()).toEqual([[told], [told]]);
    }
  });

  test('the sweep of a running server does both', async () => {
    const over = await granted(30, { ago: 31 });
    const soon = await granted(30, { ago: 29 });
    const keepDays = {
      acts: 400,
      letters: 30,
      registrations: 7,
      invitations: 30,
      devices: 365,
      use: 760,
    };
    await sweep({ pool, baseUrl, keepDays, log: createLogger({ level: 'silent' }) });
    expect(await stateOf(over.id)).toBe('expired');
    expect((await soon.letters())[0]).toEqual(['subscription-expires-soon']);
  });
});
