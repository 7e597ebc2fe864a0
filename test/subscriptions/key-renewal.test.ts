import type { Account } from '../../src/accounts/account.ts';
import { overlaps, type SubscriptionKey } from '../../src/subscriptions/key.ts';
import {
  makeKeys,
  openKey,
  regenerateKey,
  revealKey,
  stopOldKey,
} from '../../src/subscriptions/key-service.ts';
import { listKeys, listOldKeys } from '../../src/subscriptions/key-store.ts';
import type { Subscription } from '../../src/subscriptions/subscription.ts';
import { upsertMember } from '../../src/teams/store.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aSubscription, aTeam, keyring } from '../support/seed.ts';

describe('a key that is made anew', () => {
  const pool = useDatabase();
  const parts = { pool, keyring, baseUrl: 'https://sandgate.example' };
  let priya: Account;
  let samir: Account;
  let subscription: Subscription;
  let primary: SubscriptionKey;

  beforeEach(async () => {
    priya = await anAccount(pool, { name: 'Priya Nair' });
    samir = await anAccount(pool, { name: 'Samir Holt' });
    const team = await aTeam(pool, { members: [priya] });
    await upsertMember(pool, { teamId: team.id, accountId: samir.id, role: 'member' });
    subscription = await aSubscription(pool, { team });
    await makeKeys(pool, keyring, subscription);
    [primary] = (await listKeys(pool, subscription.id)) as [SubscriptionKey, SubscriptionKey];
  });

  const doer = (id = priya.id) => ({ actor: { kind: 'account', id } as const });
  const which = (keyId = primary.id) => ({ subscriptionId: subscription.id, keyId });
  const row = async (id: string) =>
    (
      await pool.query(
        `select extract(epoch from expires_at - now())::int as left, replaced_at is not null as old,
           expires_at as "expiresAt" from subscription_keys where id = $1`,
        [id],
      )
    ).rows[0];
  const acts = async () =>
    (
      await pool.query(
        `select action, subject_id as key, environment, detail from audit
         where actor_id = $1 order by id`,
        [priya.id],
      )
    ).rows;

  test.each(Object.entries(overlaps))(
    'lets the old one live on for %s, and no longer',
    async (overlap, seconds) => {
      await regenerateKey(parts, doer(), { ...which(), overlap: overlap as keyof typeof overlaps });
      const old = await row(primary.id);
      expect(old.old).toBe(true);
      expect(Math.abs(old.left - seconds)).toBeLessThanOrEqual(5);
      const [next, secondary] = await listKeys(pool, subscription.id);
      expect(next).toMatchObject({ slot: 'primary', expiresAt: null, lastUsedAt: null });
      expect(next?.id).not.toBe(primary.id);
      expect(secondary?.slot).toBe('secondary');
      const living = (await listOldKeys(pool, subscription.id)).map(({ id }) => id);
      expect(living).toEqual(overlap === 'now' ? [] : [primary.id]);
    },
  );

  test('inherits the end of the old one, which never lives longer than it would have', async () => {
    const { rows } = await pool.query(
      `update subscription_keys set expires_at = now() + interval '30 minutes' where id = $1
       returning expires_at`,
      [primary.id],
    );
    await regenerateKey(parts, doer(), { ...which(), overlap: '7d' });
    const [next] = await listKeys(pool, subscription.id);
    expect(next?.expiresAt).toEqual(rows[0].expires_at);
    expect((await row(primary.id)).expiresAt).toEqual(rows[0].expires_at);
  });

  test('tells everyone of the team who did it and when the old one stops, without any of its letters', async () => {
    const old = openKey(keyring, primary);
    await regenerateKey(parts, doer(), { ...which(), overlap: '1h' });
    const [next] = (await listKeys(pool, subscription.id)) as [SubscriptionKey];
    for (const { email, name } of [priya, samir]) {
      const [letter, ...more] = await lettersTo(pool, email);
      expect(more).toEqual([]);
      expect(letter).toMatchObject({
        template: 'key-regenerated',
        data: { name, by: 'Priya Nair', slot: 'primary', product: 'Example product' },
      });
      expect(letter?.data.oldKey).toMatch(/^stops: Today, |^stops: \d/);
      expect(letter?.data.link).toBe(`${parts.baseUrl}/subscriptions/${subscription.id}`);
      for (const secret of [old, openKey(keyring, next), old.slice(-4), next.lastFour]) {
        expect(JSON.stringify(letter)).not.toContain(secret);
      }
    }
  });

  test('is in the trail with its slot and overlap, as are a reveal and a stop; the key is not', async () => {
    const value = await revealKey(parts, doer(), which());
    expect(value).toBe(openKey(keyring, primary));
    await regenerateKey(parts, doer(), { ...which(), overlap: '24h' });
    await stopOldKey(pool, doer(), which());
    const about = { key: primary.id, environment: 'sandbox' };
    const detail = { subscription: subscription.id, slot: 'primary' };
    expect(await acts()).toEqual([
      { ...about, action: 'subscription_key.revealed', detail },
      {
        ...about,
        action: 'subscription_key.regenerated',
        detail: { ...detail, stops: 'after 24 hours' },
      },
      { ...about, action: 'subscription_key.stopped', detail },
    ]);
    expect(JSON.stringify(await acts())).not.toContain(value);
    expect((await row(primary.id)).left).toBeLessThanOrEqual(0);
  });

  test('by two at once is made once: one wins, the other is told', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [current] = (await listKeys(pool, subscription.id)) as [SubscriptionKey];
      const tries = ['1h', '7d', 'now'] as const;
      const answers = await Promise.allSettled(
        tries.map((overlap) => regenerateKey(parts, doer(), { ...which(current.id), overlap })),
      );
      const refused = answers.filter((one) => one.status === 'rejected');
      expect(refused).toHaveLength(2);
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'key_replaced' });
      expect(await listKeys(pool, subscription.id)).toHaveLength(2);
    }
  });

  const withState = (state: string) =>
    pool.query('update subscriptions set state = $2 where id = $1', [subscription.id, state]);
  type Given = ReturnType<typeof which> & { by?: string };
  const all = {
    reveal: ({ by, ...given }: Given) => revealKey(parts, doer(by), given),
    regenerate: ({ by, ...given }: Given) =>
      regenerateKey(parts, doer(by), { ...given, overlap: '1h' }),
    stop: ({ by, ...given }: Given) => stopOldKey(pool, doer(by), given),
  };
  const stranger = async () => ({ by: (await anAccount(pool)).id });
  type Refusal = [string, keyof typeof all, () => Promise<Partial<Given>>, string];
  const having = (work: () => Promise<unknown>) => async () => {
    await work();
    return {};
  };
  const end = (table: string, id: string) =>
    pool.query(`update ${table} set expires_at = now() - interval '1 second' where id = $1`, [id]);

  test.each<Refusal>([
    ['another team’s, revealed', 'reveal', stranger, 'key_not_found'],
    ['another team’s, made anew', 'regenerate', stranger, 'key_not_found'],
    ['another team’s, stopped', 'stop', stranger, 'key_not_found'],
    ['one that does not exist', 'reveal', async () => ({ keyId: 'no-such-key' }), 'key_not_found'],
    [
      'of another subscription',
      'reveal',
      async () => ({ subscriptionId: (await aSubscription(pool)).id }),
      'key_not_found',
    ],
    ['one that still has its slot, stopped', 'stop', async () => ({}), 'key_stopped'],
    [
      'of a cancelled subscription, revealed',
      'reveal',
      having(() => withState('cancelled')),
      'keys_stopped',
    ],
    [
      'of a cancelled subscription, made anew',
      'regenerate',
      having(() => withState('cancelled')),
      'keys_stopped',
    ],
    [
      'of a subscription whose end has come, though nobody has noted it',
      'reveal',
      having(() => end('subscriptions', subscription.id)),
      'keys_stopped',
    ],
    [
      'one that has ended, made anew',
      'regenerate',
      having(() => end('subscription_keys', primary.id)),
      'key_replaced',
    ],
  ])('refuses %s, and writes nothing', async (_, what, prepare, code) => {
    const given = { ...which(), ...(await prepare()) };
    await expect(all[what](given)).rejects.toMatchObject({ code });
    expect(await acts()).toEqual([]);
    expect(await lettersTo(pool, priya.email)).toEqual([]);
    expect((await listKeys(pool, subscription.id))[0]?.id).toBe(primary.id);
  });

  test('may be revealed and made anew by any member, and while the subscription is suspended', async () => {
    await withState('suspended');
    await expect(revealKey(parts, doer(samir.id), which())).resolves.toMatch(/^sg_test_/);
    await regenerateKey(parts, doer(samir.id), { ...which(), overlap: 'now' });
    await expect(stopOldKey(pool, doer(), which())).rejects.toMatchObject({ code: 'key_stopped' });
  });

  test('the database lets no replaced key live on without an end', async () => {
    await expect(
      pool.query('update subscription_keys set replaced_at = now() where id = $1', [primary.id]),
    ).rejects.toMatchObject({ constraint: 'subscription_keys_replaced_end' });
  });

  test('thirty times an hour by one team, as each is a letter to everybody', async () => {
    for (let round = 0; round < 30; round += 1) {
      const [key] = (await listKeys(pool, subscription.id)) as [SubscriptionKey];
      await regenerateKey(parts, doer(), { ...which(key.id), overlap: 'now' });
    }
    const [key] = (await listKeys(pool, subscription.id)) as [SubscriptionKey];
    const once = () => regenerateKey(parts, doer(samir.id), { ...which(key.id), overlap: 'now' });
    await expect(once()).rejects.toMatchObject({ code: 'too_many_keys' });
    expect(await lettersTo(pool, samir.email)).toHaveLength(30);
    await pool.query(`update subscription_keys set replaced_at = replaced_at - interval '1 hour'`);
    await once();
  });
});
