import type { Asked } from './asked.ts';
import type { Opening } from './catalogue.ts';
import type { Granted } from './granted.ts';
import type { Operation } from './operations.ts';
import { type Refused, refusal } from './verdict.ts';

/**
 * Which operation is called, where the API's document names it, if these scopes will do.
 * @param granted null: the product takes no token, and so asks for no scope.
 * @returns its name, '' where there is none.
 */
export function permissionOf(
  { method, path }: Asked,
  openings: readonly Opening[],
  granted: Granted | null,
): string | Refused {
  let operation: Operation | undefined;
  for (const opening of openings) {
    const found = operationIn(opening, method, path);
    if (found && granted && !granted.opens(found)) return lacking(found);
    operation ??= found;
  }
  if (operation) return operation.name;
  const asksScopes = openings.some((opening) => opening.operations.asksScopes);
  return granted && asksScopes ? refusal('operation_unknown') : '';
}

function operationIn(opening: Opening, method: string, path: string): Operation | undefined {
  const below = path.startsWith(opening.path) ? path.slice(opening.path.length) : undefined;
  if (below === undefined || (below !== '' && !below.startsWith('/'))) return undefined;
  return opening.operations.find(method, below || '/');
}

const lacking = ({ scopes }: Operation): Refused =>
  refusal('scope_missing', {
    scopes: scopes[0] ?? [],
    detail: scopes.map((list) => list.join(' ')).join(', or '),
  });
