import { type Bar, chartOf } from '../../src/usage/chart.ts';

const bar = (allowed: number, refused = 0, name = '1 November'): Bar => ({
  name,
  allowed,
  refused,
});
const draw = (bars: Bar[]) => chartOf(bars, [], 'Calls a day');

test.each([
  [1, ['4', '3', '2', '1', '0']],
  [4, ['4', '3', '2', '1', '0']],
  [5, ['8', '6', '4', '2', '0']],
  [4_500, ['6,000', '4,500', '3,000', '1,500', '0']],
  [10, ['12', '9', '6', '3', '0']],
  [39, ['40', '30', '20', '10', '0']],
  [100, ['100', '75', '50', '25', '0']],
  [1_276, ['1,600', '1,200', '800', '400', '0']],
  [1_000_000, ['1,000,000', '750,000', '500,000', '250,000', '0']],
])('at most %d calls are read off whole numbers', (most, ticks) => {
  expect(draw([bar(most)]).ticks).toEqual(ticks);
});

test.each([1, 12, 24, 31])('%d bars stand side by side within the drawing', (count) => {
  const { bars, width } = draw(Array.from({ length: count }, (_, n) => bar(n + 1, n)));
  expect(bars).toHaveLength(count);
  for (const [n, { x, width: thick }] of bars.entries()) {
    const end = bars[n + 1]?.x ?? width;
    expect(x + thick).toBeLessThan(end);
  }
  for (const { allowed, refused } of bars) {
    for (const part of [allowed, refused]) {
      if (!part) continue;
      expect(part.y).toBeGreaterThanOrEqual(0);
      expect(part.y + part.height).toBeLessThanOrEqual(100.01);
    }
  }
});

test('refused calls stand on top of those that were let through, and one of them is seen', () => {
  const [{ allowed, refused } = { allowed: null, refused: null }] = draw([bar(10_000, 1)]).bars;
  expect((refused?.y ?? 0) + (refused?.height ?? 0)).toBeCloseTo(allowed?.y ?? 0, 1);
  expect(refused?.height).toBeGreaterThan(0.5);
  expect(draw([bar(0, 3)]).bars[0]).toMatchObject({
    allowed: null,
    refused: { y: 25, height: 75 },
  });
});

test('nothing is drawn where there was nothing', () => {
  const { bars, ticks, summary } = draw([bar(0)]);
  expect(bars[0]).toMatchObject({ allowed: null, refused: null });
  expect(ticks.at(0)).toBe('4');
  expect(summary).toBe('Calls a day: 0 in all, 0 of them refused.');
});

test('says in words what one sees', () => {
  const { summary, bars } = draw([bar(1), bar(900, 12, '2 November'), bar(30)]);
  expect(summary).toBe('Calls a day: 943 in all, 12 of them refused. Most: 2 November, 912.');
  expect(bars.map(({ title }) => title)).toEqual([
    '1 November: 1 call',
    '2 November: 912 calls, 12 of them refused',
    '1 November: 30 calls',
  ]);
});
