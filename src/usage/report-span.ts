import { z } from 'zod';

/** What one bar stands for. */
export const steps = ['hour', 'day', 'month'] as const;
export type Step = (typeof steps)[number];

/** A day by the hour, a month by the day, or a year by the month; all in UTC. */
export type Span = {
  by: Step;
  /** As an address has it: `2026-11-23`, `2026-11`, `2026`. */
  on: string;
  from: Date;
  /** No longer in it. */
  until: Date;
  /** `23 November 2026`, `November 2026`, `2026`. */
  words: string;
  earlier: string;
  /** Null: it is not over yet. */
  later: string | null;
  points: Point[];
  /** Under the chart, evenly from edge to edge. */
  labels: string[];
};

export type Point = {
  at: Date;
  /** `09:00`, `23 November`, `November 2026`. */
  name: string;
  /** Seen closer: what `on` is then; null: hours are the closest. */
  closer: string | null;
};

const lengths: Readonly<Record<Step, number>> = { hour: 10, day: 7, month: 4 };
const whole: Readonly<Record<Step, string>> = { hour: '', day: '-01', month: '-01-01' };
const closerOf: Readonly<Record<Step, Step | null>> = { hour: null, day: 'hour', month: 'day' };

/** The span that an address names; what makes no sense is the current one. */
export function spanOf(asked: { by?: unknown; on?: unknown }, now: Date = new Date()): Span {
  const by = steps.find((one) => one === asked.by) ?? 'day';
  const today = now.toISOString().slice(0, lengths[by]);
  const on = typeof asked.on === 'string' && names(by, asked.on) ? asked.on : today;
  const from = new Date(`${on}${whole[by]}T00:00:00Z`);
  const until = next(from, by, 1);
  const points = pointsOf(by, from, until);
  return {
    by,
    on,
    from,
    until,
    words: wordsOf(by, from),
    earlier: next(from, by, -1).toISOString().slice(0, lengths[by]),
    later: until <= now ? until.toISOString().slice(0, lengths[by]) : null,
    points,
    labels: labelsOf(by, points),
  };
}

/** So many whole days up to and with today, where no calendar is asked for. */
export function lastDays(
  count: number,
  now: Date = new Date(),
): Pick<Span, 'from' | 'until' | 'points' | 'labels'> {
  const until = next(new Date(`${now.toISOString().slice(0, 10)}T00:00:00Z`), 'hour', 1);
  const from = next(until, 'hour', -count);
  const points = pointsOf('day', from, until);
  return { from, until, points, labels: labelsOf('day', points) };
}

/** Of the months and years of which there can be anything to tell. */
const names = (by: Step, on: string): boolean =>
  on.length === lengths[by] &&
  /^2\d{3}/.test(on) &&
  z.iso.date().safeParse(`${on}${whole[by]}`).success;

/** The same moment a span later or earlier. */
function next(from: Date, by: Step, count: number): Date {
  const [year, month, day] = [from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()];
  if (by === 'hour') return new Date(Date.UTC(year, month, day + count));
  if (by === 'day') return new Date(Date.UTC(year, month + count));
  return new Date(Date.UTC(year + count, 0));
}

function pointsOf(by: Step, from: Date, until: Date): Point[] {
  const points: Point[] = [];
  for (let at = from; at < until; at = after(at, by)) {
    const closer = closerOf[by] && at.toISOString().slice(0, lengths[closerOf[by]]);
    points.push({ at, name: nameOf(by, at), closer });
  }
  return points;
}

const after = (at: Date, by: Step): Date =>
  by === 'month'
    ? new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1))
    : new Date(at.getTime() + (by === 'hour' ? 3_600_000 : 86_400_000));

const written = (at: Date, parts: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' }).format(at);

const wordsOf = (by: Step, from: Date): string =>
  written(from, {
    year: 'numeric',
    ...(by !== 'month' && { month: 'long' }),
    ...(by === 'hour' && { day: 'numeric' }),
  });

function nameOf(by: Step, at: Date): string {
  if (by === 'hour') return at.toISOString().slice(11, 16);
  if (by === 'day') return written(at, { day: 'numeric', month: 'long' });
  return written(at, { month: 'long', year: 'numeric' });
}

function labelsOf(by: Step, points: readonly Point[]): string[] {
  if (by === 'hour') return ['00:00', '06:00', '12:00', '18:00', '24:00'];
  const middle = points[Math.floor((points.length - 1) / 2)];
  return [points[0], middle, points.at(-1)].flatMap((point) =>
    point ? [written(point.at, { month: 'short', ...(by === 'day' && { day: 'numeric' }) })] : [],
  );
}
