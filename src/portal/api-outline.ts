import type { OpenApi } from '../products/api.ts';
import { isNode, listOf, type Node, nodeOf, resolved, wordsOf } from './api-node.ts';

/** What an API can do, as its document says it. */
export type Outline = {
  title: string;
  version: string;
  /** Markdown. */
  introduction: string;
  /** `3.0.3` */
  openapi: string;
  groups: Group[];
};

/** The operations of one tag. */
export type Group = { name: string; description: string; operations: OutlinedOperation[] };

export type OutlinedOperation = {
  /** Part of the page's address: the document's `operationId` where it has a good one. */
  id: string;
  method: string;
  path: string;
  title: string;
  deprecated: boolean;
  /** As the document has them, for whoever reads on. */
  pathItem: Node;
  operation: Node;
};

const methods = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace'] as const;

export function outlineOf(document: OpenApi): Outline {
  const info = nodeOf(document.info);
  const operations = operationsOf(document);
  return {
    title: wordsOf(info.title),
    version: wordsOf(info.version),
    introduction: wordsOf(info.description),
    openapi: wordsOf(document.openapi),
    groups: groupsOf(document, operations),
  };
}

export const findOperation = (
  { groups }: Outline,
  id: string,
): { group: Group; operation: OutlinedOperation } | undefined => {
  for (const group of groups) {
    const operation = group.operations.find((one) => one.id === id);
    if (operation) return { group, operation };
  }
  return undefined;
};

function operationsOf(document: OpenApi): OutlinedOperation[] {
  const taken = new Set<string>();
  return Object.entries(nodeOf(document.paths)).flatMap(([path, value]) => {
    const pathItem = resolved(document, value);
    return methods.flatMap((name) => {
      const operation = pathItem[name];
      if (!isNode(operation)) return [];
      const method = name.toUpperCase();
      const own = wordsOf(operation.operationId);
      const title = wordsOf(operation.summary) || own || `${method} ${path}`;
      const id = addressOf(own || `${name}${path.replace(/[^A-Za-z0-9]+/g, '-')}`, taken);
      return [
        { id, method, path, title, deprecated: operation.deprecated === true, pathItem, operation },
      ];
    });
  });
}

/** Letters that need no escape in an address, and none that another operation has. */
function addressOf(name: string, taken: Set<string>): string {
  const plain = name.replace(/[^A-Za-z0-9_.~-]+/g, '-').replace(/^[-.]+/, '') || 'operation';
  let id = plain;
  for (let n = 2; taken.has(id); n += 1) id = `${plain}-${n}`;
  taken.add(id);
  return id;
}

/** In the order of the document's tags; then of those that only operations name; then the rest. */
function groupsOf(document: OpenApi, operations: readonly OutlinedOperation[]): Group[] {
  const tagOf = ({ operation }: OutlinedOperation): string => wordsOf(listOf(operation.tags)[0]);
  const described = listOf(document.tags).map(nodeOf);
  const names = new Set([
    ...described.map(({ name }) => wordsOf(name)).filter(Boolean),
    ...operations.map(tagOf).filter(Boolean),
    '',
  ]);
  const groups = [...names].map((name) => ({
    name: name || (names.size > 1 ? 'Other operations' : 'Operations'),
    description: wordsOf(described.find((tag) => tag.name === name)?.description),
    operations: operations.filter((one) => tagOf(one) === name),
  }));
  return groups.filter((group) => group.operations.length > 0);
}
