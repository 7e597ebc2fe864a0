import { type Environment, environments } from '../base/environment.ts';
import { type Outcome, outcomes } from './call.ts';
import { type Span, spanOf } from './report-span.ts';

/** What calls are told apart by. */
export const dimensions = [
  'team',
  'product',
  'application',
  'api',
  'operation',
  'outcome',
] as const;
export type Dimension = (typeof dimensions)[number];

/** Which calls; null: whatever it is. */
export type UseFilter = {
  team: string | null;
  product: string | null;
  subscription: string | null;
  application: string | null;
  api: string | null;
  /** Beside its API. Empty: one that the document does not name. */
  operation: string | null;
  outcome: Outcome | null;
  environment: Environment | null;
  /** Only those by test users, or only the others. */
  tests: 'only' | 'without' | null;
};

export const everyCall: UseFilter = {
  team: null,
  product: null,
  subscription: null,
  application: null,
  api: null,
  operation: null,
  outcome: null,
  environment: null,
  tests: null,
};

/** What an address of a page of use asks for. */
export type UseQuery = {
  span: Span;
  filter: UseFilter;
  of: Dimension;
  /** Of the list by `of`: how many were on pages before. */
  from: number;
};

/** What makes no sense is left out. */
export function useQueryOf(
  query: Readonly<Record<string, unknown>>,
  offered: readonly [Dimension, ...Dimension[]],
): UseQuery {
  const text = (name: string): string | null => {
    const value = query[name];
    return typeof value === 'string' && value.length <= 300 ? value : null;
  };
  const one = <T extends string>(all: readonly T[], name: string): T | null =>
    all.find((each) => each === query[name]) ?? null;
  const id = (name: string): string | null => text(name) || null;
  return {
    span: spanOf(query),
    filter: {
      team: id('team'),
      product: id('product'),
      subscription: id('subscription'),
      application: id('application'),
      api: id('api'),
      operation: id('api') === null ? null : text('operation'),
      outcome: one(outcomes, 'outcome'),
      environment: one(environments, 'environment'),
      tests: one(['only', 'without'] as const, 'tests'),
    },
    of: one(offered, 'of') ?? offered[0],
    from: /^\d{1,6}$/.test(text('from') ?? '') ? Number(query.from) : 0,
  };
}

/** The same question as an address has it, but for `changes`; null takes something out of it. */
export function addressOf(
  path: string,
  { span, filter, of }: UseQuery,
  changes: Readonly<Record<string, string | null>> = {},
): string {
  const named = { by: span.by, on: span.on, of, ...filter, ...changes };
  const parts = Object.entries(named).filter(
    (part): part is [string, string] =>
      part[1] !== null && (part[1] !== '' || part[0] === 'operation'),
  );
  return `${path}?${new URLSearchParams(parts)}`;
}
