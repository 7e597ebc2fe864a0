/** `Today, 08:10 UTC`, `18 November 2026, 15:42 UTC`. */
export function timeInWords(time: Date, now: Date = new Date()): string {
  const clock = `${time.toISOString().slice(11, 16)} UTC`;
  return `${dayInWords(time, now)}, ${clock}`;
}

/** `Today`, or `18 November 2026`. */
export function dayInWords(time: Date, now: Date = new Date()): string {
  if (time.toISOString().slice(0, 10) === now.toISOString().slice(0, 10)) return 'Today';
  const day = { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat('en-GB', day).format(time);
}

/** `1 key`, `1,204 keys`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-GB')} ${count === 1 ? one : many}`;

/** `a`, `a and b`, `a, b and c`. */
export const listed = (words: readonly string[]): string =>
  new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(words);
