import { lastDays, spanOf } from '../../src/usage/report-span.ts';

const now = new Date('2026-11-23T23:59:59.999Z');
const span = (by: string, on?: string) => spanOf({ by, on }, now);

test.each([
  ['hour', '2026-11-23', 24, '23 November 2026', '2026-11-22', null],
  ['hour', '2024-02-28', 24, '28 February 2024', '2024-02-27', '2024-02-29'],
  ['day', '2026-11', 30, 'November 2026', '2026-10', null],
  ['day', '2024-02', 29, 'February 2024', '2024-01', '2024-03'],
  ['day', '2025-12', 31, 'December 2025', '2025-11', '2026-01'],
  ['month', '2026', 12, '2026', '2025', null],
  ['month', '2025', 12, '2025', '2024', '2026'],
])('by %s, %s has %d points', (by, on, count, words, earlier, later) => {
  const found = span(by, on);
  expect(found.points).toHaveLength(count);
  expect(found).toMatchObject({ by, on, words, earlier, later });
  expect(found.points[0]?.at).toEqual(found.from);
  expect((found.points.at(-1)?.at ?? 0) < found.until).toBe(true);
});

test.each([
  ['day', '2026-13'],
  ['day', '2026-1'],
  ['day', '1999-12'],
  ['day', '2026-11-23'],
  ['hour', '2026-02-31'],
  ['month', '٢٠٢٦'],
  ['month', '9e99'],
  ['week', '2026-11'],
])('by %s, %s makes no sense, and is now', (by, on) => {
  expect([span(by, on).on, '2026-11']).toEqual([span(by).on, span('day').on]);
});

test('every point leads closer, and the closest nowhere', () => {
  expect(span('month', '2025').points[1]).toMatchObject({
    name: 'February 2025',
    closer: '2025-02',
  });
  expect(span('day', '2025-02').points[27]).toMatchObject({
    name: '28 February',
    closer: '2025-02-28',
  });
  expect(span('hour', '2025-02-28').points[9]).toMatchObject({ name: '09:00', closer: null });
});

test('the last thirty days end with today', () => {
  const { from, until, points, labels } = lastDays(30, now);
  expect([from, until]).toEqual([new Date('2026-10-25'), new Date('2026-11-24')]);
  expect(points.map(({ name }) => name).slice(-2)).toEqual(['22 November', '23 November']);
  expect(labels).toEqual(['25 Oct', '8 Nov', '23 Nov']);
});
