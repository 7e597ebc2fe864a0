import type { OpenApi } from '../products/api.ts';
import { type Html, inlineHtmlOf } from './api-markdown.ts';
import { isNode, listOf, type Node, wordsOf } from './api-node.ts';
import { type Needs, operationOf as readOperation } from './api-operation.ts';
import { findOperation, outlineOf } from './api-outline.ts';
import { treeOf } from './api-tree.ts';

/** One operation of an API, as far as the console needs it. */
export type Operation = {
  id: string;
  method: string;
  /** With `{…}` for what is put in. */
  path: string;
  title: string;
  parameters: Parameter[];
  bodies: { type: string; example: string; schema: Node }[];
  bodyRequired: boolean;
  needs: Needs;
  /** What it answers in, most wanted first. */
  answers: string[];
};

export type Parameter = {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  words: Html;
  example: string;
  schema: Node;
  /** Where it may be one of a few only. */
  choices: string[];
};

/** The operation of that name, and what else the API can do. */
export function operationOf(
  document: OpenApi,
  id: string,
):
  | { operation: Operation; others: Pick<Operation, 'id' | 'method' | 'path' | 'title'>[] }
  | undefined {
  const outline = outlineOf(document);
  const outlined = findOperation(outline, id)?.operation;
  if (!outlined) return undefined;
  const { method, path, title, parameters, body, responses, needs } = readOperation(
    document,
    outlined,
  );
  const left = { ...bounds };
  const whole = (schema: Node): Node => treeOf(document, schema, left, rule);
  const answers = responses.filter(({ status }) => /^2/.test(status));
  return {
    operation: {
      id,
      method,
      path,
      title,
      parameters: parameters.flatMap(({ in: place, words, ...one }) => {
        if (place === 'cookie') return []; // the relay sends none
        const schema = whole(one.schema);
        const choices = listOf(schema.enum).map(wordsOf);
        const { name, required, example } = one;
        return [
          { name, required, example, in: place, words: inlineHtmlOf(words), schema, choices },
        ];
      }),
      bodies: (body?.contents ?? []).map(({ mediaType, examples, schema }) => ({
        type: mediaType,
        example: examples[0]?.text ?? '',
        schema: whole(schema),
      })),
      bodyRequired: body?.required ?? false,
      needs,
      answers: answers.flatMap(({ contents }) => contents.map(({ mediaType }) => mediaType)),
    },
    others: outline.groups.flatMap(({ operations }) =>
      operations.map((one) => ({
        id: one.id,
        method: one.method,
        path: one.path,
        title: one.title,
      })),
    ),
  };
}

/** How deep a form looks into its schemas, and how much of them it holds. */
const bounds = { deepest: 7, left: 3000 };

/** What views/assets/console/check.js understands. */
const rules = new Set([
  'type',
  'nullable',
  'enum',
  'const',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'required',
  'additionalProperties',
]);

/** Of a schema, those words only that say what is right, in the shape in which they do. */
const rule = (word: string, value: unknown): unknown => {
  const inShape = ['enum', 'required'].includes(word) ? Array.isArray(value) : !isNode(value);
  return rules.has(word) && inShape ? value : undefined;
};
