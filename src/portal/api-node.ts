import type { OpenApi } from '../products/api.ts';

/** A piece of an OpenAPI document, which may say anything: readers take what is as it should be. */
export type Node = Readonly<Record<string, unknown>>;

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const nodeOf = (value: unknown): Node => (isNode(value) ? value : {});

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Text as it is, numbers and truth values in words, nothing for all else. */
export const wordsOf = (value: unknown): string =>
  ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';

/** What a piece or a reference to one is; nothing where a reference leads nowhere. */
export function resolved(document: OpenApi, value: unknown): Node {
  let node = nodeOf(value);
  for (let hops = 0; typeof node.$ref === 'string' && hops < 20; hops += 1) {
    node = nodeOf(targetOf(document, node.$ref));
  }
  return node;
}

/** `#/components/schemas/Patient` → `Patient`. */
export const nameOfReference = (reference: string): string => {
  const last = reference.split('/').at(-1) ?? '';
  return unescaped(last);
};

function targetOf(document: OpenApi, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined;
  let node: unknown = document;
  for (const part of reference.slice(2).split('/')) {
    const key = unescaped(part);
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}

/** RFC 6901 section 6. */
function unescaped(part: string): string {
  const plain = part.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}
