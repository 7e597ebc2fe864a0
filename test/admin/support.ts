import type { AdministratorRole } from '../../src/accounts/account.ts';
import { saveRoles } from '../../src/accounts/store.ts';
import type { Passwords } from '../../src/base/passwords.ts';
import { aPerson, type Person } from '../portal/profile-support.ts';
import type { Page } from '../support/flow.ts';
import type { TestServer } from '../support/server.ts';

/** Somebody signed in with these roles as an administrator. */
export async function anAdministrator(
  server: TestServer,
  passwords: Passwords,
  roles: AdministratorRole[],
  name = 'Joan Whitlock',
): Promise<Person> {
  const person = await aPerson(server, passwords, { name });
  await saveRoles(server.pool, person.account.id, roles);
  return person;
}

/** Sends a form that no page offers, with a token that this browser was given elsewhere. */
export async function sendUnasked(
  { browser, open }: Pick<Person, 'browser' | 'open'>,
  path: string,
  fields: Record<string, string> = {},
): Promise<Page> {
  const form = await open('/teams/new');
  const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
  const { origin } = new URL(form.url);
  return browser.open(`${origin}${path}`, {
    method: 'POST',
    headers: { origin },
    body: new URLSearchParams({ csrf, ...fields }),
  });
}
