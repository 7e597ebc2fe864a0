import { randomInt } from 'node:crypto';

/** As much of JSON Schema as the document of this API uses. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  additionalProperties?: boolean;
  unevaluatedProperties?: boolean;
};

/** Whole numbers below `most`, the same ones for the same seed: a failure can be had again. */
export type Dice = (most: number) => number;

export const newSeed = (): number => Number(process.env.TEST_SEED ?? randomInt(1, 2 ** 31));

export function diceOf(seed: number): Dice {
  let state = seed >>> 0 || 1;
  return (most) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % most;
  };
}

/** One schema of all that it is made of. */
export function flat(schema: Schema, resolve: (ref: string) => Schema): Schema {
  const { $ref, allOf = [], ...own } = schema;
  const parts = [...($ref ? [resolve($ref)] : []), ...allOf].map((one) => flat(one, resolve));
  const whole: Schema = {};
  for (const part of [...parts, own]) {
    Object.assign(whole, part, {
      ...((whole.properties || part.properties) && {
        properties: { ...whole.properties, ...part.properties },
      }),
      ...((whole.required || part.required) && {
        required: [...(whole.required ?? []), ...(part.required ?? [])],
      }),
    });
  }
  const properties = Object.entries(whole.properties ?? {}).map(([name, one]) => [
    name,
    flat(one, resolve),
  ]);
  return {
    ...whole,
    ...(whole.properties && { properties: Object.fromEntries(properties) }),
    ...(whole.items && { items: flat(whole.items, resolve) }),
  };
}

const letters = ['a', 'B', '7', '-', '.', 'é', '字', '🙂', ' ', '"', '<', '&', "'"];
const plain = ['a', 'B', '7', '-', '.'];

/** A value that a flat schema lets through. */
export function valid(schema: Schema, dice: Dice): unknown {
  if (schema.enum) return schema.enum[dice(schema.enum.length)];
  const types = [schema.type ?? 'object'].flat();
  const type = types[dice(types.length)];
  if (type === 'null') return null;
  if (type === 'boolean') return dice(2) === 1;
  if (type === 'integer') {
    const { minimum = 0, maximum = 1000 } = schema;
    return minimum + dice(maximum - minimum + 1);
  }
  if (type === 'array') {
    const { minItems = 0, maxItems = 5, items = {} } = schema;
    const length = minItems + dice(Math.min(maxItems - minItems, 4) + 1);
    return Array.from({ length }, () => valid(items, dice));
  }
  if (type === 'object') return validObject(schema, dice);
  if (schema.format === 'date-time') return `20${10 + dice(89)}-0${1 + dice(9)}-11T10:00:00Z`;
  if (schema.format === 'date') return `20${10 + dice(89)}-0${1 + dice(9)}-11`;
  const { minLength = 0, maxLength = 60, pattern } = schema;
  const full = dice(4) === 0 && schema.maxLength !== undefined;
  const length = full ? maxLength : minLength + dice(Math.min(maxLength - minLength, 30) + 1);
  const from = pattern ? plain : letters;
  const text = Array.from({ length: Math.max(1, length) }, () => from[dice(from.length)]).join('');
  return text.trim().padEnd(minLength, 'x') || 'x';
}

function validObject(schema: Schema, dice: Dice): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name) || dice(2) === 1) object[name] = valid(one, dice);
  }
  return object;
}

const otherThan = (type: string[]): unknown => {
  const candidates: [string, unknown][] = [
    ['integer', 12],
    ['string', 'text'],
    ['boolean', true],
    ['array', ['text']],
    ['object', { a: 1 }],
  ];
  return candidates.find(([name]) => !type.includes(name))?.[1];
};

/** Values that it does not let through, one fault each. */
export function invalid(schema: Schema, dice: Dice): { why: string; value: unknown }[] {
  const whole = validObject(schema, dice);
  const wrong: { why: string; value: unknown }[] = [
    { why: 'a list', value: [whole] },
    { why: 'a text', value: 'text' },
    { why: 'null', value: null },
    { why: 'a stranger', value: { ...whole, stranger: 1 } },
  ];
  for (const name of schema.required ?? []) {
    const { [name]: _, ...rest } = whole;
    wrong.push({ why: `no ${name}`, value: rest });
  }
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    const put = (why: string, value: unknown) =>
      wrong.push({ why: `${name} ${why}`, value: { ...whole, [name]: value } });
    if (one.enum) put('not in the list', 'another');
    put('of another type', one.enum ? 12 : otherThan([one.type ?? 'object'].flat()));
    if (one.maxLength !== undefined) put('too long', 'x'.repeat(one.maxLength + 1));
    if (one.minLength) put('too short', '');
    if (one.pattern) put('of another form', 'ü ü');
    if (one.format) put('of another form', 'yesterday');
    if (one.maxItems !== undefined)
      put('too many', Array(one.maxItems + 1).fill('https://a.example/'));
    if (one.minItems) put('too few', []);
    if (one.items?.enum) put('with a stranger', ['another']);
    if (one.items && !one.items.enum) put('with another type', [12]);
    put('with NUL', 'a\0b');
  }
  return wrong;
}
