/** Things that are done in lots, one after the other: what comes meanwhile goes with the next. */
export type Together<T, R> = {
  /** Resolves, or rejects, with the lot that it goes with. */
  add(item: T): Promise<R>;
  /** Begins no more, and resolves when what is under way is done. */
  close(): Promise<void>;
};

type Lot<T, R> = {
  /** Each once. */
  items: Set<T>;
  done: Promise<R>;
  settle(result: Promise<R>): void;
};

function newLot<T, R>(): Lot<T, R> {
  let settle: Lot<T, R>['settle'] = () => {};
  const done = new Promise<R>((resolve) => {
    settle = resolve;
  });
  return { items: new Set(), done, settle };
}

/** Milliseconds after which the next lot waits no longer for the one before. */
const longest = 1_500;

export function together<T, R>({
  delay,
  most,
  work,
}: {
  /** Milliseconds for which a lot is collected at least. */
  delay: number;
  /** Items of one lot. */
  most: number;
  work(items: T[]): Promise<R>;
}): Together<T, R> {
  const lots: Lot<T, R>[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running: Lot<T, R> | undefined;
  let closed = false;

  function begin(): void {
    timer = undefined;
    const lot = lots.shift();
    if (!lot) return;
    running = lot;
    const late = setTimeout(() => goOn(lot), longest).unref();
    const result = work([...lot.items]);
    lot.settle(result);
    const done = () => {
      clearTimeout(late);
      goOn(lot);
    };
    result.then(done, done);
  }
  function goOn(after: Lot<T, R>): void {
    if (running !== after) return;
    running = undefined;
    plan();
  }
  function plan(): void {
    if (timer || running || closed || lots.length === 0) return;
    if (delay === 0) begin();
    else timer = setTimeout(begin, delay).unref();
  }

  return {
    add(item) {
      let lot = lots.at(-1);
      if (!lot || lot.items.size >= most) {
        lot = newLot();
        lots.push(lot);
      }
      lot.items.add(item);
      plan();
      return lot.done;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await Promise.allSettled([running?.done]);
    },
  };
}
