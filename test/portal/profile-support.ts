import type pg from 'pg';
import type { Account } from '../../src/accounts/account.ts';
import type { Passwords } from '../../src/base/passwords.ts';
import { submitTo } from '../accounts/register-support.ts';
import { type Browser, newBrowser, type Page, submit } from '../support/flow.ts';
import { anAccount, aTeam } from '../support/seed.ts';
import type { TestServer } from '../support/server.ts';

export const password = 'seven herons crossed a loud river';

export type Person = { account: Account; browser: Browser; open(path: string): Promise<Page> };

/** Another browser in which that account signs in. */
export async function signInAs(
  { baseUrl }: TestServer,
  email: string,
  given: { password?: string; userAgent?: string } = {},
): Promise<Browser> {
  const browser = calling(
    newBrowser(baseUrl),
    given.userAgent ?? 'Mozilla/5.0 (X11; Linux) Firefox/130.0',
  );
  const form = await browser.open(`${baseUrl}/sign-in`);
  const answer = await submit(browser, form, { email, password: given.password ?? password });
  if (answer.status !== 200 || answer.text.includes('type="password"')) {
    throw new Error(`not signed in: ${answer.status}`);
  }
  return browser;
}

const calling = (browser: Browser, userAgent: string): Browser => ({
  open: (url, init = {}) =>
    browser.open(url, { ...init, headers: { 'user-agent': userAgent, ...init.headers } }),
});

/** Somebody with a team of their own, signed in. */
export async function aPerson(
  server: TestServer,
  passwords: Passwords,
  given: { name?: string; email?: string; team?: string } = {},
): Promise<Person> {
  const passwordHash = await passwords.hash(password);
  const { team, ...names } = given;
  const account = await anAccount(server.pool, { ...names, passwordHash });
  await aTeam(server.pool, { name: team ?? `${account.name} team`, members: [account] });
  const browser = await signInAs(server, account.email);
  return { account, browser, open: (path) => browser.open(`${server.baseUrl}${path}`) };
}

/** Opens the page and sends its form to that address. */
export async function send(
  { browser, open }: Pick<Person, 'browser' | 'open'>,
  path: string,
  fields: Record<string, string> = {},
  action: string = path,
): Promise<Page> {
  return submitTo(browser, await open(path), action, fields);
}

/** As if the password had been given eleven minutes ago. */
export const makeStale = (pool: pg.Pool, accountId: string): Promise<unknown> =>
  pool.query(
    `update account_sessions set authenticated_at = now() - interval '11 minutes'
     where account_id = $1`,
    [accountId],
  );

/** What the trail says that the account did, oldest first. */
export async function actsOf(pool: pg.Pool, accountId: string): Promise<string[]> {
  const { rows } = await pool.query<{ action: string }>(
    `select action from audit where actor_id = $1 and action not like 'sign_in%' order by id`,
    [accountId],
  );
  return rows.map(({ action }) => action);
}

export const isSignedIn = async (browser: Browser, { baseUrl }: TestServer): Promise<boolean> =>
  (await browser.open(`${baseUrl}/profile`)).status === 200;
