import type { OpenApi } from '../products/api.ts';
import { isNode, listOf, type Node, nodeOf, resolved } from './api-node.ts';

/** Where a schema holds others: one, a list of them, or one by each name. */
const one = new Set(['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains']);
const several = new Set(['allOf', 'oneOf', 'anyOf', 'prefixItems']);
const byName = new Set(['properties', 'patternProperties']);

export type Bounds = {
  /** How many schemas may lie in each other. */
  deepest: number;
  /** Schemas that may still be put in, and hundreds of characters of what they say. It is used up. */
  left: number;
};

/** What stands in the tree of a word that holds no schema; undefined: nothing. */
type Kept = (word: string, value: unknown) => unknown;

/**
 * A schema with all that it refers to put in its place. A few lines that refer to each other can
 * stand for more than any machine holds: so what is nearest to the top comes first, and of what
 * there is no room for, or lies in itself, the type is all that is left.
 */
export function treeOf(document: OpenApi, schema: unknown, bounds: Bounds, kept: Kept): Node {
  const waiting: { node: Node; into: Record<string, unknown>; within: readonly Node[] }[] = [];

  const plant = (given: unknown, within: readonly Node[]): Node => {
    const node = resolved(document, given);
    const into = {};
    waiting.push({ node, into, within });
    return into;
  };
  const grown = (word: string, value: unknown, within: readonly Node[]): unknown => {
    if (one.has(word) && isNode(value)) return plant(value, within);
    if (several.has(word)) return listOf(value).map((part) => plant(part, within));
    if (byName.has(word)) {
      const entries = Object.entries(nodeOf(value));
      return Object.fromEntries(entries.map(([name, part]) => [name, plant(part, within)]));
    }
    const own = kept(word, value);
    bounds.left -= Math.floor(lengthOf(own) / 100);
    return bounds.left < 0 ? undefined : own;
  };

  const root = plant(schema, []);
  for (const { node, into, within } of waiting) {
    const inside = partsOf(node);
    if (within.includes(node) || within.length >= bounds.deepest || inside > bounds.left) {
      into.type = node.type;
      continue;
    }
    bounds.left -= inside;
    for (const [word, value] of Object.entries(node)) {
      const there = grown(word, value, [...within, node]);
      if (there !== undefined) into[word] = there;
    }
  }
  return root;
}

/** How many schemas lie directly in this one. */
const partsOf = (node: Node): number =>
  Object.entries(node).reduce((sum, [word, value]) => {
    if (one.has(word)) return sum + 1;
    if (several.has(word)) return sum + listOf(value).length;
    return byName.has(word) ? sum + Object.keys(nodeOf(value)).length : sum;
  }, 0);

const lengthOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length;
  return typeof value === 'object' && value !== null ? JSON.stringify(value).length : 0;
};
