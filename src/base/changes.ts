/** Something that is compared field by field, with the things inside it. */
export type Thing = {
  /** Unlike that of all things beside it. */
  title: string;
  fields: Readonly<Record<string, Value>>;
  parts?: readonly Thing[];
  /** What to say of parts that stand in another order; left out where that does not matter. */
  reordered?: string;
};

/** `hidden` is compared and never shown; of a `tree` is shown where it differs. */
export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly unknown[]
  | { hidden: string | undefined }
  | { tree: unknown };

/**
 * One line for each field that differs, `+` for a thing that is only wanted and `-` for one that is
 * only there, in the order of what is wanted.
 */
export function changesOf(there: readonly Thing[], wanted: readonly Thing[]): string[] {
  return [
    ...wanted.flatMap((one) => {
      const before = there.find(({ title }) => title === one.title);
      return before ? changesOfOne(before, one) : [`+ ${one.title}`];
    }),
    ...there
      .filter(({ title }) => !wanted.some((one) => one.title === title))
      .map(({ title }) => `- ${title}`),
  ];
}

function changesOfOne(there: Thing, wanted: Thing): string[] {
  const names = [...new Set([...Object.keys(wanted.fields), ...Object.keys(there.fields)])];
  const lines = names.flatMap((name) => {
    const change = changeOf(there.fields[name], wanted.fields[name]);
    return change === undefined ? [] : [`~ ${wanted.title}: ${name} ${change}`];
  });
  const [before, after] = [there.parts ?? [], wanted.parts ?? []];
  if (wanted.reordered && !sameOrder(before, after)) {
    lines.push(`~ ${wanted.title}: ${wanted.reordered}`);
  }
  return [...lines, ...changesOf(before, after)];
}

function sameOrder(there: readonly Thing[], wanted: readonly Thing[]): boolean {
  const both = (list: readonly Thing[], others: readonly Thing[]): string[] =>
    list.map(({ title }) => title).filter((title) => others.some((one) => one.title === title));
  return text(both(there, wanted)) === text(both(wanted, there));
}

/** What of it differs, in words; undefined: nothing. */
function changeOf(there: Value, wanted: Value): string | undefined {
  if (isTree(there) && isTree(wanted)) {
    const places = differences(there.tree, wanted.tree, '');
    return places.length > 0 ? `changed at ${someOf(places)}` : undefined;
  }
  if (same(there, wanted)) return undefined;
  if (isHidden(there) || isHidden(wanted)) return 'changed';
  if (Array.isArray(there) && Array.isArray(wanted)) return listChange(there, wanted);
  if ([there, wanted].some(isLong)) {
    return isNothing(there) ? 'added' : isNothing(wanted) ? 'removed' : 'changed';
  }
  return `${shown(there)} → ${shown(wanted)}`;
}

function listChange(there: readonly unknown[], wanted: readonly unknown[]): string {
  const missing = (from: readonly unknown[], others: readonly unknown[]): unknown[] =>
    from.filter((one) => !others.some((other) => same(one, other)));
  const all = [
    ...missing(wanted, there).map((one) => `+ ${shown(one)}`),
    ...missing(there, wanted).map((one) => `- ${shown(one)}`),
  ];
  return all.length > 0 ? all.join(', ') : 'in another order';
}

const shownPlaces = 3;

/** The first few, and how many more. */
function someOf(places: readonly string[]): string {
  const first = places.slice(0, shownPlaces).join(', ');
  const more = places.length - shownPlaces;
  return more > 0 ? `${first} and ${more} more` : first;
}

/** Where two documents differ, which people read too: the order of what is in them counts. */
function differences(there: unknown, wanted: unknown, at: string): string[] {
  if (text(there) === text(wanted)) return [];
  if (!isObject(there) || !isObject(wanted) || Array.isArray(there) !== Array.isArray(wanted)) {
    return [at || 'its root'];
  }
  const names = [...new Set([...Object.keys(there), ...Object.keys(wanted)])];
  const inside = names.flatMap((name) =>
    differences(there[name], wanted[name], at ? `${at}.${name}` : name),
  );
  return inside.length > 0 ? inside : [`the order of ${at || 'its root'}`];
}

/** The order of an object's fields does not count. */
const same = (one: unknown, other: unknown): boolean => text(sorted(one)) === text(sorted(other));
const text = (value: unknown): string => JSON.stringify(value ?? null);

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, one]) => [name, sorted(one)]);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const isHidden = (value: Value): value is { hidden: string | undefined } =>
  isObject(value) && 'hidden' in value;
const isTree = (value: Value): value is { tree: unknown } => isObject(value) && 'tree' in value;
const isNothing = (value: Value): boolean => value === null || value === undefined || value === '';
const isLong = (value: Value): boolean =>
  typeof value === 'string' && (value.length > 80 || /\s{2}|[^\P{Cc}]/u.test(value));

/** One word as it is, more of them in quotes. */
function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none';
  if (typeof value === 'string') return /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
  const whole = text(value);
  return whole.length > 80 ? `${whole.slice(0, 80)}…` : whole;
}

/** The fields of an object within, each by its whole name: `rate.calls`. */
export function fieldsWithin(name: string, value: unknown): Record<string, Value> {
  if (!isObject(value) || Array.isArray(value)) return { [name]: value as Value }; // JSON, so a scalar or a list
  return Object.assign(
    {},
    ...Object.entries(value).map(([field, one]) => fieldsWithin(`${name}.${field}`, one)),
  );
}
