import { digest } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { hoursOf } from './report-file.ts';
import type { HourOfUse, Wanted } from './report-store.ts';

/** Minutes after an hour's end from which on nothing is counted into it any more (use-store.ts). */
const finalMinutes = 20;

/** CloudEvents 1.0: how often the same was called within one hour, from `time` on. */
export type UseEvent = {
  specversion: '1.0';
  type: 'sandgate.use.v1';
  source: string;
  /** The same whenever the same hour is exported: with `source`, what receivers tell repeats by. */
  id: string;
  time: string;
  /** The subscription; absent where a call had none. */
  subject?: string;
  datacontenttype: 'application/json';
  data: {
    environment: string;
    team: string;
    product: string;
    client: string;
    api: string;
    operation: string;
    outcome: string;
    test_user: boolean;
    calls: number;
  };
};

/** The first moment of the earliest hour that may still grow. */
export const finalUntil = (now: Date): Date => {
  const last = new Date(now.getTime() - finalMinutes * 60_000);
  last.setUTCMinutes(0, 0, 0);
  return last;
};

/** @param source our public origin. */
export function eventOf(row: HourOfUse, source: string): UseEvent {
  const data = {
    environment: row.environment,
    team: row.teamId,
    product: row.productId,
    client: row.clientId,
    api: row.apiId,
    operation: row.operation,
    outcome: row.outcome,
    test_user: row.testUser,
  };
  const time = row.hour.toISOString();
  return {
    specversion: '1.0',
    type: 'sandgate.use.v1',
    source,
    id: digest(JSON.stringify([time, row.subscriptionId, ...Object.values(data)])).toString('hex'),
    time,
    ...(row.subscriptionId !== '' && { subject: row.subscriptionId }),
    datacontenttype: 'application/json',
    data: { ...data, calls: row.calls },
  };
}

/** One event a line (`application/x-ndjson`), the oldest first. Hours that may still grow are left out. */
export async function* eventLinesOf(
  db: Db,
  wanted: Wanted,
  { source, now = new Date() }: { source: string; now?: Date },
): AsyncGenerator<string> {
  const until = new Date(Math.min(wanted.until.getTime(), finalUntil(now).getTime()));
  for await (const hours of hoursOf(db, { ...wanted, until })) {
    yield hours.map((row) => `${JSON.stringify(eventOf(row, source))}\n`).join('');
  }
}
