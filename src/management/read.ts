import { bodyParser } from '@koa/bodyparser';
import type { Context } from 'koa';
import type { z } from 'zod';
import { type Flaw, Problem, pointerOf } from './problem.ts';

const parse = bodyParser({
  enableTypes: ['json'],
  jsonLimit: '64kb',
  onError: (error, ctx) => {
    const status = 'status' in error ? Number(error.status) : 400;
    if (status === 413 || status === 415) ctx.throw(status);
    throw new Problem(400, 'malformed_json', 'The body is not JSON that we can read.');
  },
});

/** NUL, which Postgres does not take, and halves of characters. */
const noText = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * No body at all is an empty object.
 * @throws {Problem} 415, 413, 400, or 422 with a pointer for each thing that is wrong.
 */
export async function readJson(ctx: Context, schema: z.ZodType): Promise<unknown> {
  const type = ctx.is('application/json'); // null: there is no body
  if (type === false) ctx.throw(415);
  if (type) await parse(ctx, async () => {});
  return checked(type ? ctx.request.body : {}, schema, 422, (path) => ({
    pointer: pointerOf(path),
  }));
}

/** @throws {Problem} 400, naming each parameter that is wrong, unknown or there twice. */
export function readQuery(ctx: Context, schema: z.ZodType): unknown {
  return checked({ ...ctx.query }, schema, 400, ([name]) => ({ parameter: String(name ?? '') }));
}

function checked(
  given: unknown,
  schema: z.ZodType,
  status: 400 | 422,
  placeOf: (path: readonly PropertyKey[]) => Omit<Flaw, 'detail'>,
): unknown {
  const flaws = textFlaws(given).map((path) => ({ detail: notText, ...placeOf(path) }));
  const read = schema.safeParse(given, { error: sentenceOf });
  for (const issue of read.error?.issues ?? []) {
    const paths =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => [...issue.path, key])
        : [issue.path];
    for (const path of paths) flaws.push({ detail: issue.message, ...placeOf(path) });
  }
  if (flaws.length === 0) return read.data;
  throw new Problem(status, 'invalid_input', 'Some of this needs another look.', flaws);
}

const notText = 'This holds characters that are not text, or lies too deep.';
/** Members of members; nobody needs more, and a stack holds only so many. */
const deepest = 30;

/** Where such text stands. */
function textFlaws(value: unknown, path: readonly PropertyKey[] = []): PropertyKey[][] {
  if (typeof value === 'string') return noText.test(value) ? [[...path]] : [];
  if (path.length > deepest) return [[...path]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) =>
    noText.test(name) ? [[...path]] : textFlaws(one, [...path, name]),
  );
}

type Issue = Parameters<z.core.$ZodErrorMap>[0];

/** What is wrong, where the schema brings no sentence of its own. */
function sentenceOf(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'This is missing.';
  if (issue.code === 'invalid_type') return `This must be of type ${issue.expected}.`;
  if (issue.code === 'unrecognized_keys') return 'There is no such member.';
  if (issue.code === 'too_small' && issue.origin === 'string') {
    return `Too short: use at least ${issue.minimum} characters.`;
  }
  if (issue.code === 'too_big' && issue.origin === 'string') {
    return `Too long: use at most ${issue.maximum} characters.`;
  }
  if (issue.code === 'too_small') return `Too few or too small: the least is ${issue.minimum}.`;
  if (issue.code === 'too_big') return `Too many or too large: the most is ${issue.maximum}.`;
  if (issue.code === 'invalid_value') return `Use one of: ${issue.values.join(', ')}.`;
  return 'This is not in the form we expect.';
}
