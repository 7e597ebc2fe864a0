import { setTimeout as sleep } from 'node:timers/promises';

/** Things that are done in lots, one after the other: what comes meanwhile goes with the next. */
export type Together<T, R> = {
  /** Resolves, or rejects, with the lot that it goes with. What waits already waits once. */
  add(item: T): Promise<R>;
  /** Begins no more, and resolves when what is under way is done, or late. */
  close(): Promise<void>;
};

/** One that waits for its lot. */
type Waiting<R> = { done: Promise<R>; settle(result: Promise<R>): void };

function newWaiting<R>(): Waiting<R> {
  let settle: Waiting<R>['settle'] = () => {};
  const done = new Promise<R>((resolve) => {
    settle = resolve;
  });
  return { done, settle };
}

/** Milliseconds after which a lot is late: nothing waits longer for it. */
const longest = 1_500;

export function together<T, R>({
  delay,
  most,
  work,
}: {
  /** Milliseconds for which a lot is collected, unless it is full. */
  delay: number;
  /** Items of one lot. */
  most: number;
  work(items: T[]): Promise<R>;
}): Together<T, R> {
  const waiting = new Map<T, Waiting<R>>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<R> | undefined;
  let closed = false;

  function begin(): void {
    timer = undefined;
    const lot = [...waiting].slice(0, most);
    for (const [item] of lot) waiting.delete(item);
    const result = work(lot.map(([item]) => item));
    for (const [, { settle }] of lot) settle(result);
    running = result;
    const late = setTimeout(() => goOn(result), longest).unref();
    const done = () => {
      clearTimeout(late);
      goOn(result);
    };
    result.then(done, done);
  }
  function goOn(after: Promise<R>): void {
    if (running !== after) return;
    running = undefined;
    plan(waiting.size >= most ? 0 : delay);
  }
  function plan(within: number): void {
    if (timer || running || closed || waiting.size === 0) return;
    if (within === 0) begin();
    else timer = setTimeout(begin, within).unref();
  }

  return {
    add(item) {
      let one = waiting.get(item);
      if (!one) {
        one = newWaiting();
        waiting.set(item, one);
        plan(delay);
      }
      return one.done;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      if (running)
        await Promise.race([running.catch(() => {}), sleep(longest, undefined, { ref: false })]);
    },
  };
}
