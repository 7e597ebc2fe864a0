import type pg from 'pg';
import { type Browser, newBrowser, type Page, submit } from '../support/flow.ts';

export type Letter = { template: string; data: Record<string, string> };

export const goodPassword = 'seven herons crossed a loud river';
export const anotherPassword = 'nine copper kettles under snow';

/** What a person types; a test names only what it cares about. */
export const typed = (given: Record<string, string> = {}): Record<string, string> => ({
  name: 'Priya Nair',
  email: 'priya.nair@larkfield.example',
  password: goodPassword,
  team: '',
  terms: 'yes',
  ...given,
});

/** Oldest first. */
export async function lettersTo(pool: pg.Pool, email: string): Promise<Letter[]> {
  const { rows } = await pool.query<Letter>(
    'select template, data from letters where lower(recipient) = lower($1) order by number',
    [email],
  );
  return rows;
}

export async function lastLetter(pool: pg.Pool, email: string): Promise<Letter> {
  const letter = (await lettersTo(pool, email)).at(-1);
  if (!letter) throw new Error(`no letter to ${email}`);
  return letter;
}

/** A word of the last letter to that address, such as its link. */
export async function fromLetter(pool: pg.Pool, email: string, word: string): Promise<string> {
  const value = (await lastLetter(pool, email)).data[word];
  if (!value) throw new Error(`the last letter to ${email} has no ${word}`);
  return value;
}

export async function registerAt(
  baseUrl: string,
  given: Record<string, string> = {},
  { browser = newBrowser(baseUrl), returnTo = '' } = {},
): Promise<{ browser: Browser; page: Page }> {
  const query = returnTo && `?${new URLSearchParams({ return_to: returnTo })}`;
  const form = await browser.open(`${baseUrl}/register${query}`);
  return { browser, page: await submit(browser, form, typed(given)) };
}

/** The form of that action, which need not be the first on the page. */
export function submitTo(
  browser: Browser,
  page: Page,
  action: string,
  fields: Record<string, string> = {},
): Promise<Page> {
  const form = page.text.split(/(?=<form)/).find((part) => part.includes(`action="${action}"`));
  if (!form) throw new Error(`no form to ${action} on ${page.url}: ${page.text.slice(0, 400)}`);
  return submit(browser, { ...page, text: form }, fields);
}

export type Kept = { id: string; email: string; name: string; verified: boolean; team: string };

export async function accountAt(pool: pg.Pool, email: string): Promise<Kept | undefined> {
  const { rows } = await pool.query<Kept>(
    `select a.id, a.email, a.name, a.email_verified_at is not null as verified, t.name as team
     from accounts a
     left join team_members m on m.account_id = a.id left join teams t on t.id = m.team_id
     where lower(a.email) = lower($1)`,
    [email],
  );
  if (rows.length > 1) throw new Error(`${email} is in ${rows.length} teams`);
  return rows[0];
}

export async function sessionsOf(pool: pg.Pool, email: string): Promise<number> {
  const { rows } = await pool.query(
    `select s.id from account_sessions s join accounts a on a.id = s.account_id
     where lower(a.email) = lower($1)`,
    [email],
  );
  return rows.length;
}

/** Whether a sign-in with these opens the account, in a new browser. */
export async function opens(baseUrl: string, email: string, password: string): Promise<boolean> {
  const browser = newBrowser(baseUrl);
  const form = await browser.open(`${baseUrl}/sign-in`);
  const answer = await submit(browser, form, { email, password });
  return answer.status === 200 && !answer.text.includes('type="password"');
}

/** A page as everybody sees it: without what differs at every request. */
export const samePage = ({ text, status }: Page, ...known: string[]): string => {
  const blanked = text
    .replace(/name="csrf" value="[^"]*"/g, 'csrf')
    .replace(/req_[\w-]+/g, 'request');
  return `${status} ${known.reduce((page, word) => page.replaceAll(word, '·'), blanked)}`;
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/**
 * Three batches, each with the two measured in turn, either of them first as often as the other: what a
 * request leaves running behind it then slows both alike. Their medians are within 30 %. A batch that a
 * busy machine spoilt is measured again, four times at most, so that `n` stays below 320; a door that tells people apart fails each time.
 */
export async function expectSameTime(
  known: (n: number) => Promise<unknown>,
  unknown: (n: number) => Promise<unknown>,
): Promise<void> {
  const pairs = 20;
  const timed = async (work: (n: number) => Promise<unknown>, into: number[]) => {
    const began = performance.now();
    await work(n);
    into.push(performance.now() - began);
  };
  let n = 0;
  for (let warm = 0; warm < 3; warm += 1, n += 1) await Promise.all([known(n), unknown(n)]);
  const ratio = async (): Promise<number> => {
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let pair = 0; pair < pairs; pair += 1, n += 1) {
      if (pair % 2 === 0) await timed(known, times.known);
      await timed(unknown, times.unknown);
      if (pair % 2 === 1) await timed(known, times.known);
    }
    return median(times.known) / median(times.unknown);
  };
  for (let batch = 1; batch <= 3; batch += 1) {
    let measured = await ratio();
    for (let again = 0; again < 4 && Math.abs(measured - 1) > 0.3; again += 1) {
      measured = await ratio();
    }
    expect(measured).toBeGreaterThan(0.7);
    expect(measured).toBeLessThan(1.3);
  }
}
