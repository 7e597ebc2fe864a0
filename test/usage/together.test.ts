import { setTimeout as sleep } from 'node:timers/promises';
import { together } from '../../src/usage/together.ts';

describe('what is done together', () => {
  test('waits once, however often it is added, and each lot has no more than it may', async () => {
    const lots: number[][] = [];
    const soon = together<number, void>({
      delay: 20,
      most: 3,
      async work(items) {
        lots.push(items);
        await sleep(30);
      },
    });
    const until = Date.now() + 100;
    while (Date.now() < until) {
      for (const item of [1, 2, 3, 4]) void soon.add(item);
      await sleep(1);
    }
    await sleep(200);
    expect(lots[0]).toEqual([1, 2, 3]);
    expect(lots[1]?.[0]).toBe(4);
    expect(lots.length).toBeLessThanOrEqual(7); // one every 30 ms, while they come
    for (const lot of lots) expect(new Set(lot).size).toBe(lot.length);
    await soon.close();
  });

  test('one after the other, and whoever waits hears of his own lot', async () => {
    let running = 0;
    const soon = together<string, string>({
      delay: 0,
      most: 2,
      async work(items) {
        running += 1;
        expect(running).toBe(1);
        await sleep(5);
        running -= 1;
        if (items.includes('bad')) throw new Error(items.join());
        return items.join();
      },
    });
    const all = ['first', 'a', 'bad', 'b', 'c'].map((item) => soon.add(item));
    expect(await Promise.allSettled(all)).toMatchObject([
      { value: 'first' },
      { reason: { message: 'a,bad' } },
      { reason: { message: 'a,bad' } },
      { value: 'b,c' },
      { value: 'b,c' },
    ]);
  });
});
