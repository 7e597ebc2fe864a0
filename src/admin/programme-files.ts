import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { DomainError } from '../base/errors.ts';
import type { Programme } from './programme.ts';
import { Misfit } from './programme-fit.ts';
import { programmeSchema } from './programme-rules.ts';

/** All that is wrong with a programme directory. Its message is for a person: a line for each. */
export class BadProgramme extends DomainError {
  constructor(problems: readonly string[]) {
    super('bad_programme', `Nothing was changed:\n${problems.map((one) => `  ${one}\n`).join('')}`);
  }
}

type Path = (string | number)[];
/** One file, and where in the programme its content goes. */
type Source = { file: string; at: Path; document: Document; lines: LineCounter };

/**
 * Reads programme.yaml, apis.yaml with the OpenAPI documents it names, products/*.yaml,
 * test-users.yaml, clients.yaml and development.yaml, of which only the first must be there.
 * @param baseUrl what `{base}` in any of them but the documents stands for: where this server is
 * reached.
 * @throws {BadProgramme} naming file, line and field of everything that is wrong: first of what
 * cannot be read, then of the fields, then of what does not fit together.
 */
export async function readProgramme(directory: string, baseUrl: string): Promise<Programme> {
  const sources = await sourcesOf(directory, baseUrl);
  const unreadable = sources.flatMap(({ file, document }) =>
    document.errors.map(({ linePos, message }) =>
      problem(file, linePos?.[0].line, '', message.split('\n')[0] ?? message),
    ),
  );
  if (unreadable.length > 0) throw new BadProgramme(unreadable);

  const result = programmeSchema.safeParse(assembled(sources));
  if (result.success) return result.data;
  throw new BadProgramme(
    result.error.issues.map((issue) => lineOfFault(sources, issue.path as Path, issue.message)),
  );
}

/** The same error in terms of the files of that directory, where it is one of a programme read from there. */
export async function located(
  error: unknown,
  { directory, baseUrl }: { directory: string; baseUrl: string },
): Promise<unknown> {
  if (!(error instanceof Misfit)) return error;
  const sources = await sourcesOf(directory, baseUrl);
  return new BadProgramme(
    error.faults.map(({ path, message }) => lineOfFault(sources, path, message)),
  );
}

const sourcesOf = (directory: string, baseUrl: string): Promise<Source[]> =>
  readSources(directory, (text) => text.replaceAll('{base}', baseUrl));

/** Whatever lies within another one's place comes after it. */
async function readSources(directory: string, fill: (text: string) => string): Promise<Source[]> {
  const path = (file: string): string => join(directory, file);
  const there = await namesIn(directory);
  const read = async (file: string, at: Path): Promise<Source[]> =>
    there.includes(file) ? [await readSource(path(file), at, fill)] : [];
  if (!there.includes('programme.yaml')) {
    throw new BadProgramme([`${path('programme.yaml')}: there is no such file`]);
  }

  const apis = await read('apis.yaml', ['apis']);
  const named: unknown = apis[0]?.document.errors.length === 0 ? apis[0].document.toJS() : [];
  const products = (await namesIn(path('products'))).filter((file) => /\.ya?ml$/.test(file)).sort();
  return [
    ...(await read('programme.yaml', [])),
    ...apis,
    ...(await Promise.all(documentsOf(named).map(({ file, at }) => readSource(path(file), at)))),
    ...(await Promise.all(
      products.map((file, i) => readSource(path(join('products', file)), ['products', i], fill)),
    )),
    ...(await read('test-users.yaml', ['testUsers'])),
    ...(await read('clients.yaml', ['clients'])),
    ...(await read('development.yaml', ['development'])),
  ];
}

/** The OpenAPI documents that apis.yaml names, in the places where their content goes. */
function documentsOf(apis: unknown): { file: string; at: Path }[] {
  if (!Array.isArray(apis)) return [];
  return apis.flatMap((api, i) => {
    const others: unknown[] = Array.isArray(api?.otherVersions) ? api.otherVersions : [];
    const all: { file: unknown; at: Path }[] = [
      { file: api?.document, at: ['apis', i, 'document'] },
      ...others.map((file, j) => ({ file, at: ['apis', i, 'otherVersions', j] })),
    ];
    return all.flatMap(({ file, at }) => (typeof file === 'string' ? [{ file, at }] : []));
  });
}

async function readSource(
  file: string,
  at: Path,
  fill = (text: string): string => text,
): Promise<Source> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new BadProgramme([`${file}: there is no such file`]);
    throw error;
  });
  const lines = new LineCounter();
  return { file, at, document: parseDocument(fill(text), { lineCounter: lines }), lines };
}

/** Empty where there is no such folder. */
const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });

/** One value in the shape of a programme: programme.yaml, with the other files in their places. */
const assembled = (sources: readonly Source[]): unknown =>
  sources.reduce<unknown>((whole, { at, document }) => put(whole, at, document.toJS()), {});

/** A copy of `into` that has `value` at that place. */
function put(into: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value ?? {}; // an empty file
  if (typeof step === 'number') {
    const list = Array.isArray(into) ? [...into] : [];
    list[step] = put(list[step], rest, value);
    return list;
  }
  const map = { ...(into as Record<string, unknown> | undefined) };
  map[step] = put(map[step], rest, value);
  return map;
}

/** The file and line of a place in the programme; of a field that is missing, where it should be. */
function lineOfFault(sources: readonly Source[], path: Path, message: string): string {
  const source = sources.findLast(({ at }) => at.every((step, i) => step === path[i]));
  if (!source) return `${path.join('.')}: ${message}`;

  const field = path.slice(source.at.length);
  return problem(source.file, lineOf(source, field), field.join('.'), message);
}

function lineOf({ document, lines }: Source, field: Path): number | undefined {
  for (let depth = field.length; depth >= 0; depth -= 1) {
    const node = depth === 0 ? document.contents : document.getIn(field.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

const problem = (file: string, line: number | undefined, field: string, message: string): string =>
  `${[file, line].filter(Boolean).join(':')}: ${field && `${field}: `}${message}`;
