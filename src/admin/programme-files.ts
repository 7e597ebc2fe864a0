import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { DomainError } from '../base/errors.ts';
import type { Programme } from './programme.ts';
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
 * Reads programme.yaml, apis/*.yaml (OpenAPI documents), products/*.yaml, test-users.yaml and
 * development.yaml, of which only the first must be there.
 * @param baseUrl what `{base}` in any of them stands for: where this server is reached.
 * @throws {BadProgramme} naming file, line and field of everything that is wrong, in one go.
 */
export async function readProgramme(directory: string, baseUrl: string): Promise<Programme> {
  const read = (file: string, at: Path): Promise<Source> =>
    readSource(directory, file, at, baseUrl);
  const folder = async (name: string): Promise<Source[]> => {
    const files = (await namesIn(join(directory, name))).filter((file) => /\.ya?ml$/.test(file));
    return Promise.all(files.sort().map((file, i) => read(join(name, file), [name, i])));
  };
  const there = await namesIn(directory);
  const optional = (file: string, at: Path): Promise<Source>[] =>
    there.includes(file) ? [read(file, at)] : [];
  if (!there.includes('programme.yaml')) {
    throw new BadProgramme([`${join(directory, 'programme.yaml')}: there is no such file`]);
  }

  const sources = await Promise.all([
    read('programme.yaml', []),
    ...optional('test-users.yaml', ['testUsers']),
    ...optional('development.yaml', ['development']),
  ]);
  sources.push(...(await folder('apis')), ...(await folder('products')));

  const unreadable = sources.flatMap(({ file, document }) =>
    document.errors.map(({ linePos, message }) =>
      problem(file, linePos?.[0].line, '', message.split('\n')[0] ?? message),
    ),
  );
  if (unreadable.length > 0) throw new BadProgramme(unreadable);

  const result = programmeSchema.safeParse(assembled(sources));
  if (result.success) return result.data;
  throw new BadProgramme(
    result.error.issues.map((issue) => located(sources, issue.path as Path, issue.message)),
  );
}

async function readSource(
  directory: string,
  file: string,
  at: Path,
  baseUrl: string,
): Promise<Source> {
  const text = await readFile(join(directory, file), 'utf8');
  const lines = new LineCounter();
  const document = parseDocument(text.replaceAll('{base}', baseUrl), { lineCounter: lines });
  return { file: join(directory, file), at, document, lines };
}

/** Empty where there is no such folder. */
const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });

/** One value in the shape of a programme: programme.yaml, with the other files in their places. */
function assembled(sources: readonly Source[]): unknown {
  const contentOf = ({ document }: Source): unknown => document.toJS() ?? {};
  const [main, ...others] = sources;
  const whole: Record<string, unknown> = {};
  if (main) Object.assign(whole, contentOf(main));
  for (const source of others) {
    const [key, index] = source.at;
    if (index === undefined) whole[String(key)] = contentOf(source);
    else whole[String(key)] = [...((whole[String(key)] as unknown[]) ?? []), contentOf(source)];
  }
  return whole;
}

/** The file and line of a place in the programme; of a field that is missing, where it should be. */
function located(sources: readonly Source[], path: Path, message: string): string {
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
