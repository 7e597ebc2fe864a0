import { covers } from '../base/scopes.ts';
import type { Operation } from './operations.ts';

/** Scopes that tokens have, and which operations they open. Tokens with the same scopes share one. */
export type Granted = {
  /** The scopes, with a space between them. */
  text: string;
  opens(operation: Operation): boolean;
};

/** Beyond, it begins anew: what is remembered by then keeps its own. */
const most = 1_000;

export function createGranted(): (scopes: readonly string[]) => Granted {
  const known = new Map<string, Granted>();
  return (scopes) => {
    const text = scopes.join(' ');
    const found = known.get(text);
    if (found) return found;
    if (known.size >= most) known.clear();
    const granted = grantedBy(scopes, text);
    known.set(text, granted);
    return granted;
  };
}

function grantedBy(scopes: readonly string[], text: string): Granted {
  const opened = new WeakMap<Operation, boolean>(); // documents come and go
  const reckon = (operation: Operation): boolean =>
    operation.scopes.some((list) => list.every((scope) => covers(scopes, scope)));
  return {
    text,
    opens(operation) {
      const known = opened.get(operation);
      if (known !== undefined) return known;
      const opens = reckon(operation);
      opened.set(operation, opens);
      return opens;
    },
  };
}
