import { bodyParser } from '@koa/bodyparser';
import type { Context } from 'koa';
import type { z } from 'zod';
import { InvalidInput } from '../base/errors.ts';

const parserOf = (formLimit: string) =>
  bodyParser({
    enableTypes: ['form'],
    formLimit,
    // what does not even unpack (a wrong Content-Encoding) has no status of its own
    onError: (error, ctx) => ctx.throw('status' in error ? Number(error.status) : 400),
  });
/** Where a form holds more than people type into a few fields. */
const parsers = { '32kb': parserOf('32kb'), '256kb': parserOf('256kb'), '4mb': parserOf('4mb') };

/** More than any page of ours has: of a few bytes each, a large form would hold a million. */
const mostFields = 2000;

type Issue = Parameters<z.core.$ZodErrorMap>[0];

/** What a person reads beside a field, where the schema brings no sentence of its own. */
function sentenceOf(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'Fill this in.';
  if (issue.code === 'too_small' && issue.origin === 'string') {
    if (issue.input === '') return 'Fill this in.';
    return `Too short: use at least ${issue.minimum} characters.`;
  }
  if (issue.code === 'too_big' && issue.origin === 'string') {
    return `Too long: use at most ${issue.maximum} characters.`;
  }
  if (issue.code === 'too_small') return `Too small: the least is ${issue.minimum}.`;
  if (issue.code === 'too_big') return `Too large: the most is ${issue.maximum}.`;
  if (issue.code === 'invalid_value') return 'Choose one of the options.';
  if (issue.code === 'invalid_format' && issue.format === 'email') {
    return 'Write an email address, such as name@example.com.';
  }
  return 'This is not in the form we expect.';
}

/**
 * The fields of an urlencoded form, as the schema makes them. What the schema does not name is
 * dropped; a field that comes twice is refused, since two readers of it could disagree.
 *
 * @throws {InvalidInput} with a sentence for each field; under `form` what concerns them together.
 */
export async function readForm<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  { limit = '32kb' }: { limit?: keyof typeof parsers } = {},
): Promise<z.infer<Schema>> {
  if (!ctx.is('urlencoded')) ctx.throw(415);
  await parsers[limit](ctx, async () => {});
  const text = ctx.request.rawBody ?? '';
  if (text.split('&', mostFields + 1).length > mostFields) ctx.throw(413);

  const read = schema.safeParse(fieldsOf(text), { error: sentenceOf });
  if (read.success) return read.data;

  const wrong = new Map<string, string>();
  for (const { path, message } of read.error.issues) {
    const field = String(path[0] ?? 'form');
    if (!wrong.has(field)) wrong.set(field, message); // the first thing wrong is enough to go on
  }
  throw new InvalidInput(Object.fromEntries(wrong));
}

/** Read from the text and not from the parser's object, which turns `a[b]` and `a.b` into trees. */
function fieldsOf(text: string): Record<string, string> {
  const fields = new Map<string, string>();
  const wrong = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) wrong.set(name, 'This came twice.');
    // U+FFFD is what bytes that are no UTF-8 were decoded to; Postgres takes no NUL
    if (/[\0\uFFFD]/.test(name + value))
      wrong.set(name, 'This holds characters that are not text.');
    fields.set(name, value);
  }
  if (wrong.size > 0) throw new InvalidInput(Object.fromEntries(wrong));
  return Object.fromEntries(fields);
}
