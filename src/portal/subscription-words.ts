import { counted } from '../base/in-words.ts';
import type { Limit } from '../products/product.ts';

const spans: Readonly<Record<number, string>> = {
  1: 'a second',
  60: 'a minute',
  3600: 'an hour',
  86400: 'a day',
  604800: 'a week',
};

const limitInWords = ({ calls, seconds }: Limit): string => {
  const days = seconds / 86_400;
  const span = Number.isInteger(days) ? counted(days, 'day') : counted(seconds, 'second');
  return `${counted(calls, 'call')} ${spans[seconds] ?? `in ${span}`}`;
};

/** `10 calls a second, 20,000 calls in 30 days`, or `none`. */
export const limitsInWords = (limits: readonly (Limit | null)[]): string =>
  limits
    .filter((limit) => limit !== null)
    .map(limitInWords)
    .join(', ') || 'none';

/** A person reads once what several scopes say in the same words. */
export function scopesInWords(
  scopes: readonly { scope: string; description: string }[],
): { words: string; scopes: string[] }[] {
  const byWords = new Map<string, string[]>();
  for (const { scope, description } of scopes) {
    byWords.set(description, [...(byWords.get(description) ?? []), scope]);
  }
  return [...byWords].map(([words, group]) => ({ words, scopes: group }));
}

/** What `?done=` says, where it is a word of ours. */
export const doneWords = (words: Readonly<Record<string, string>>, done: unknown): string | null =>
  (typeof done === 'string' && Object.hasOwn(words, done) && words[done]) || null;

/** One value of a query that may be there twice. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
