import { covers } from '../base/scopes.ts';
import type { Asked } from './asked.ts';
import type { Opening } from './catalogue.ts';
import type { Operation } from './operations.ts';
import { type Refused, refusal } from './verdict.ts';

/**
 * Which operation is called, where the API's document names it, if these scopes will do.
 * @param scopes null: the product takes no token, and so asks for no scope.
 */
export function permissionOf(
  { method, path }: Asked,
  openings: readonly Opening[],
  scopes: readonly string[] | null,
): { operation: string } | Refused {
  const operations = openings.flatMap((opening) => operationIn(opening, method, path) ?? []);
  const operation = operations[0]?.name ?? '';
  if (scopes === null) return { operation };
  if (operations.length === 0) {
    const asksScopes = openings.some((opening) => opening.operations.asksScopes);
    return asksScopes ? refusal('operation_unknown') : { operation };
  }
  const lacking = operations.find((one) => !suffices(one, scopes));
  if (!lacking) return { operation };
  const needed = lacking.scopes[0] ?? [];
  return refusal('scope_missing', { scopes: needed, detail: wordsFor(lacking) });
}

function operationIn(opening: Opening, method: string, path: string): Operation | undefined {
  const below = path.startsWith(opening.path) ? path.slice(opening.path.length) : undefined;
  if (below === undefined || (below !== '' && !below.startsWith('/'))) return undefined;
  return opening.operations.find(method, below || '/');
}

const suffices = ({ scopes }: Operation, granted: readonly string[]): boolean =>
  scopes.some((list) => list.every((scope) => covers(granted, scope)));

const wordsFor = ({ scopes }: Operation): string =>
  scopes.map((list) => list.join(' ')).join(', or ');
