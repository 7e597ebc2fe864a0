import request from 'supertest';
import { enqueueLetter } from '../../src/mail/outbox.ts';
import { mailboxRoutes } from '../../src/mail/routes.ts';
import { saveSent } from '../../src/mail/store.ts';
import { smallApp } from '../http/app.ts';
import { useDatabase } from '../support/database.ts';
import { aLetter, baseUrl, brand, token } from './support.ts';

const pool = useDatabase();
const routes = mailboxRoutes({ pool, brand, baseUrl }).routes();
const app = smallApp((ctx, next) => routes(ctx as never, next)).callback();
const get = (path: string) => request(app).get(path).set('Accept', 'text/html');

beforeEach(() => pool.query('delete from letters'));

const write = (to: string, name = 'Priya Nair') =>
  enqueueLetter(pool, { to, letter: aLetter({ name }) });

test('an empty mailbox says what would be here', async () => {
  const { status, text } = await get('/dev/mailbox');
  expect(status).toBe(200);
  expect(text).toContain('No letters yet');
  expect((await get('/dev/mailbox?to=nobody@example.com')).text).toContain(
    'No letters to this address',
  );
  expect((await request(app).get('/dev/mailbox.json')).body).toEqual([]);
});

test('programs read the letters of one address, newest first, without signing in', async () => {
  await write('a@example.com', 'First');
  await write('b@example.com', 'Other');
  await write('A@Example.com', 'Second');
  const { status, body, type, headers } = await request(app).get(
    '/dev/mailbox.json?to=a%40example.com',
  );
  expect(status).toBe(200);
  expect(type).toBe('application/json');
  expect(headers['cache-control']).toBe('no-store');
  expect(body).toEqual([
    {
      to: 'A@Example.com',
      subject: 'Verify your email address',
      text: expect.stringContaining('Hello Second,'),
      html: expect.stringContaining('<p>Hello Second,</p>'),
    },
    expect.objectContaining({ to: 'a@example.com', text: expect.stringContaining('Hello First,') }),
  ]);
  expect(body[0].text).toContain(`${baseUrl}/verify/${token}`);
  expect((await request(app).get('/dev/mailbox.json')).body).toHaveLength(3);
});

test('twenty on a page, newest first, with a way to the others', async () => {
  for (let index = 1; index <= 45; index += 1) await write(`p${index}@example.com`);
  const addresses = (text: string) => text.match(/p\d+@example\.com/g) ?? [];
  const first = await get('/dev/mailbox');
  expect(addresses(first.text)).toHaveLength(20);
  expect(addresses(first.text)[0]).toBe('p45@example.com');
  expect(first.text).not.toContain('Newer letters');
  expect(first.text).toContain('href="/dev/mailbox?page=2"');
  const last = await get('/dev/mailbox?page=3');
  expect(addresses(last.text)).toEqual([5, 4, 3, 2, 1].map((index) => `p${index}@example.com`));
  expect(last.text).toContain('href="/dev/mailbox?page=2"');
  expect(last.text).not.toContain('Older letters');
  for (const page of ['0', '-1', 'x', '4', '999999999999', "1'"]) {
    expect((await get(`/dev/mailbox?page=${encodeURIComponent(page)}`)).status).toBe(200);
  }
});

test('the pages of one address keep to it', async () => {
  for (let index = 1; index <= 21; index += 1) await write('a+b@example.com');
  const { text } = await get('/dev/mailbox?to=a%2Bb@example.com');
  expect(text).toContain('href="/dev/mailbox?to=a%2Bb%40example.com&amp;page=2"');
});

test('a letter has a page with its text and its links, and its HTML apart without any rights', async () => {
  await write('a@example.com', '<script>alert(1)</script>');
  const list = await get('/dev/mailbox');
  const [, address = ''] = /href="(\/dev\/mailbox\/letter_[0-9a-f]+)"/.exec(list.text) ?? [];
  const page = await get(address);
  expect(page.status).toBe(200);
  expect(page.text).toContain('Hello &lt;script&gt;alert(1)&lt;/script&gt;,');
  expect(page.text).toContain(`<a href="${baseUrl}/verify/${token}">`);
  expect(page.text).not.toContain('<script>alert');

  const html = await get(`${address}/html`);
  expect(html.type).toBe('text/html');
  expect(html.text).toContain('<h1>Verify your email address</h1>');
  expect(html.text).not.toContain('<script>alert');
  const policy = String(html.headers['content-security-policy']).split('; ');
  expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", 'sandbox']));
  expect(policy.join()).not.toContain('script-src');
});

test('a letter that is not there is not found', async () => {
  expect((await get('/dev/mailbox/letter_x')).status).toBe(404);
  expect((await get('/dev/mailbox/letter_x/html')).status).toBe(404);
});

test('a letter that was sent before can still be read, without what was removed', async () => {
  await write('a@example.com');
  const { rows } = await pool.query('select id from letters');
  await saveSent(pool, { id: rows[0].id, secrets: ['link', 'code'] });
  const { body } = await request(app).get('/dev/mailbox.json');
  expect(body[0].text).toContain('(removed when it was sent)');
  expect((await get(`/dev/mailbox/${rows[0].id}`)).status).toBe(200);
});
