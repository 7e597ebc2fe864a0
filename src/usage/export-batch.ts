import type { Db } from '../db/pool.ts';
import { eventLinesOf } from './export.ts';
import type { Wanted } from './report-store.ts';

/** The same events as one JSON array (`application/cloudevents-batch+json`), an event a line. */
export async function* eventBatchOf(
  db: Db,
  wanted: Wanted,
  given: { source: string; now?: Date },
): AsyncGenerator<string> {
  let begun = false;
  yield '[';
  for await (const lines of eventLinesOf(db, wanted, given)) {
    const events = lines.trimEnd().replaceAll('\n', ',\n'); // JSON.stringify writes no line breaks
    if (events === '') continue;
    yield `${begun ? ',' : ''}\n${events}`;
    begun = true;
  }
  yield '\n]\n';
}
