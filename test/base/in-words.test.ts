import { counted, dayInWords, listed, timeInWords } from '../../src/base/in-words.ts';

const now = new Date('2026-11-23T09:15:00Z');

test.each([
  ['2026-11-23T08:10:59Z', 'Today, 08:10 UTC'],
  ['2026-11-22T23:59:00Z', '22 November 2026, 23:59 UTC'],
  ['2025-11-23T08:10:00Z', '23 November 2025, 08:10 UTC'],
])('%s is read as %s', (time, words) => {
  expect(timeInWords(new Date(time), now)).toBe(words);
  expect(`${dayInWords(new Date(time), now)},`).toBe(words.replace(/ \d\d:.*/, ''));
});

test.each([
  [0, '0 keys'],
  [1, '1 key'],
  [1204, '1,204 keys'],
])('%i of them are %s', (count, words) => {
  expect(counted(count, 'key')).toBe(words);
});

test.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b', 'c'], 'a, b and c'],
])('%j is read as "%s"', (words, text) => {
  expect(listed(words)).toBe(text);
});
