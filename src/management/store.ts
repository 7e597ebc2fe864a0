/** What the programme calls this API. */
export const managementApiId = 'management';

/** One thing as this API tells it, with its place in a list. */
export type Row = { at: string; id: string; item: object };

/** A column of time as this API tells it: in UTC, to the millisecond. */
export const told = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** A column of time as a place in a list, to the microsecond: two rows may share a millisecond. */
export const place = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
