import { z } from 'zod';
import { Problem } from './problem.ts';

/** The parameters of every list. */
export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^([1-9]|[1-9]\d|100)$/, 'Use a number from 1 to 100.')
    .transform(Number)
    .default(50),
  cursor: z.string().max(4000).optional(),
});

/**
 * Where a page ends: what a store orders by, as text. A row that is gone meanwhile does not matter,
 * since the place is what is compared and not the row.
 */
export type Place = readonly [at: string, id: string];

const placeForm = z.tuple([z.string().max(64), z.string().max(2000)]);
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** Or empty, where a list has an order of ids alone. A day that no calendar has would break the query. */
const isTime = (text: string): boolean =>
  text === '' ||
  (timeForm.test(text) && new Date(text).toISOString().slice(0, 19) === text.slice(0, 19));

/** @throws {Problem} 400 for what is no cursor of ours. */
export function placeOf(cursor: string | undefined): Place | null {
  if (cursor === undefined) return null;
  try {
    const place = placeForm.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (isTime(place[0]) && !place[1].includes('\0')) return place;
  } catch {} // told below
  const flaw = { parameter: 'cursor', detail: 'Take it from the page before, as it is.' };
  throw new Problem(400, 'invalid_cursor', 'There is no page at this cursor.', [flaw]);
}

/** @param found one more than `limit` where there are more. */
export function page<Row>(
  found: readonly { at: string; id: string; item: Row }[],
  limit: number,
): { items: Row[]; next: string | null } {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const more = found.length > limit && last !== undefined;
  return {
    items: shown.map(({ item }) => item),
    next: more ? Buffer.from(JSON.stringify([last.at, last.id])).toString('base64url') : null,
  };
}
