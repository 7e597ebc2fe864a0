import type { Product } from '../../src/products/product.ts';
import {
  approve,
  changeEnd,
  isOwnRequest,
  reject,
  resume,
  suspend,
} from '../../src/subscriptions/decision-service.ts';
import { expireDue } from '../../src/subscriptions/ending-service.ts';
import { cancel } from '../../src/subscriptions/service.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { upsertMember } from '../../src/teams/store.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aProduct, aTeam } from '../support/seed.ts';
import { aDeveloper, anApprover, as, askFor, baseUrl, partsOf } from './support.ts';

describe('what an administrator has limited', () => {
  const pool = useDatabase();
  const parts = partsOf(pool);
  const reason = 'It hammers the API.';
  const tomorrow = () => new Date(Date.now() + 86_400_000);
  let open: Product;
  let approver: Awaited<ReturnType<typeof anApprover>>;
  beforeAll(async () => {
    approver = await anApprover(pool);
    open = await aProduct(pool);
  });
  const sql = (text: string, values: unknown[] = []) =>
    pool.query(text, values).then(
      () => 'done',
      (error) => error.constraint ?? error.message,
    );

  type Limited = Awaited<ReturnType<typeof aDeveloper>> & { id: string };
  const subscribed = async (): Promise<Limited> => {
    const someone = await aDeveloper(pool);
    return { ...someone, id: (await askFor(pool, someone, open)).id };
  };
  const end = (id: string, expiresAt: Date | null) =>
    changeEnd(parts, approver.doer, { id, reason, expiresAt });
  const pass = (id: string) =>
    sql(`update subscriptions set expires_at = now() where id = $1`, [id]);

  describe('of an open product stays when the team makes it anew', () => {
    const ways: [string, (given: Limited) => Promise<unknown>][] = [
      [
        'suspended, then cancelled',
        async ({ id, doer }) => {
          await suspend(parts, approver.doer, { id, reason });
          await cancel(parts, doer, id);
        },
      ],
      [
        'suspended, then expired',
        async ({ id }) => {
          await suspend(parts, approver.doer, { id, reason });
          await pass(id);
          await expireDue({ pool, baseUrl });
        },
      ],
      [
        'given an end, then cancelled',
        async ({ id, doer }) => {
          await end(id, tomorrow());
          await cancel(parts, doer, id);
        },
      ],
      [
        'given an end, which is over and no sweep came by',
        async ({ id }) => {
          await end(id, tomorrow());
          await pass(id);
        },
      ],
    ];

    test.each(ways)('%s: asked for again it waits, however often', async (_, limit) => {
      const someone = await subscribed();
      await limit(someone);
      for (let round = 0; round < 2; round += 1) {
        const { id, state } = await askFor(pool, someone, open);
        expect(state).toBe('submitted');
        await cancel(parts, someone.doer, id);
      }
      const { id } = await askFor(pool, someone, open);
      await reject(parts, approver.doer, { id, reason });
      expect((await askFor(pool, someone, open)).state).toBe('submitted');
      expect((await lettersTo(pool, approver.account.email)).length).toBeGreaterThan(3);
    });

    test.each(ways)('%s: by SQL alone it waits too', async (_, limit) => {
      const someone = await subscribed();
      await limit(someone);
      await sql(
        `update subscriptions set state = 'expired' where team_id = $1 and state = 'active'`,
        [someone.team.id],
      );
      const insert = (state: string, decidedAs: string | null) =>
        sql(
          `insert into subscriptions
             (team_id, product_id, environment, name, purpose, state, decided_as, next_waits)
           values ($1, $2, 'sandbox', 'n', 'p', $3, $4, false)`,
          [someone.team.id, open.id, state, decidedAs],
        );
      await sql(
        'update subscriptions set next_waits = false, expires_at = null where team_id = $1',
        [someone.team.id],
      );
      expect(await insert('active', 'open')).toBe('subscriptions_decided');
      expect(await insert('submitted', null)).toBe('done');
      expect(
        await sql(
          `update subscriptions set state = 'active', decided_as = 'open', next_waits = false
           where team_id = $1 and state = 'submitted'`,
          [someone.team.id],
        ),
      ).toBe('subscriptions_decided');
    });

    test('an approval ends that', async () => {
      const someone = await subscribed();
      await suspend(parts, approver.doer, { id: someone.id, reason });
      await cancel(parts, someone.doer, someone.id);
      const { id } = await askFor(pool, someone, open);
      expect((await approve(parts, approver.doer, { id, reason })).state).toBe('active');
      await cancel(parts, someone.doer, id);
      expect((await askFor(pool, someone, open)).state).toBe('active');
    });

    test('so does whoever resumes it, or takes the end away', async () => {
      const someone = await subscribed();
      await suspend(parts, approver.doer, { id: someone.id, reason });
      await resume(parts, approver.doer, { id: someone.id, reason });
      await end(someone.id, tomorrow());
      await end(someone.id, null);
      await cancel(parts, someone.doer, someone.id);
      expect((await askFor(pool, someone, open)).state).toBe('active');
    });

    test('another team, and another product of this one, are not meant', async () => {
      const someone = await subscribed();
      await suspend(parts, approver.doer, { id: someone.id, reason });
      await cancel(parts, someone.doer, someone.id);
      expect((await askFor(pool, someone, await aProduct(pool))).state).toBe('active');
      expect((await askFor(pool, await aDeveloper(pool), open)).state).toBe('active');
    });
  });

  describe('four eyes', () => {
    /** A request that an approver made for a team, which they have left. */
    async function left() {
      const self = await anApprover(pool);
      const team = await aTeam(pool, { members: [await anAccount(pool)] });
      const member = { teamId: team.id, accountId: self.account.id };
      await upsertMember(pool, { ...member, role: 'member' });
      const product = await aProduct(pool, { needsApproval: true });
      const request = await askFor(pool, { team, doer: as(self.account) }, product);
      await sql('delete from team_members where team_id = $1 and account_id = $2', [
        team.id,
        self.account.id,
      ]);
      return { self, request };
    }

    test('whoever asked does not decide it after leaving the team', async () => {
      const { self, request } = await left();
      const { id } = request;
      const own = { code: 'own_request' };
      expect(await isOwnRequest(pool, self.doer, request)).toBe(true);
      await expect(approve(parts, self.doer, { id, reason })).rejects.toMatchObject(own);
      await approve(parts, approver.doer, { id, reason });
      const later = { id, reason, expiresAt: tomorrow() };
      await expect(changeEnd(parts, self.doer, later)).rejects.toMatchObject(own);
      await suspend(parts, self.doer, { id, reason });
      await expect(resume(parts, self.doer, { id, reason })).rejects.toMatchObject(own);
      expect((await findSubscription(pool, id))?.state).toBe('suspended');
    });

    test('nor by SQL', async () => {
      const { self, request } = await left();
      const active = `update subscriptions set state = 'active', decided_as = 'administrator',
        decided_by = $2, reason = 'Because.' where id = $1`;
      expect(await sql(active, [request.id, self.account.id])).toBe('subscriptions_four_eyes');
      expect(await sql(active, [request.id, approver.account.id])).toBe('done');
    });

    test('where nobody else could, they do', async () => {
      const { self, request } = await left();
      const tx = await pool.connect();
      await tx.query('begin');
      await tx.query('delete from account_roles where account_id <> $1', [self.account.id]);
      expect(await isOwnRequest(tx, self.doer, request)).toBe(false);
      await tx.query('rollback');
      tx.release();
    });
  });
});
