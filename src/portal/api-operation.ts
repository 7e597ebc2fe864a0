import type { OpenApi } from '../products/api.ts';
import { type Example, examplesOf } from './api-example.ts';
import { isNode, listOf, type Node, nodeOf, resolved, wordsOf } from './api-node.ts';
import type { OutlinedOperation } from './api-outline.ts';
import { factsOf, type Rows, rowsOf, typeOf } from './api-schema.ts';

/** One operation with all that a caller must know. */
export type Operation = Pick<
  OutlinedOperation,
  'id' | 'method' | 'path' | 'title' | 'deprecated'
> & {
  /** Markdown. */
  description: string;
  parameters: Parameter[];
  body: Body | null;
  responses: Answer[];
  needs: Needs;
};

export type Parameter = {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  required: boolean;
  type: string;
  /** Markdown. */
  words: string;
  facts: string[];
  /** Empty: none. */
  example: string;
  schema: Node;
};

export type Content = Rows & {
  mediaType: string;
  type: string;
  examples: Example[];
  schema: Node;
};

export type Body = { required: boolean; words: string; contents: Content[] };
export type Answer = {
  status: string;
  /** Markdown. */
  words: string;
  headers: { name: string; type: string; words: string }[];
  contents: Content[];
};

/**
 * What a token must hold: all scopes of one of these. None at all: no token is asked for; an empty
 * one: any token will do, or the document does not say.
 */
export type Needs = readonly (readonly string[])[];

export function operationOf(document: OpenApi, outlined: OutlinedOperation): Operation {
  const { id, method, path, title, deprecated, operation } = outlined;
  return {
    id,
    method,
    path,
    title,
    deprecated,
    description: wordsOf(operation.description),
    parameters: parametersOf(document, outlined),
    body: bodyOf(document, operation.requestBody),
    responses: Object.entries(nodeOf(operation.responses)).map(([status, given]) =>
      answerOf(document, status, resolved(document, given)),
    ),
    needs: needsOf(document, operation),
  };
}

const places = ['path', 'query', 'header', 'cookie'] as const;

/** Those of the operation itself replace those of the path with the same name and place. */
function parametersOf(document: OpenApi, { pathItem, operation, path }: OutlinedOperation) {
  const byPlace = new Map<string, Parameter>();
  for (const given of [...listOf(pathItem.parameters), ...listOf(operation.parameters)]) {
    const parameter = parameterOf(document, resolved(document, given));
    if (parameter) byPlace.set(`${parameter.in} ${parameter.name}`, parameter);
  }
  for (const [, name = ''] of path.matchAll(/\{([^{}]+)\}/g)) {
    const key = `path ${name}`;
    if (!byPlace.has(key)) byPlace.set(key, { ...unspoken, name }); // the document forgot it
  }
  const all = [...byPlace.values()];
  return places.flatMap((place) => all.filter((one) => one.in === place));
}

const unspoken = {
  in: 'path',
  required: true,
  type: 'string',
  words: '',
  facts: [],
  example: '',
  schema: {},
} as const satisfies Omit<Parameter, 'name'> & { facts: string[] };

/** Headers that the token and the body decide are no parameters (OpenAPI 3.1 section 4.8.12). */
const decided = /^(accept|content-type|authorization)$/i;

function parameterOf(document: OpenApi, node: Node): Parameter | undefined {
  const name = wordsOf(node.name);
  const place = places.find((one) => one === node.in);
  if (!name || !place || (place === 'header' && decided.test(name))) return undefined;
  const [content] = Object.values(nodeOf(node.content));
  const schema = resolved(document, node.schema ?? nodeOf(content).schema);
  const own = node.example === undefined && node.examples === undefined ? {} : node;
  const given = examplesOf(document, { ...own, schema: undefined }, { writing: true })[0]?.text;
  const [first] = listOf(schema.examples);
  return {
    name,
    in: place,
    required: node.required === true || place === 'path',
    type: typeOf(document, schema),
    words: wordsOf(node.description) || wordsOf(schema.description),
    facts: [...factsOf(schema), ...(node.deprecated === true ? ['going away'] : [])],
    example:
      given ??
      (wordsOf(schema.example ?? first ?? schema.default) || wordsOf(listOf(schema.enum)[0])),
    schema,
  };
}

function bodyOf(document: OpenApi, value: unknown): Body | null {
  const node = resolved(document, value);
  const contents = contentsOf(document, node.content, true);
  if (contents.length === 0) return null;
  return { required: node.required === true, words: wordsOf(node.description), contents };
}

const answerOf = (document: OpenApi, status: string, node: Node): Answer => ({
  status,
  words: wordsOf(node.description),
  headers: Object.entries(nodeOf(node.headers)).map(([name, given]) => {
    const header = resolved(document, given);
    const type = typeOf(document, header.schema);
    return { name, type, words: wordsOf(header.description) };
  }),
  contents: contentsOf(document, node.content, false),
});

const contentsOf = (document: OpenApi, value: unknown, writing: boolean): Content[] =>
  Object.entries(nodeOf(value)).map(([mediaType, given]) => {
    const content = resolved(document, given);
    return {
      mediaType,
      type: isNode(content.schema) ? typeOf(document, content.schema) : '',
      examples: examplesOf(document, content, { writing, mediaType }),
      ...(isNode(content.schema) ? rowsOf(document, content.schema) : { rows: [], cut: false }),
      schema: resolved(document, content.schema),
    };
  });

/** Security of the operation, or of the whole document where it has none of its own. */
function needsOf(document: OpenApi, operation: Node): Needs {
  const given = operation.security ?? document.security;
  if (!Array.isArray(given)) return [[]];
  if (given.length === 0 || given.some((one) => Object.keys(nodeOf(one)).length === 0)) return [];
  const schemes = nodeOf(nodeOf(document.components).securitySchemes);
  const alternatives = given.map((one) =>
    Object.entries(nodeOf(one)).flatMap(([name, scopes]) => {
      const { type } = resolved(document, schemes[name]);
      return type === 'oauth2' || type === 'openIdConnect' ? listOf(scopes).map(wordsOf) : [];
    }),
  );
  const seen = new Set<string>();
  return alternatives.filter((scopes) => {
    const key = scopes.join(' ');
    return !seen.has(key) && Boolean(seen.add(key));
  });
}
