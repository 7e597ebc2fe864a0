import type { Passwords } from '../../src/base/passwords.ts';
import { upsertMember } from '../../src/teams/store.ts';
import type { Page } from '../support/flow.ts';
import { aProduct, aSubscription, aTeam } from '../support/seed.ts';
import type { TestServer } from '../support/server.ts';
import { aPerson, type Person } from './profile-support.ts';

/** Somebody with a team and an active subscription, and a colleague. */
export async function aDeveloper(
  server: TestServer,
  passwords: Passwords,
  product: Parameters<typeof aProduct>[1] = {},
) {
  const person = await aPerson(server, passwords);
  const colleague = await aPerson(server, passwords, { name: 'Samir Holt' });
  const team = await aTeam(server.pool, { name: 'Larkfield Software', members: [person.account] });
  await upsertMember(server.pool, {
    teamId: team.id,
    accountId: colleague.account.id,
    role: 'member',
  });
  const { id: productId, ...made } = await aProduct(server.pool, product);
  const subscription = await aSubscription(server.pool, {
    team,
    product: { id: productId, ...made },
  });
  return { person, colleague, team, product: { id: productId, ...made }, subscription };
}

/** Sends the form at `path`, as it stands there with boxes ticked, with these fields changed; '' unticks. */
export async function fill(
  { browser, open }: Pick<Person, 'browser' | 'open'>,
  path: string,
  fields: Record<string, string>,
): Promise<Page> {
  const page = await open(path);
  const form = page.text.split(/(?=<form)/).find((part) => part.includes(`action="${path}"`));
  if (!form) throw new Error(`no form to ${path} (${page.status})`);
  const body = new URLSearchParams();
  for (const [, tag = ''] of form.matchAll(/<input ([^>]*)>/g)) {
    const name = /name="([^"]*)"/.exec(tag)?.[1] ?? '';
    const ticks = /type="(checkbox|radio)"/.test(tag);
    if (!ticks || / checked/.test(tag))
      body.set(name, plain(/value="([^"]*)"/.exec(tag)?.[1] ?? ''));
  }
  for (const [, name = '', text = ''] of form.matchAll(
    /<textarea [^>]*name="([^"]*)"[^>]*>([^<]*)</g,
  )) {
    body.set(name, plain(text));
  }
  for (const [name, value] of Object.entries(fields)) {
    if (value === '') body.delete(name);
    else body.set(name, value);
  }
  const url = new URL(path, page.url);
  return browser.open(url.href, { method: 'POST', body, headers: { origin: url.origin } });
}

const plain = (html: string): string =>
  html
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

export const secretOn = ({ text }: Page): string =>
  /id="new-secret">([\w-]{43})</.exec(text)?.[1] ?? '';
export const clientIdOn = ({ text }: Page): string => /<code>(app_[\w-]+)</.exec(text)?.[1] ?? '';
