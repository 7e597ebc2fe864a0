/** What is remembered depends on things, each by a kind and an id: `subscription:<id>`. */
export type Told = {
  /** Take it before reading what is to be remembered. */
  moment(): number;
  /** Something is not as it was. */
  tell(what: string): void;
  tellAll(): void;
  /** Whether what was read at that moment may be believed still. */
  holds(moment: number, ...things: string[]): boolean;
};

/** Beyond, everything counts as told: whatever is remembered is read once more. */
const most = 10_000;

/** Instead of looking for what a word is about among all that is remembered, the word is kept. */
export function createTold(): Told {
  const words = new Map<string, number>();
  let latest = 0;
  let all = 0;

  const tellAll = (): void => {
    latest += 1;
    all = latest;
    words.clear();
  };
  return {
    moment: () => latest,
    tell(what) {
      if (words.size >= most) tellAll();
      latest += 1;
      words.set(what, latest);
    },
    tellAll,
    holds(moment, ...things) {
      if (moment === latest) return true;
      if (moment < all) return false;
      return things.every((thing) => (words.get(thing) ?? 0) <= moment);
    },
  };
}
