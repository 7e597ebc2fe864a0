import { counted } from '../base/in-words.ts';

/** Calls of a stretch of time, or of a part of them. */
export type Sums = { allowed: number; refused: number; byTestUsers: number };

const none: Sums = { allowed: 0, refused: 0, byTestUsers: 0 };

/** A moment without calls is one that has none, not one that is not there. */
export function withZeros<P extends { at: Date }>(
  points: readonly P[],
  found: readonly (Sums & { at: Date })[],
): (P & Sums)[] {
  const byTime = new Map(found.map((one) => [one.at.getTime(), one]));
  return points.map((point) => ({ ...none, ...byTime.get(point.at.getTime()), ...point }));
}

export function totalOf(parts: readonly Sums[]): Sums {
  const total = { ...none };
  for (const { allowed, refused, byTestUsers } of parts) {
    total.allowed += allowed;
    total.refused += refused;
    total.byTestUsers += byTestUsers;
  }
  return total;
}

export const hasCalls = ({ allowed, refused }: Sums): boolean => allowed + refused > 0;

const inWords = (count: number): string => count.toLocaleString('en-GB');

/** For a row of a table. */
export const sumsInWords = ({ allowed, refused, byTestUsers }: Sums) => ({
  calls: inWords(allowed + refused),
  refused: inWords(refused),
  byTestUsers: inWords(byTestUsers),
});

/** For a sentence, which says nothing of what there is none of. */
export const totalInWords = ({ allowed, refused, byTestUsers }: Sums) => ({
  total: counted(allowed + refused, 'call'),
  refused: refused > 0 ? inWords(refused) : null,
  byTestUsers: byTestUsers > 0 ? inWords(byTestUsers) : null,
});
