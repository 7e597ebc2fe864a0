import type { OpenApi } from '../products/api.ts';

/** One operation of an API, as far as the console needs it. */
export type Operation = {
  id: string;
  method: string;
  /** With `{…}` for what is put in. */
  path: string;
  summary: string;
  parameters: Parameter[];
  bodies: { type: string; example: string; schema: Schema | null }[];
  bodyRequired: boolean;
  /** Scopes that it needs, each list enough by itself; none: it needs no token. */
  needs: string[][];
  /** What it answers in, most wanted first. */
  answers: string[];
};

export type Parameter = {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description: string;
  schema: Schema | null;
  example: string;
};

export type Schema = Record<string, unknown>;
type Node = Record<string, unknown>;

export const defaultKeyHeader = 'Ocp-Apim-Subscription-Key';
const verbs = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];

/** All of a document, in its order, by what they are called in addresses. */
export function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(nodeOf(document.paths)).flatMap(([path, item]) =>
    Object.entries(nodeOf(item))
      .filter(([verb]) => verbs.includes(verb))
      .map(([verb, operation]) => read(document, path, nodeOf(item), verb, nodeOf(operation))),
  );
}

export const operationOf = (document: OpenApi, id: string): Operation | undefined =>
  operationsOf(document).find((one) => one.id === id);

/** The header that carries the subscription key. */
export function keyHeaderOf(document: OpenApi): string {
  const schemes = Object.values(nodeOf(nodeOf(document.components).securitySchemes)).map(nodeOf);
  const named = schemes.find((one) => one.type === 'apiKey' && one.in === 'header')?.name;
  const usable = typeof named === 'string' && /^[A-Za-z0-9-]{1,60}$/.test(named);
  return usable && named.toLowerCase() !== 'authorization' ? named : defaultKeyHeader;
}

function read(document: OpenApi, path: string, item: Node, verb: string, own: Node): Operation {
  const body = resolved(document, own.requestBody);
  const answer = Object.entries(nodeOf(own.responses)).find(([status]) => /^2/.test(status))?.[1];
  return {
    id: textOf(own.operationId) || `${verb}${path.replace(/[^A-Za-z0-9]+/g, '-')}`,
    method: verb.toUpperCase(),
    path,
    summary: textOf(own.summary) || `${verb.toUpperCase()} ${path}`,
    parameters: parametersOf(document, [...listOf(item.parameters), ...listOf(own.parameters)]),
    bodies: Object.entries(nodeOf(body.content)).map(([type, media]) =>
      bodyOf(document, type, nodeOf(media)),
    ),
    bodyRequired: body.required === true,
    needs: needsOf(own.security ?? document.security),
    answers: Object.keys(nodeOf(resolved(document, answer).content)),
  };
}

/** Those of the operation take the place of those of the path. */
function parametersOf(document: OpenApi, all: readonly unknown[]): Parameter[] {
  const byPlace = new Map<string, Parameter>();
  for (const one of all.map((each) => resolved(document, each))) {
    if (!['path', 'query', 'header'].includes(textOf(one.in))) continue;
    const schema = one.schema ? whole(document, one.schema) : null;
    byPlace.set(`${one.in} ${one.name}`, {
      name: textOf(one.name),
      in: one.in as Parameter['in'], // looked at above
      required: one.required === true || one.in === 'path',
      description: textOf(one.description),
      schema,
      example: written(
        one.example ?? firstOf(document, one.examples) ?? schema?.example ?? schema?.default,
      ),
    });
  }
  return [...byPlace.values()];
}

function bodyOf(document: OpenApi, type: string, media: Node): Operation['bodies'][number] {
  const schema = media.schema ? whole(document, media.schema) : null;
  const example = media.example ?? firstOf(document, media.examples) ?? schema?.example;
  const text = typeof example === 'string' ? example : JSON.stringify(example ?? {}, null, 2);
  return { type, example: text, schema };
}

const firstOf = (document: OpenApi, examples: unknown): unknown => {
  const [first] = Object.values(nodeOf(examples));
  return first === undefined ? undefined : resolved(document, first).value;
};

const needsOf = (security: unknown): string[][] => {
  const ways = listOf(security).map((one) =>
    Object.values(nodeOf(one)).flatMap(listOf).map(String),
  );
  return ways.some((scopes) => scopes.length === 0) ? [] : ways;
};

/** With all that it refers to, as deep as a form needs. */
function whole(document: OpenApi, value: unknown, depth = 0): Schema {
  const node = resolved(document, value);
  if (depth > 6) return {};
  return Object.fromEntries(
    Object.entries(node).map(([name, part]) => {
      if (name === 'properties')
        return [
          name,
          Object.fromEntries(
            Object.entries(nodeOf(part)).map(([key, one]) => [
              key,
              whole(document, one, depth + 1),
            ]),
          ),
        ];
      if (name === 'items' || name === 'additionalProperties')
        return [name, typeof part === 'object' ? whole(document, part, depth + 1) : part];
      if (name === 'allOf' || name === 'oneOf' || name === 'anyOf')
        return [name, listOf(part).map((one) => whole(document, one, depth + 1))];
      return [name, part];
    }),
  );
}

/** Follows `$ref` inside the document; one that leads in a circle or elsewhere is empty. */
function resolved(document: OpenApi, value: unknown, hops = 0): Node {
  const node = nodeOf(value);
  if (typeof node.$ref !== 'string') return node;
  if (hops > 8 || !node.$ref.startsWith('#/')) return {};
  let found: unknown = document;
  for (const part of node.$ref.slice(2).split('/')) {
    found = nodeOf(found)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return resolved(document, found, hops + 1);
}

const nodeOf = (value: unknown): Node =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Node) : {};
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const written = (value: unknown): string =>
  value === undefined || value === null
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
