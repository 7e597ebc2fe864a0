/** A map that keeps so many, and forgets what was asked for longest ago. */
export type Recent<T> = {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  clear(): void;
};

export function createRecent<T>(most: number): Recent<T> {
  // Two halves instead of an order: what is asked for moves into the young one, and the old one goes.
  let young = new Map<string, T>();
  let old = new Map<string, T>();

  function set(key: string, value: T): void {
    young.set(key, value);
    if (young.size < most / 2) return;
    old = young;
    young = new Map();
  }
  return {
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
    delete(key) {
      young.delete(key);
      old.delete(key);
    },
    clear() {
      young = new Map();
      old = new Map();
    },
  };
}
