import type { Person } from '../portal/profile-support.ts';
import type { Page } from '../support/flow.ts';

const plain = (html: string): string =>
  html
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** What the form to that address would send as it stands on the page: ticks, texts and choices. */
export function fieldsOn(page: Page, action: string): URLSearchParams {
  const form = page.text.split(/(?=<form)/).find((part) => part.includes(`action="${action}"`));
  if (!form) throw new Error(`no form to ${action} (${page.status})`);
  const body = new URLSearchParams();
  const nameIn = (tag: string): string => plain(/name="([^"]*)"/.exec(tag)?.[1] ?? '');
  for (const [, tag = ''] of form.matchAll(/<input ([^>]*)>/g)) {
    const ticks = /type="(checkbox|radio)"/.test(tag);
    if (ticks && !/ checked/.test(tag)) continue;
    body.set(nameIn(tag), plain(/value="([^"]*)"/.exec(tag)?.[1] ?? ''));
  }
  for (const [, tag = '', text = ''] of form.matchAll(/<textarea ([^>]*)>\n?([^<]*)</g)) {
    body.set(nameIn(tag), plain(text));
  }
  for (const [, tag = '', options = ''] of form.matchAll(/<select ([^>]*)>(.*?)<\/select>/gs)) {
    const chosen = /value="([^"]*)" selected/.exec(options) ?? /value="([^"]*)"/.exec(options);
    body.set(nameIn(tag), plain(chosen?.[1] ?? ''));
  }
  return body;
}

/** Sends a form of that page, with these fields changed; null leaves one out. */
export function sendFrom(
  { browser }: Pick<Person, 'browser'>,
  page: Page,
  action: string,
  fields: Record<string, string | null> = {},
): Promise<Page> {
  const body = fieldsOn(page, action);
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) body.delete(name);
    else body.set(name, value);
  }
  const { origin } = new URL(page.url);
  return browser.open(`${origin}${action}`, { method: 'POST', headers: { origin }, body });
}
