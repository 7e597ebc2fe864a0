import { Ajv2020 } from 'ajv/dist/2020.js';
import { flat, type Schema } from './generator.ts';
import { document } from './stage.ts';

type Parameter = { $ref?: string; name: string; in: string; schema: Schema };
type Content = Record<string, { schema: Schema; example?: unknown }>;
type Answer = { $ref?: string; content?: Content };

/** One operation of the document, with all that it refers to in it. */
export type Documented = {
  id: string;
  method: string;
  path: string;
  scope: string | null;
  query: { name: string; schema: Schema }[];
  headers: string[];
  body: Schema | null;
  /** A body to begin with, as the console does. */
  example: unknown;
  answers: Record<string, Answer>;
};

type Whole = {
  paths: Record<string, Record<string, unknown>>;
};

const methods = ['get', 'post', 'patch', 'put', 'delete'];

export function resolve<Part>(part: Part & { $ref?: string }): Part {
  if (!part.$ref) return part;
  let found: unknown = document;
  for (const step of part.$ref.slice(2).split('/')) {
    found = (found as Record<string, unknown>)[step.replaceAll('~1', '/')];
  }
  return resolve(found as Part & { $ref?: string });
}

export const resolveSchema = (ref: string): Schema => resolve<Schema>({ $ref: ref });

export const documented: Documented[] = Object.entries(
  (document as unknown as Whole).paths,
).flatMap(([path, item]) =>
  methods
    .filter((method) => method in item)
    .map((method) => {
      const operation = item[method] as {
        operationId: string;
        security: Record<string, string[]>[];
        parameters?: Parameter[];
        requestBody?: { content: Content };
        responses: Record<string, Answer>;
      };
      const all = [...((item.parameters as Parameter[]) ?? []), ...(operation.parameters ?? [])];
      const parameters = all.map((one) => resolve(one));
      const body = operation.requestBody && resolve(operation.requestBody);
      const schema = body?.content['application/json']?.schema;
      return {
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        scope: operation.security[0]?.oauth2?.[0] ?? null,
        query: parameters.filter((one) => one.in === 'query'),
        headers: parameters.filter((one) => one.in === 'header').map(({ name }) => name),
        body: schema ? flat(schema, resolveSchema) : null,
        example: body?.content['application/json']?.example,
        answers: operation.responses,
      };
    }),
);

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(document as object, 'document');

/** What is wrong with an answer by the document; empty: nothing. */
export function misfits(
  operation: Documented,
  told: { status: number; headers: Headers; body: unknown },
): string[] {
  const answer =
    operation.answers[told.status] ?? (told.status >= 400 && operation.answers.default);
  if (!answer) return [`${told.status} is not in the document`];
  const { content } = resolve(answer);
  const type = told.headers.get('content-type')?.split(';')[0] ?? '';
  if (!content) return type === '' ? [] : [`a body of type ${type}`];
  const schema = content[type]?.schema;
  if (!schema) return [`type ${type} is not in the document`];
  return schemaMisfits(schema, told.body);
}

export function schemaMisfits(schema: Schema, value: unknown): string[] {
  const rooted = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object;
  const check = ajv.compile(rooted);
  return check(value)
    ? []
    : (check.errors ?? []).map((one) => `${one.instancePath} ${one.message}`);
}
