import type { Db } from '../db/pool.ts';
import { usePage } from '../usage/report-page.ts';
import { type Dimension, useQueryOf } from '../usage/report-query.ts';

const dimensions = ['product', 'application', 'api', 'operation', 'outcome', 'team'] as const;
/** Teams are told apart for whoever has several. */
export const dimensionsOf = (teams: number): readonly [Dimension, ...Dimension[]] =>
  teams > 1 ? dimensions : ['product', 'application', 'api', 'operation', 'outcome'];

/** The page object of views/portal/use.ejs. */
export const ownUsePage = (
  db: Db,
  { accountId, teams, query }: { accountId: string; teams: number; query: Record<string, unknown> },
): Promise<object> => {
  const offered = dimensionsOf(teams);
  const subscription = query.subscription;
  const frame = {
    path: '/use',
    owner: accountId,
    dimensions: offered,
    refusals:
      typeof subscription === 'string' && subscription
        ? `/use/refusals?${new URLSearchParams({ subscription })}`
        : '/use/refusals',
  };
  return usePage(db, frame, useQueryOf(query, offered));
};
