import type { Operation, Parameter } from './console-operation.ts';
import { Refused } from './relay-refusal.ts';
import type { Wanted } from './relay-request.ts';

type Steps = { left: number };
type Check = {
  faultOfText(text: string, of: { schema: unknown; required: boolean }, steps: Steps): string;
  faultsOfJson(text: string, schema: unknown, steps: Steps): { at: string; sentence: string }[];
};

/** The very file that the page checks with, so that both say the same in the same words. */
const { faultOfText, faultsOfJson } = (await import(
  new URL('../../views/assets/console/check.js', import.meta.url).href
)) as Check; // plain JavaScript, for browsers

/** A longer body is the API's alone to judge. */
const longestBody = 65_536;

/**
 * Holds a request against the operation that it is meant to be, as the page did before it asked.
 * What is no call of that operation is not checked: the API decides, this only spares a call.
 * @throws {Refused} `not_as_documented`, with a sentence for each of the first few faults.
 */
export function refuseUndocumented(operation: Operation | undefined, wanted: Wanted): void {
  if (!operation || operation.method !== wanted.method) return;
  const inPath = pathValuesOf(operation.path, wanted.path);
  if (!inPath) return;
  const query = new URLSearchParams(wanted.query);
  const headers = headersOf(wanted.headers);
  const steps = { left: 20_000 };
  const given = ({ in: place, name }: Parameter): string => {
    if (place === 'path') return inPath.get(name) ?? '';
    return (place === 'query' ? query.get(name) : headers.get(name.toLowerCase())) ?? '';
  };
  const faults = [
    ...operation.parameters.map((one) => [one.name, faultOfText(given(one), plain(one), steps)]),
    ...faultsOfBody(operation, headers.get('content-type') ?? '', wanted.body, steps),
  ].flatMap(([at, sentence]) => (sentence ? [`${at}: ${sentence}`] : []));
  if (faults.length > 0) {
    throw new Refused(
      'not_as_documented',
      `The API’s document wants something else. ${faults.slice(0, 3).join(' ')}`,
    );
  }
}

function faultsOfBody(
  { bodies, bodyRequired }: Operation,
  type: string,
  body: string,
  steps: Steps,
): string[][] {
  if (bodies.length === 0) return [];
  if (body === '') return bodyRequired ? [['Body', 'Fill this in.']] : [];
  const documented = bodies.find((one) => one.type === type);
  if (!documented || !/json/i.test(type) || body.length > longestBody) return [];
  const faults = faultsOfJson(body, withoutPatterns(documented.schema), steps);
  return faults.map(({ at, sentence }) => [at || 'Body', sentence]);
}

/** A pattern is a program of the publisher's, and may run for ever: only the page tries it. */
const withoutPatterns = (schema: unknown): unknown =>
  JSON.parse(
    JSON.stringify(schema, (word, value) =>
      word === 'pattern' && typeof value === 'string' ? undefined : value,
    ),
  );

const plain = ({ schema, required }: Parameter) => ({ schema: withoutPatterns(schema), required });

/** What stands for each `{…}`; undefined: the path is not one of the operation's. */
function pathValuesOf(template: string, path: string): Map<string, string> | undefined {
  const given = path.split('/');
  const wanted = template.split('/');
  if (given.length !== wanted.length) return undefined;
  const values = new Map<string, string>();
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? '';
    const [, before = '', name, after = ''] = /^([^{}]*)\{([^{}]+)\}([^{}]*)$/.exec(part) ?? [];
    if (name === undefined) {
      if (part !== value) return undefined; // several in one part are too many to tell apart
      continue;
    }
    if (!value.startsWith(before) || !value.endsWith(after)) return undefined;
    const text = decoded(value.slice(before.length, value.length - after.length));
    if (text === undefined) return undefined;
    values.set(name, text);
  }
  return values;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // the relay says so itself
  }
}

/** By the name in small letters. */
const headersOf = (lines: string): Map<string, string> =>
  new Map(
    lines.split('\n').flatMap((line): [string, string][] => {
      const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
      return name ? [[name.toLowerCase(), value.trim()]] : [];
    }),
  );
