import type { Db } from '../db/pool.ts';
import type { Outcome } from './call.ts';
import { chartOf } from './chart.ts';
import { addressOf, type Dimension, type UseFilter, type UseQuery } from './report-query.ts';
import { type Step, steps } from './report-span.ts';
import {
  findNames,
  listParts,
  listPoints,
  type Names,
  type Owner,
  type Part,
} from './report-store.ts';
import { hasCalls, sumsInWords, totalInWords, totalOf, withZeros } from './sums.ts';
import { outcomeWords } from './words.ts';

const listLength = 20;

const stepWords: Readonly<Record<Step, string>> = {
  hour: 'By hour',
  day: 'By day',
  month: 'By month',
};
const chartWords: Readonly<Record<Step, string>> = {
  hour: 'Calls an hour',
  day: 'Calls a day',
  month: 'Calls a month',
};
const dimensionWords: Readonly<Record<Dimension, string>> = {
  team: 'Team',
  product: 'Product',
  application: 'Application',
  api: 'API',
  operation: 'Operation',
  outcome: 'Outcome',
};
const testWords = {
  all: 'All calls',
  only: 'By test users',
  without: 'Without test users',
} as const;

/** The same page but for these parts of its address; null takes one out. */
type At = (changes: Readonly<Record<string, string | null>>) => string;

/** Where a page of use is, whose calls it shows, and by what it tells them apart. */
export type UseFrame = {
  path: string;
  owner: Owner;
  dimensions: readonly Dimension[];
  /** Where the list of refused calls is. */
  refusals: string;
};

/** The page object of views/usage/report.ejs. */
export async function usePage(db: Db, frame: UseFrame, query: UseQuery): Promise<object> {
  const { span, filter, of, from } = query;
  const wanted = { owner: frame.owner, filter, from: span.from, until: span.until };
  const [found, parts, names] = await Promise.all([
    listPoints(db, { ...wanted, by: span.by }),
    listParts(db, { ...wanted, of, after: from, limit: listLength + 1 }),
    findNames(db, filter, frame.owner),
  ]);
  const at: At = (changes) => addressOf(frame.path, query, changes);
  const points = withZeros(span.points, found);
  const sums = totalOf(points);
  return {
    step: span.by,
    words: span.words,
    steps: steps.map((by) => ({
      href: at({ by, on: onFor(by, span.on) }),
      words: stepWords[by],
      here: by === span.by,
    })),
    earlier: at({ on: span.earlier }),
    later: span.later && at({ on: span.later }),
    only: onlyOf(filter, names, at),
    tests: ([null, 'only', 'without'] as const).map((tests) => ({
      href: at({ tests }),
      words: testWords[tests ?? 'all'],
      here: tests === filter.tests,
    })),
    ...totalInWords(sums),
    chart: hasCalls(sums)
      ? chartOf(points, span.labels, `${chartWords[span.by]}, ${span.words}`)
      : null,
    points: points.map(({ name, closer, ...sums }) => ({
      name,
      href: closer && at({ by: span.by === 'month' ? 'day' : 'hour', on: closer }),
      ...sumsInWords(sums),
    })),
    of: dimensionWords[of],
    dimensions: frame.dimensions.map((dimension) => ({
      href: `${at({ of: dimension })}#parts`,
      words: `By ${dimension === 'api' ? 'API' : dimension}`,
      here: dimension === of,
    })),
    parts: parts.slice(0, listLength).map((part) => partOf(of, part, at)),
    first: from > 0 ? `${at({})}#parts` : null,
    more: parts.length > listLength ? `${at({ from: String(from + listLength) })}#parts` : null,
    csv: addressOf(`${frame.path}/calls.csv`, query),
    events: addressOf(`${frame.path}/calls.jsonl`, query),
    batch: addressOf(`${frame.path}/calls.json`, query),
    refusals: frame.refusals,
    outcomes: `${at({ of: 'outcome' })}#parts`,
  };
}

/** From `2026-11-23` by the hour to `2026-11` by the day; from `2026` to whatever is today. */
const onFor = (by: Step, on: string): string | null => {
  const length = { hour: 10, day: 7, month: 4 }[by];
  return on.length >= length ? on.slice(0, length) : null;
};

const nameWords: Readonly<Record<keyof Names, string>> = {
  team: 'Team',
  product: 'Product',
  subscription: 'Subscription',
  application: 'Application',
  api: 'API',
};

/** What the page is narrowed to, each with the way back. */
function onlyOf(
  filter: UseFilter,
  names: Names,
  at: At,
): { what: string; name: string; href: string }[] {
  const { operation, outcome, environment } = filter;
  const given: [what: string, key: keyof UseFilter, name: string | null][] = [
    ...(Object.keys(nameWords) as (keyof Names)[]).map(
      (key): [string, keyof Names, string | null] => [
        nameWords[key],
        key,
        names[key] ?? filter[key],
      ],
    ),
    ['Operation', 'operation', operation === '' ? unnamed.operation : operation],
    ['Outcome', 'outcome', outcome && outcomeWords[outcome]],
    ['Environment', 'environment', environment],
  ];
  return given.flatMap(([what, key, name]) => {
    const gone = key === 'api' ? { api: null, operation: null } : { [key]: null };
    return name === null ? [] : [{ what, name, href: at(gone) }];
  });
}

/** What stands in the place of an id that a call did not have. */
const unnamed: Readonly<Record<Dimension, string>> = {
  team: 'Nobody we know',
  product: 'No product',
  application: 'No application: a key alone',
  api: 'No API we know',
  operation: 'None that the API’s document names',
  outcome: '',
};

function partOf(of: Dimension, part: Part, at: At): object {
  const { id, apiId, name, environment } = part;
  const narrowed: Record<string, string> =
    of === 'operation' ? { api: apiId, operation: id } : { [of]: id };
  const reachable = of === 'operation' ? apiId !== '' : id !== '';
  return {
    name: nameOf(of, part),
    code: of === 'operation' && id !== '',
    hint: of === 'operation' ? (name ?? apiId) : null,
    environment: environment || null,
    href: reachable ? at(narrowed) : null,
    ...sumsInWords(part),
  };
}

function nameOf(of: Dimension, { id, name }: Part): string {
  if (id === '') return unnamed[of];
  if (of === 'outcome') return outcomeWords[id as Outcome]; // the table's check holds them
  if (of === 'operation') return id;
  return name ?? (of === 'api' ? id : `${id} (gone)`); // an API may be there, and not for them
}
