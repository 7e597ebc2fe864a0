/**
 * What is not known here yet. Once `found` resolves, the same question has an answer; it rejects
 * where that could not be found out.
 */
export type Pending = { found: Promise<unknown> };
export const isPending = (answer: object): answer is Pending => 'found' in answer;

/** Finds out each thing once at a time: whoever asks meanwhile waits for the same. */
export function createFinder(): (name: string, find: () => Promise<unknown>) => Pending {
  const underWay = new Map<string, Pending>();
  return (name, find) => {
    const known = underWay.get(name);
    if (known) return known;
    const pending = { found: find().finally(() => underWay.delete(name)) };
    pending.found.catch(() => {}); // whoever waits hears of it; nobody may have to
    underWay.set(name, pending);
    return pending;
  };
}
