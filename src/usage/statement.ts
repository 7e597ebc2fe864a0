import type { Price } from '../products/product.ts';
import type { CallsOfMonth } from './statement-store.ts';

/** What a team's calls of a live product in one month come to. */
export type StatementLine = CallsOfMonth & {
  /** Calls beyond those that cost nothing. */
  billable: number;
  /** `12.50`, with as many decimals as the currency has; null where the product has no price. */
  amount: string | null;
};

/** Decimals of a price per thousand, as the database keeps it. */
const priceDecimals = 4;

export const statementLineOf = (calls: CallsOfMonth): StatementLine => ({
  ...calls,
  billable: billableOf(calls.calls, calls.price),
  amount: calls.price && amountOf(calls.calls, calls.price),
});

const billableOf = (calls: number, price: Price | null): number =>
  price ? Math.max(0, calls - price.includedCalls) : 0;

/** Without floats: whole numbers of the currency's smallest part, the half rounded up, once. */
export function amountOf(calls: number, price: Price): string {
  const decimals = decimalsOf(price.currency);
  const thousandths = BigInt(billableOf(calls, price)) * wholeOf(price.perThousand, priceDecimals);
  const divisor = 10n ** BigInt(priceDecimals + 3 - decimals);
  return textOf((thousandths + divisor / 2n) / divisor, decimals);
}

/** What all lines of a currency come to, by its code, in alphabetical order. */
export function totalsOf(lines: readonly StatementLine[]): { currency: string; amount: string }[] {
  const totals = new Map<string, bigint>();
  for (const { price, amount } of lines) {
    if (!price || amount === null) continue;
    const { currency } = price;
    const whole = wholeOf(amount, decimalsOf(currency));
    totals.set(currency, (totals.get(currency) ?? 0n) + whole);
  }
  return [...totals]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([currency, whole]) => ({ currency, amount: textOf(whole, decimalsOf(currency)) }));
}

/** Of a currency's smallest part: 2 of EUR, 0 of JPY, 3 of KWD. */
const decimalsOf = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
    .maximumFractionDigits ?? 2;

/** `1.5` with 4 decimals: 15000. */
function wholeOf(text: string, decimals: number): bigint {
  const [whole = '', rest = ''] = text.split('.');
  return BigInt(whole + rest.padEnd(decimals, '0').slice(0, decimals));
}

function textOf(whole: bigint, decimals: number): string {
  const digits = whole.toString().padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
