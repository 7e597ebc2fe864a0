import { csvLine } from '../../src/base/csv.ts';

test('values are as they are, in one line', () => {
  const at = new Date('2026-11-23T09:00:00Z');
  expect(csvLine(['a', 1, true, null, undefined, at, -5])).toBe(
    "a,1,true,,,2026-11-23T09:00:00.000Z,'-5\r\n",
  );
});

test.each([
  ['a,b', '"a,b"'],
  ['say "so"', '"say ""so"""'],
  ['two\r\nlines', '"two\r\nlines"'],
])('%j is quoted', (value, cell) => {
  expect(csvLine([value])).toBe(`${cell}\r\n`);
});

test.each(['=1+1', '+44', '-2', '@SUM(A1)', ' =cmd|x', '\t=1', '＝1+1'])(
  '%j is no formula',
  (value) => {
    expect(csvLine([value])).toMatch(/^"?'/);
  },
);
