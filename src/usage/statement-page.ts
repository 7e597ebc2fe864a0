import { csvLine } from '../base/csv.ts';
import type { Db } from '../db/pool.ts';
import { type Span, spanOf } from './report-span.ts';
import type { Owner } from './report-store.ts';
import { type StatementLine, statementLineOf, totalsOf } from './statement.ts';
import { listCallsOfMonth } from './statement-store.ts';

const pageLines = 25;
/** Of one month; a programme has fewer pairs of a team and a live product. */
const mostLines = 20_000;

type Asked = { owner: Owner; query: Readonly<Record<string, unknown>> };

/** Of the month that an address names: the one before this, unless another. */
export function monthOf(query: Asked['query'], now: Date = new Date()): Span {
  const given = spanOf({ by: 'day', on: query.month }, now);
  return query.month === given.on ? given : spanOf({ by: 'day', on: given.earlier }, now);
}

const linesOf = async (db: Db, owner: Owner, { on }: Span): Promise<StatementLine[]> => {
  const calls = await listCallsOfMonth(db, {
    owner,
    month: `${on}-01`,
    after: 0,
    limit: mostLines,
  });
  return calls.map(statementLineOf);
};

/** The page object of views/usage/statement.ejs. `use`: the page of use on which the calls stand. */
export async function statementPage(
  db: Db,
  { path, use, owner, query }: Asked & { path: string; use: string },
): Promise<object> {
  const month = monthOf(query);
  const lines = await linesOf(db, owner, month);
  const from = /^\d{1,6}$/.test(String(query.from)) ? Number(query.from) : 0;
  const at = (on: string, more: Record<string, string> = {}): string =>
    `${path}?${new URLSearchParams({ month: on, ...more })}`;
  return {
    month: month.words,
    over: month.later !== null,
    earlier: at(month.earlier),
    later: month.later && at(month.later),
    lines: lines.slice(from, from + pageLines).map((line) => rowOf(line, use, month)),
    totals: totalsOf(lines).map(inWords),
    first: from > 0 ? at(month.on) : null,
    more: lines.length > from + pageLines ? at(month.on, { from: String(from + pageLines) }) : null,
    csv: `${path}.csv?${new URLSearchParams({ month: month.on })}`,
  };
}

const count = (number: number): string => number.toLocaleString('en-GB');
const inWords = ({ currency, amount }: { currency: string; amount: string }): string => {
  const [whole = '', rest] = amount.split('.');
  return `${currency} ${BigInt(whole).toLocaleString('en-GB')}${rest ? `.${rest}` : ''}`;
};

function rowOf(line: StatementLine, use: string, month: Span): object {
  const { teamId, productId, price, amount } = line;
  const only = { team: teamId, product: productId, outcome: 'allowed', environment: 'live' };
  return {
    team: line.teamName ?? `${teamId} (gone)`,
    product: line.productName ?? `${productId} (gone)`,
    calls: count(line.calls),
    href: `${use}?${new URLSearchParams({ by: 'day', on: month.on, ...only })}`,
    included: price && count(price.includedCalls),
    billable: price && count(line.billable),
    perThousand: price && `${price.currency} ${price.perThousand}`,
    amount: price && amount !== null ? inWords({ currency: price.currency, amount }) : null,
  };
}

/** The same month whole, a line for each team and product. */
export async function statementCsv(
  db: Db,
  { owner, query }: Asked,
): Promise<{ name: string; text: string }> {
  const month = monthOf(query);
  const head = ['month', 'team_id', 'team', 'product_id', 'product', 'calls', 'included_calls'];
  const lines = await linesOf(db, owner, month);
  const text = [
    csvLine([...head, 'billable_calls', 'price_per_thousand', 'currency', 'amount']),
    ...lines.map(({ price, ...line }) =>
      csvLine([
        month.on,
        line.teamId,
        line.teamName,
        line.productId,
        line.productName,
        line.calls,
        price?.includedCalls,
        price && line.billable,
        price?.perThousand,
        price?.currency,
        line.amount,
      ]),
    ),
  ].join('');
  return { name: `statement-${month.on}.csv`, text };
}
