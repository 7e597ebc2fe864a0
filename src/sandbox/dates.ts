/** A FHIR date or dateTime as the time it stands for, in milliseconds: `from` within, `to` beyond. */
export type Span = { readonly from: number; readonly to: number };

const pattern =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T\d{2}:\d{2}(:\d{2})?(\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))?)?)?$/;

/**
 * `2026`, `2026-02`, `2026-02-10` or `2026-02-10T10:00:00Z`: as long as it is written exactly (FHIR
 * R4 §3.1.1.5.7). Undefined for what is no such date, 31 February included.
 */
export function spanOf(text: string): Span | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;

  const [, year, month, day] = match.map(Number);
  const start = Date.UTC(year ?? 0, (month || 1) - 1, day || 1);
  const date = text.slice(0, 10);
  if (!new Date(start).toISOString().startsWith(date)) return undefined;
  if (text.includes('T')) return instant(text, match[4], match[5]);

  if (!match[2]) return { from: start, to: Date.UTC((year ?? 0) + 1, 0, 1) };
  if (!match[3]) return { from: start, to: Date.UTC(year ?? 0, month ?? 0, 1) };
  return { from: start, to: start + 24 * 60 * 60 * 1000 };
}

function instant(text: string, seconds?: string, fraction?: string): Span | undefined {
  const from = Date.parse(text);
  if (Number.isNaN(from)) return undefined;
  if (fraction) return { from, to: from + 1 };
  return { from, to: from + (seconds ? 1000 : 60_000) };
}

/** FHIR's comparisons of a resource's date with the one asked for (FHIR R4 §3.1.1.5.7). */
export const comparisons: ReadonlyMap<string, (held: Span, asked: Span) => boolean> = new Map([
  ['eq', (held, asked) => held.from >= asked.from && held.to <= asked.to],
  ['ne', (held, asked) => held.from < asked.from || held.to > asked.to],
  ['gt', (held, asked) => held.to > asked.to],
  ['lt', (held, asked) => held.from < asked.from],
  ['ge', (held, asked) => held.to > asked.from],
  ['le', (held, asked) => held.from < asked.to],
]);
