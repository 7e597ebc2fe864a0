import { counted, listed } from '../base/in-words.ts';
import type { GrantType, Limit } from '../products/product.ts';
import type { State } from '../subscriptions/subscription.ts';

export const stateWords: Readonly<Record<State, string>> = {
  submitted: 'Waiting for approval',
  active: 'Active',
  suspended: 'Suspended',
  rejected: 'Rejected',
  cancelled: 'Cancelled',
  expired: 'Expired',
};

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

/** How a client gets tokens with these grant types, the protocol's names left out. */
export function tokensInWords(grantTypes: readonly GrantType[]): string {
  const ways = [
    grantTypes.includes('authorization_code') && 'on behalf of a user',
    grantTypes.includes('password') && 'with a test user’s password',
    grantTypes.includes('client_credentials') && 'as a system',
  ];
  return listed(ways.filter((way) => way !== false)) || 'none';
}

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
