import { readdirSync } from 'node:fs';
import { InvalidInput } from '../../src/base/errors.ts';
import type { Letter } from '../../src/mail/letter.ts';
import { secretsOf } from '../../src/mail/letter.ts';
import { enqueueLetter } from '../../src/mail/outbox.ts';
import { writeLetter } from '../../src/mail/rendering.ts';
import { senderOf } from '../../src/mail/transport.ts';
import { useDatabase } from '../support/database.ts';
import { aLetter, baseUrl, brand, token } from './support.ts';

const pool = useDatabase();
const link = `${baseUrl}/somewhere/${token}`;
const name = 'Priya Nair';

const aboutSubscription = {
  name,
  product: 'Submit Records',
  team: 'Larkfield Software',
  environment: 'in the sandbox',
  link,
};
const decided = {
  ...aboutSubscription,
  by: 'Helen Ashby',
  reason: 'The pilot’s two wards have agreed.',
};

const letters: Letter[] = [
  { template: 'verify-email', data: { name, link, code: '482915', hours: 24 } },
  { template: 'already-registered', data: { name, signInLink: `${link}1`, resetLink: `${link}2` } },
  { template: 'reset-password', data: { name, link, minutes: 30 } },
  { template: 'reset-without-account', data: { registerLink: link } },
  { template: 'confirm-new-email', data: { name, link, code: '482915' } },
  { template: 'email-changed', data: { name, newEmailMasked: 'p…@example.com' } },
  { template: 'password-changed', data: { name } },
  { template: 'second-factor-changed', data: { name, what: 'An authenticator app was added.' } },
  { template: 'second-factor-tried', data: { name } },
  {
    template: 'new-device',
    data: {
      name,
      when: '23 November 2026, 10:02 UTC',
      where: '192.0.2.7',
      browser: 'Firefox on Linux',
      sessionsLink: link,
    },
  },
  { template: 'account-deleted', data: { name } },
  { template: 'approval-requested', data: { ...aboutSubscription, asker: 'Priya Nair' } },
  {
    template: 'subscription-approved',
    data: { ...decided, until: '23 November 2027', may: 'user/Patient.rs and read' },
  },
  { template: 'subscription-rejected', data: decided },
  { template: 'subscription-suspended', data: decided },
  { template: 'subscription-resumed', data: decided },
  { template: 'subscription-end-changed', data: { ...decided, until: '', may: '' } },
  { template: 'subscription-cancelled', data: { ...aboutSubscription, by: 'Samir Holt' } },
  {
    template: 'subscription-expires-soon',
    data: { ...aboutSubscription, on: '23 November 2027' },
  },
  { template: 'subscription-expired', data: { ...aboutSubscription, on: '23 November 2027' } },
  {
    template: 'key-regenerated',
    data: {
      name,
      product: 'Read Records',
      team: 'Larkfield Software',
      environment: 'live',
      by: 'Samir Holt',
      slot: 'primary',
      oldKey: 'stops: 24 November 2026, 10:02 UTC',
      link,
    },
  },
  {
    template: 'team-invitation',
    data: { by: 'Samir Holt', team: 'Larkfield Software', role: 'a member', link, days: 7 },
  },
  {
    template: 'application-changed',
    data: {
      name,
      who: 'Samir Holt',
      deed: 'has ended the secret ending 7f2K of',
      application: 'Night Batch',
      team: 'Larkfield Software',
      next: 'Whatever still uses that secret gets no more tokens.',
      link,
    },
  },
  { template: 'team-removed', data: { name, by: 'Samir Holt', team: 'Larkfield Software' } },
  { template: 'team-deleted', data: { name, by: 'Samir Holt', team: 'Larkfield Software' } },
  { template: 'team-owner', data: { name, by: 'Samir Holt', team: 'Larkfield Software', link } },
  {
    template: 'access-suspended',
    data: { name, what: 'the application Night Batch', reason: 'Its secret is on a forum.', link },
  },
  {
    template: 'access-restored',
    data: { name, what: 'the team Larkfield Software', reason: 'It has a new secret.', link },
  },
  {
    template: 'product-deprecated',
    data: {
      name,
      product: 'Read Records',
      team: 'Larkfield Software',
      environment: 'live',
      stops: '31 March 2027',
      notice: 'Read Records 2 takes its place: it answers the same questions.',
      link,
    },
  },
];

/** Nobody would take these for something that was done under their name. */
const nobodysDoing = /^(approval-requested|subscription-expire|product-deprecated)/;

const write = (letter: Letter) => writeLetter(letter, { brand, baseUrl, cache: false });

/** The words of an HTML part, one blank between any two. */
const wordsOf = (html: string): string =>
  html
    .replace(/<(head|h1)[\s\S]*?<\/\1>/g, '')
    .replace(/<li>/g, '* ')
    .replace(/<[^>]+>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"');
const plain = (text: string): string => text.replace(/\s+/g, ' ').trim();

test('every kind of letter has both its views, and no view is left over', () => {
  const views = readdirSync(new URL('../../views/mail/', import.meta.url));
  const own = views.filter((view) => !/^(layout|mailbox)/.test(view));
  const wanted = letters.flatMap(({ template }) => [`${template}.html.ejs`, `${template}.txt.ejs`]);
  expect(own.sort()).toEqual(wanted.sort());
});

test.each(letters)(
  '$template says the same in text and in HTML, all that it was given',
  async (letter) => {
    const { subject, text, html } = await write(letter);
    expect(subject.length).toBeLessThan(50);
    expect(html).toContain(`<h1>${subject}</h1>`);
    for (const value of Object.values(letter.data)) {
      expect(text).toContain(String(value));
      expect(html).toContain(String(value));
    }
    const frame = plain(text).replace(' -- ', ' ');
    expect(plain(wordsOf(html)).replace(`${brand} `, '')).toBe(frame);
    if (!nobodysDoing.test(letter.template)) expect(text).toContain('It was not you?');
    expect(html).not.toMatch(/<script|<img|<link|src=/i);
  },
);

test.each(letters)('the secrets of $template are what opens something', (letter) => {
  const expected = {
    'verify-email': ['link', 'code'],
    'reset-password': ['link'],
    'confirm-new-email': ['link', 'code'],
    'team-invitation': ['link'],
  }[letter.template as string];
  expect(secretsOf(letter)).toEqual(expected ?? []);
});

test('a name is text in HTML, and what it is in the text part', async () => {
  const { html, text } = await write(aLetter({ name: `<b onclick="x">O'Hara & Sons</b>` }));
  expect(html).toContain('Hello &lt;b onclick=&#34;x&#34;&gt;O&#39;Hara &amp; Sons&lt;/b&gt;,');
  expect(html).not.toContain('<b onclick');
  expect(text).toContain(`Hello <b onclick="x">O'Hara & Sons</b>,`);
});

test.each([
  'Win at http://casino.example',
  'Visit www.casino',
  'casino.example pays',
  'mail me@casino',
  'x'.repeat(81),
])('a name that is an advertisement is not passed on: %s', async (spam) => {
  const { html, text } = await write(aLetter({ name: spam }));
  expect(text).toMatch(/^Hello,$/m);
  expect(html).toContain('<p>Hello,</p>');
  expect(html + text).not.toContain(spam);
});

test.each(['Dr. Jane Smith', "Mary-Jane O'Neil Jr.", 'J. R. R. Tolkien', '山田 太郎'])(
  'a name that is one is: %s',
  async (real) => {
    expect((await write(aLetter({ name: real }))).text).toContain(`Hello ${real},`);
  },
);

test.each([
  ['a line break in the address', 'a@example.com\r\nBcc: all@example.com', 'Ada', 'email'],
  ['a line feed in the address', 'a@example.com\n', 'Ada', 'email'],
  ['a NUL in the address', 'a\0@example.com', 'Ada', 'email'],
  ['two addresses', 'a@example.com,b@example.com', 'Ada', 'email'],
  ['an address in brackets', 'Ada <a@example.com>', 'Ada', 'email'],
  ['no address', 'ada', 'Ada', 'email'],
  ['a line break in the name', 'a@example.com', 'Ada\r\nBcc: all@example.com', 'name'],
  ['a carriage return in the name', 'a@example.com', 'Ada\rX', 'name'],
  ['a NUL in the name', 'a@example.com', 'A\0da', 'name'],
  ['a line separator in the name', 'a@example.com', 'A\u2028da', 'name'],
])('%s is refused, and nothing is written', async (_what, to, given, field) => {
  const refused = enqueueLetter(pool, { to, letter: aLetter({ name: given }) });
  await expect(refused).rejects.toBeInstanceOf(InvalidInput);
  await refused.catch((error) => expect(Object.keys(error.fields)).toEqual([field]));
  expect((await pool.query('select 1 from letters')).rowCount).toBe(0);
});

test.each([
  ['smtp://mail.example:25', 'no-reply@login.northmoor.example'],
  ['smtp://mail.example:25?from=portal%40a.example', 'portal@a.example'],
  ['smtps://u:p@mail.example?from=portal@a.example', 'portal@a.example'],
])('letters of %s come from %s', (url, address) => {
  expect(senderOf(url, { brand, baseUrl })).toEqual({ name: brand, address });
});

test.each(['smtp://h?from=x%0aBcc:a@b', 'smtp://h?from=', 'smtp://:::', 'smtp:///x'])(
  '%s is refused at the start',
  (url) => expect(() => senderOf(url, { brand, baseUrl })).toThrow('SMTP_URL'),
);
