import { timeInWords } from '../base/in-words.ts';
import type { Db } from '../db/pool.ts';
import type { Limit } from '../products/product.ts';
import { chartOf } from '../usage/chart.ts';
import { everyCall } from '../usage/report-query.ts';
import { lastDays } from '../usage/report-span.ts';
import { countAllowed, listPoints } from '../usage/report-store.ts';
import { hasCalls, sumsInWords, totalInWords, totalOf, withZeros } from '../usage/sums.ts';

const days = 30;

type Asked = {
  owner: string;
  subscriptionId: string;
  teamId: string;
  productId: string;
  quota: Limit | null;
  /** When the team could first call by the product; null: it never could. */
  countedFrom: Date | null;
};

/** The page object of views/portal/use-card.ejs; null where there is nothing to tell. */
export async function useCard(
  db: Db,
  { owner, subscriptionId, quota, countedFrom, ...counted }: Asked,
  now: Date = new Date(),
): Promise<object | null> {
  if (!countedFrom) return null;
  const { from, until, points: moments, labels } = lastDays(days, now);
  const filter = { ...everyCall, subscription: subscriptionId };
  const found = await listPoints(db, { owner, filter, from, until, by: 'day' });
  const points = withZeros(moments, found);
  const sums = totalOf(points);
  const only = new URLSearchParams({ subscription: subscriptionId });
  return {
    ...totalInWords(sums),
    quota: quota && (await quotaInWords(db, { ...counted, countedFrom, quota, now })),
    chart: hasCalls(sums) ? chartOf(points, labels, `Calls a day, the last ${days} days`) : null,
    points: points.map(({ name, closer, ...one }) => ({
      name,
      href: `/use?${only}&${new URLSearchParams({ by: 'hour', on: closer ?? '' })}`,
      ...sumsInWords(one),
    })),
    all: `/use?${only}`,
    refusals: `/use/refusals?${only}`,
  };
}

/** Shorter ones are over before anybody looks. */
const leastPeriod = 86_400;

/** How much of the period's calls is used, counted from the hour in which the period began. */
async function quotaInWords(
  db: Db,
  given: { teamId: string; productId: string; countedFrom: Date; quota: Limit; now: Date },
): Promise<{ words: string; percent: number } | null> {
  const { teamId, productId, now } = given;
  const { calls, seconds } = given.quota;
  if (seconds < leastPeriod) return null;
  const length = seconds * 1000;
  const anchor = given.countedFrom.getTime();
  const since = new Date(anchor + Math.floor((now.getTime() - anchor) / length) * length);
  const used = await countAllowed(db, { teamId, productId, since });
  const ends = timeInWords(new Date(since.getTime() + length), now);
  return {
    words: `${used.toLocaleString('en-GB')} of ${calls.toLocaleString('en-GB')} calls of its quota. It starts anew: ${ends}.`,
    percent: Math.min(100, Math.round((used / calls) * 100)),
  };
}
