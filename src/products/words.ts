import { counted } from '../base/in-words.ts';
import type { Credentials, Price } from './product.ts';

/** What a call for a product shows. */
export const credentialWords: Readonly<Record<Credentials, string>> = {
  key_and_token: 'a subscription key and an access token',
  key: 'a subscription key alone',
  token: 'an access token alone',
};

/** `1,000 calls a month included, then €0.50 for each thousand`. */
export function priceInWords({ includedCalls, perThousand, currency }: Price): string {
  const included = `${counted(includedCalls, 'call')} a month included`;
  if (Number(perThousand) === 0) return `${included}, and nothing for more`;
  const thousand = moneyInWords(perThousand, currency);
  return includedCalls === 0
    ? `${thousand} for each thousand calls`
    : `${included}, then ${thousand} for each thousand`;
}

/** With as many digits as are written, and no fewer than the currency has. */
const moneyInWords = (amount: string, currency: string): string =>
  new Intl.NumberFormat('en-GB', {
    style: 'currency',
    currency,
    maximumFractionDigits: Math.max(2, amount.split('.')[1]?.length ?? 0),
  }).format(Number(amount));
