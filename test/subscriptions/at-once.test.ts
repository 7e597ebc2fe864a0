import { approve } from '../../src/subscriptions/decision-service.ts';
import { cancel } from '../../src/subscriptions/service.ts';
import { endTeam } from '../../src/teams/service.ts';
import { useDatabase } from '../support/database.ts';
import { aProduct } from '../support/seed.ts';
import { aDeveloper, anApprover, askFor, partsOf } from './support.ts';

type Developer = Awaited<ReturnType<typeof aDeveloper>>;

describe('while its owner deletes the team', () => {
  const pool = useDatabase();
  const parts = partsOf(pool);

  const end = ({ team, account }: Developer) =>
    endTeam(
      pool,
      { actor: { kind: 'account', id: account.id } },
      { teamId: team.id, typed: team.name },
    );
  const pause = (milliseconds: number) =>
    new Promise((resolve) => setTimeout(resolve, milliseconds));

  /** Sent together some times, a little apart; what the first of both came to, and the second. */
  async function together(
    deed: (developer: Developer) => Promise<unknown>,
    prepare: (developer: Developer) => Promise<void> = async () => {},
  ): Promise<string[]> {
    const outcomes = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const developer = await aDeveloper(pool);
      await prepare(developer);
      const both = await Promise.allSettled([
        deed(developer),
        pause(round % 4).then(() => end(developer)),
      ]);
      for (const [at, one] of both.entries()) {
        outcomes.add(`${at}: ${one.status === 'fulfilled' ? 'done' : one.reason.code}`);
      }
    }
    return [...outcomes];
  }

  test.each(['approve', 'cancel'])('%s is done before, or finds nothing', async (what) => {
    const approver = await anApprover(pool);
    const product = await aProduct(pool, { needsApproval: true });
    let id = '';
    const outcomes = await together(
      ({ doer }) =>
        what === 'approve'
          ? approve(parts, approver.doer, { id, reason: 'Because.' })
          : cancel(parts, doer, id),
      async (developer) => {
        id = (await askFor(pool, developer, product)).id;
      },
    );
    expect(['0: done', '0: no_subscription', '1: done']).toEqual(expect.arrayContaining(outcomes));
    expect(outcomes).toContain('1: done');
  });

  test('ask is done before, or finds no team', async () => {
    const product = await aProduct(pool);
    const outcomes = await together((developer) => askFor(pool, developer, product));
    expect(['0: done', '0: no_product', '1: done']).toEqual(expect.arrayContaining(outcomes));
    expect(outcomes).toContain('1: done');
  });
});
