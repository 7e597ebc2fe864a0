import { htmlOf } from '../../src/portal/api-markdown.ts';
import { operationOf as readOperation } from '../../src/portal/api-operation.ts';
import { outlineOf } from '../../src/portal/api-outline.ts';
import { operationOf } from '../../src/portal/console-operation.ts';

const wide = (width: number, of: unknown): object =>
  Object.fromEntries(Array.from({ length: width }, (_, at) => [`p${at}`, of]));
const to = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** An API whose one operation takes the schema `S0`. */
const withSchemas = (schemas: Record<string, object>) => ({
  openapi: '3.1.0',
  info: { title: 'Small', version: '1' },
  paths: {
    '/a': {
      post: {
        operationId: 'a',
        requestBody: { content: { 'application/json': { schema: to('S0') } } },
      },
    },
  },
  components: { schemas },
});
/** Ten schemas, each made of the next. */
const chain = (link: (next: object) => object, end: object = { type: 'string' }) =>
  withSchemas(
    Object.fromEntries(
      Array.from({ length: 10 }, (_, at) => [`S${at}`, at < 9 ? link(to(`S${at + 1}`)) : end]),
    ),
  );

// Each is a kilobyte, and followed to its end more than any machine holds: without a bound
// these tests do not fail, they never come back.
test.each([
  [
    'that lies in itself many times',
    withSchemas({ S0: { type: 'object', properties: wide(30, to('S0')) } }),
  ],
  ['of many others, ten deep', chain((next) => ({ type: 'object', properties: wide(30, next) }))],
  ['that is all of many others', chain((next) => ({ allOf: Array(30).fill(next) }))],
  [
    'that is one of many',
    chain((next) => ({ oneOf: Array(30).fill(next) }), { type: 'array', items: {} }),
  ],
  [
    'of a thousand million',
    withSchemas({ S0: { type: 'array', minItems: 1e9, items: { type: 'string' } } }),
  ],
  ['of one long word', withSchemas({ S0: { type: 'string', minLength: 4e8 } })],
])(
  'a schema %s is shown as far as it can be',
  (_what, document) => {
    const began = performance.now();
    const inConsole = operationOf(document, 'a')?.operation;
    expect(JSON.stringify(inConsole).length).toBeLessThan(1_000_000);
    const outlined = outlineOf(document).groups[0]?.operations[0];
    const page = outlined && readOperation(document, outlined);
    expect(page?.body?.contents).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(2000);
  },
  20_000,
);

test('what is nearest to the top is there, with its rules; what lies in itself is named by its type', () => {
  const person = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 20 },
      mother: to('S0'),
      list: { items: to('S0') },
    },
  };
  const body = operationOf(withSchemas({ S0: person }), 'a')?.operation.bodies[0];
  expect(body?.schema).toEqual({
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 20 },
      mother: { type: 'object' },
      list: { items: { type: 'object' } },
    },
  });
  expect(JSON.parse(body?.example ?? '')).toEqual({ name: 'string', mother: {}, list: [{}] });
});

test('rules that are none are left out', () => {
  const S0 = { type: 'object', required: true, enum: 'a', maxLength: { a: 1 }, minLength: 2 };
  expect(operationOf(withSchemas({ S0 }), 'a')?.operation.bodies[0]?.schema).toEqual({
    type: 'object',
    minLength: 2,
  });
});

test('a schema whose parts have no room refuses nothing by what was left out', () => {
  const large = { type: 'object', properties: wide(5000, {}), additionalProperties: false };
  expect(operationOf(withSchemas({ S0: large }), 'a')?.operation.bodies[0]?.schema).toEqual({
    type: 'object',
  });
});

test.each([['<!--'], ['<svg '], ['<a'], ['</svg   '], ['<br ']])(
  'markup that never ends is left out at once: %s',
  (piece) => {
    const began = performance.now();
    expect(htmlOf(`<div>Words${piece.repeat(200_000)}`).html).toBe('<p>Words</p>\n');
    expect(performance.now() - began).toBeLessThan(2000);
  },
  20_000,
);

test('of a text that no page is made for, the beginning is shown', () => {
  const began = performance.now();
  expect(htmlOf(`Begin ${'!['.repeat(500_000)}`).html).toMatch(/^<p>Begin .+ …<\/p>\n$/);
  expect(performance.now() - began).toBeLessThan(5000);
}, 20_000);
