/** Counts by network address, in the memory of this process. */
export type Tries = {
  /** Counts one more, and answers the seconds to wait; 0: not yet too many. */
  count(address: string): number;
};

/** Addresses that are remembered; beyond, all are forgotten. */
const mostAddresses = 10_000;

/** At most `points` in `seconds`, by windows that begin with the first. */
export function createTries({ points, seconds }: { points: number; seconds: number }): Tries {
  const counts = new Map<string, { tries: number; ends: number }>();
  return {
    count(address) {
      const now = performance.now();
      let count = counts.get(address);
      if (!count || count.ends <= now) {
        if (counts.size >= mostAddresses) counts.clear();
        count = { tries: 0, ends: now + seconds * 1000 };
        counts.set(address, count);
      }
      count.tries += 1;
      return count.tries > points ? Math.ceil((count.ends - now) / 1000) : 0;
    },
  };
}
