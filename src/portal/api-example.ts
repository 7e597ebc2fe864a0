import { sample } from 'openapi-sampler';
import type { OpenApi } from '../products/api.ts';
import { isNode, nodeOf, resolved, wordsOf } from './api-node.ts';
import { treeOf } from './api-tree.ts';

export type Example = { name: string; text: string };

/**
 * What a body or a parameter may look like: the document's own examples, or one made from the schema.
 * @param writing whether it is to be sent: then what only the server writes is left out.
 */
export function examplesOf(
  document: OpenApi,
  content: unknown,
  { writing, mediaType = '' }: { writing: boolean; mediaType?: string },
): Example[] {
  const { example, examples, schema } = nodeOf(content);
  const named = Object.entries(nodeOf(examples)).flatMap(([name, given]) => {
    const { value, summary, 'x-missing': missing } = resolved(document, given);
    if (value === undefined || missing || nodeOf(value)['x-missing']) return [];
    return [{ name: wordsOf(summary) || name, text: printed(value) }];
  });
  if (example !== undefined && !nodeOf(example)['x-missing']) {
    return [{ name: 'Example', text: printed(example) }, ...named];
  }
  if (named.length > 0) return named;
  const json = !/xml|text|octet/.test(mediaType);
  const made = json && isNode(schema) ? madeUp(document, schema, writing) : undefined;
  return made === undefined || made === null ? [] : [{ name: 'Example', text: printed(made) }];
}

/** Text as it is, everything else as JSON. */
const printed = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2);

function madeUp(document: OpenApi, schema: object, writing: boolean): unknown {
  try {
    const options = {
      skipReadOnly: writing,
      skipWriteOnly: !writing,
      maxSampleDepth: 8,
      quiet: true,
    };
    const tree = treeOf(document, schema, { deepest: 10, left: 3000 }, shortened);
    return sample(tree, options, document);
  } catch {
    return undefined; // a schema that is none has no example
  }
}

/** An example need not be as long as its schema asks for. */
function shortened(word: string, value: unknown): unknown {
  const most = { minItems: 3, minLength: 200 }[word];
  return most === undefined ? value : Math.min(Number(value) || 0, most);
}
