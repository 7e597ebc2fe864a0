import { csvLine } from '../base/csv.ts';
import type { Db } from '../db/pool.ts';
import { type HourOfUse, listHours, type Wanted } from './report-store.ts';

/** Of one question to the database. */
const batch = 1_000;

/** All counts as they are kept, the oldest first, a batch at a time: a bill is made of them. */
export async function* hoursOf(db: Db, wanted: Wanted): AsyncGenerator<HourOfUse[]> {
  let after: HourOfUse | null = null;
  for (;;) {
    const hours: HourOfUse[] = await listHours(db, { ...wanted, after, limit: batch });
    yield hours;
    after = hours.at(-1) ?? null;
    if (hours.length < batch) return;
  }
}

const columns = {
  hour: 'hour',
  environment: 'environment',
  team_id: 'teamId',
  team: 'teamName',
  product_id: 'productId',
  product: 'productName',
  subscription_id: 'subscriptionId',
  application_id: 'clientId',
  application: 'clientName',
  api_id: 'apiId',
  operation: 'operation',
  outcome: 'outcome',
  test_user: 'testUser',
  calls: 'calls',
} as const satisfies Record<string, keyof HourOfUse>;

/** One line for each count of an hour. */
export async function* csvOf(db: Db, wanted: Wanted): AsyncGenerator<string> {
  yield csvLine(Object.keys(columns));
  for await (const hours of hoursOf(db, wanted)) {
    yield hours.map((one) => csvLine(Object.values(columns).map((column) => one[column]))).join('');
  }
}
