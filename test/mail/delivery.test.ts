import type pg from 'pg';
import { transaction } from '../../src/db/pool.ts';
import type { Dispatcher, Settings } from '../../src/mail/dispatcher.ts';
import { enqueueLetter } from '../../src/mail/outbox.ts';
import { deleteOldLetters, listDeadLetters, takeDueLetters } from '../../src/mail/store.ts';
import { createTransport, type Send } from '../../src/mail/transport.ts';
import { useDatabase } from '../support/database.ts';
import {
  aLetter,
  baseUrl,
  brand,
  eventually,
  header,
  type MailServer,
  pause,
  quickDispatcher,
  reply,
  startMailServer,
  token,
  transportTo,
  unfolded,
} from './support.ts';

const pool = useDatabase();
const to = 'priya@example.com';
let mail: MailServer;
let dispatchers: Dispatcher[] = [];

beforeEach(async () => {
  await pool.query('delete from letters');
  mail = await startMailServer();
});
afterEach(async () => {
  await Promise.all(dispatchers.map((one) => one.stop()));
  dispatchers = [];
  await mail.close();
});

const dispatch = (settings: Partial<Settings> = {}, send: Send = transportTo(mail.url)) => {
  const dispatcher = quickDispatcher(pool, send, settings);
  dispatchers.push(dispatcher);
  dispatcher.start();
  return dispatcher;
};

const row = async (db: pg.Pool = pool) => (await db.query('select * from letters')).rows[0];
const asText = async () =>
  (await pool.query('select letters::text as text from letters')).rows
    .map((r) => r.text)
    .join('\n');
const sent = () => eventually(async () => (await row())?.sent_at);
const dead = () => eventually(async () => (await row())?.dead_at && (await row()));

test('a letter goes out with a text part, an HTML part and the headers it needs', async () => {
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch();
  await sent();

  expect(mail.received).toHaveLength(1);
  const [message = ''] = mail.received;
  expect(header(message, 'From')).toBe(`${brand} <no-reply@login.northmoor.example>`);
  expect(header(message, 'To')).toBe(to);
  expect(header(message, 'Subject')).toBe('Verify your email address');
  expect(header(message, 'Auto-Submitted')).toBe('auto-generated');
  expect(header(message, 'Message-ID')).toMatch(/^<[\w-]{36}@login\.northmoor\.example>$/);
  expect(header(message, 'Date')).toBeTruthy();
  expect(header(message, 'Content-Type')).toMatch(/^multipart\/alternative/);
  const [, text = '', html = ''] = unfolded(message).split(/Content-Type: text\//);
  expect(text).toMatch(/^plain; charset=utf-8/);
  expect(html).toMatch(/^html; charset=utf-8/);
  for (const part of [text, html]) {
    expect(part).toContain(`${baseUrl}/verify/${token}`);
    expect(part).toContain('482915');
    expect(part).toContain('Hello Priya Nair,');
    expect(part).toContain('It was not you?');
  }
});

test('once it is sent, no token is left in the outbox', async () => {
  await enqueueLetter(pool, { to, letter: aLetter() });
  expect(await asText()).toContain(token);
  dispatch();
  await sent();
  expect(await asText()).not.toMatch(new RegExp(`${token}|482915`));
  expect((await row()).data).toEqual({ name: 'Priya Nair', hours: 24 });
});

test('a mail server that is down loses nothing: the letter goes out once when it is back', async () => {
  const port = Number(new URL(mail.url).port);
  await mail.close();
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch();
  const failed = await eventually(async () => (await row()).tries >= 3 && (await row()));
  expect(failed).toMatchObject({ sent_at: null, dead_at: null });
  expect(failed.last_error).toMatch(/ECONNREFUSED/);

  mail = await startMailServer({ port });
  await sent();
  await pause(200);
  expect(mail.received).toHaveLength(1);
  expect((await row()).last_error).toBeNull();
});

test('a server that does not answer in time is left, and tried again', async () => {
  let connections = 0;
  await mail.close();
  mail = await startMailServer({
    onConnect(_session, done) {
      connections += 1;
      if (connections > 1) done();
    },
  });
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch();
  const { last_error } = await eventually(async () => (await row()).last_error && (await row()));
  expect(last_error).toMatch(/ETIMEDOUT/);
  await sent();
  expect(mail.received).toHaveLength(1);
});

test('a try as a whole has an end, however busy the server looks', async () => {
  await mail.close();
  mail = await startMailServer({ onRcptTo: () => {} });
  const send = createTransport(mail.url, {
    from: { name: brand, address: 'no-reply@example.com' },
    timeouts: { connect: 5_000, greeting: 5_000, silence: 60_000, whole: 300 },
  });
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch({ tries: 2 }, send);
  expect((await dead()).last_error).toMatch(/abort/i);
});

test('a refusal with 4xx is tried again', async () => {
  let refusals = 0;
  mail.afterRcpt = () => {
    refusals += 1;
    return refusals < 3 ? reply(451, '4.7.1 Greylisted, come back later') : undefined;
  };
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch();
  await sent();
  expect(refusals).toBe(3);
  expect(mail.received).toHaveLength(1);
  expect((await row()).tries).toBe(3);
});

test('a recipient refused with 5xx is given up at once, visibly and without the token', async () => {
  mail.afterRcpt = () => reply(550, '5.1.1 No such mailbox');
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch();
  expect(await dead()).toMatchObject({ tries: 1, sent_at: null });
  expect(await listDeadLetters(pool, { limit: 10 })).toEqual([
    expect.objectContaining({
      recipient: to,
      template: 'verify-email',
      tries: 1,
      lastError: expect.stringContaining('550 5.1.1 No such mailbox'),
    }),
  ]);
  expect(await asText()).not.toMatch(new RegExp(`${token}|482915`));
});

test.each([
  [554, 'dead_at'],
  [451, 'next_try_at'],
])('a %i that quotes the letter is kept without the quotation', async (code, column) => {
  mail.afterData = () => reply(code, `5.7.1 Spam: "${baseUrl}/verify/${token}" 482915`);
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch({ firstWait: 100, longestWait: 100 });
  const kept = await eventually(async () => (await row()).last_error && (await row()));
  expect(kept[column]).not.toBeNull();
  expect(kept.last_error).toMatch(new RegExp(`${code}`));
  expect(kept.last_error).not.toMatch(/Zk3u|482915|verify/);
});

test('a password that the mail server does not take costs no letter its life', async () => {
  await mail.close();
  mail = await startMailServer({
    authOptional: false,
    onAuth: ({ password }, _session, done) =>
      password === 'right' ? done(null, { user: 'sandgate' }) : done(reply(535, 'Wrong password')),
  });
  const as = (password: string) => transportTo(mail.url.replace('//', `//us%40er:${password}@`));
  await enqueueLetter(pool, { to, letter: aLetter() });
  const wrong = dispatch({}, as('wrong-pass'));
  const failed = await eventually(async () => (await row()).tries > 1 && (await row()));
  expect(failed).toMatchObject({ dead_at: null, last_error: expect.stringContaining('EAUTH') });
  expect(failed.last_error).not.toContain('wrong-pass');
  await wrong.stop();
  dispatch({}, as('right'));
  await sent();
});

test('after its last try a letter is given up', async () => {
  mail.afterRcpt = () => reply(451, '4.0.0 Never');
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch({ tries: 3 });
  expect(await dead()).toMatchObject({ tries: 3, sent_at: null });
  expect(await asText()).not.toContain(token);
});

test('a connection that dies after the message: it comes again, under the same Message-ID', async () => {
  mail.afterData = () => {
    if (mail.received.length === 1) mail.cut();
    return undefined;
  };
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch();
  await sent();
  expect(mail.received).toHaveLength(2);
  const ids = mail.received.map((message) => header(message, 'Message-ID'));
  expect(ids[0]).toMatch(/^<.+@.+>$/);
  expect(ids[1]).toBe(ids[0]);
});

test('two dispatchers on one database send each letter once', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `p${index}@example.com`);
  for (const name of names) await enqueueLetter(pool, { to: name, letter: aLetter() });
  dispatch();
  dispatch();
  await eventually(
    async () =>
      (await pool.query('select 1 from letters where sent_at is not null')).rowCount === 40,
  );
  await pause(100);
  expect(mail.received.map((message) => header(message, 'To')).sort()).toEqual(names.sort());
});

test('what a killed dispatcher had taken, another takes when the lease has ended', async () => {
  await enqueueLetter(pool, { to, letter: aLetter() });
  const taken = await takeDueLetters(pool, { lease: 'of the killed', seconds: 1, limit: 5 });
  expect(taken).toHaveLength(1);
  dispatch();
  await pause(500);
  expect(mail.received).toHaveLength(0);
  await sent();
  expect(mail.received).toHaveLength(1);
  expect(header(mail.received[0] ?? '', 'Message-ID')).toContain(taken[0]?.messageId);
});

test('a transaction that is rolled back sends nothing', async () => {
  dispatch();
  const work = transaction(pool, async (tx) => {
    await enqueueLetter(tx, { to, letter: aLetter() });
    await pause(150); // nor is a letter seen before the commit
    throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  await enqueueLetter(pool, { to: 'later@example.com', letter: aLetter() });
  await sent();
  expect(mail.received.map((message) => header(message, 'To'))).toEqual(['later@example.com']);
});

test('a kick is quicker than the next look', async () => {
  const dispatcher = dispatch({ every: 60_000 });
  await pause(100);
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatcher.kick();
  await sent();
});

test('stopping waits for the letter on its way, and takes no other', async () => {
  let release = () => {};
  const begun = new Promise<void>((resolve) => {
    mail.afterRcpt = () => {
      resolve();
      return undefined;
    };
  });
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  const send = transportTo(mail.url);
  const dispatcher = dispatch({ batch: 1 }, async (message) => {
    const delivery = await send(message);
    await open;
    return delivery;
  });
  await enqueueLetter(pool, { to, letter: aLetter() });
  await begun;
  await enqueueLetter(pool, { to: 'second@example.com', letter: aLetter() });
  let stopped = false;
  const stopping = dispatcher.stop().then(() => {
    stopped = true;
  });
  await pause(200);
  expect(stopped).toBe(false);
  release();
  await stopping;
  const { rows } = await pool.query('select recipient, sent_at from letters order by number');
  expect(rows).toEqual([
    { recipient: to, sent_at: expect.any(Date) },
    { recipient: 'second@example.com', sent_at: null },
  ]);
});

test('a letter of a kind that this version does not know waits for one that does', async () => {
  await pool.query(
    `insert into letters (recipient, template, data) values ('new@example.com', 'not-yet', '{}')`,
  );
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch({ firstWait: 100, longestWait: 100 });
  await eventually(() => mail.received.length === 1);
  const { rows } = await pool.query(`select * from letters where template = 'not-yet'`);
  expect(rows[0]).toMatchObject({ dead_at: null, last_error: 'the letter could not be written' });
});

test('the sender is what SMTP_URL says, where it says it', async () => {
  await enqueueLetter(pool, { to, letter: aLetter() });
  dispatch({}, transportTo(`${mail.url}?from=portal@northmoor.example`));
  await sent();
  expect(header(mail.received[0] ?? '', 'From')).toBe(`${brand} <portal@northmoor.example>`);
});

test('old letters are swept, whatever became of them', async () => {
  await enqueueLetter(pool, { to, letter: aLetter() });
  await enqueueLetter(pool, { to: 'new@example.com', letter: aLetter() });
  await pool.query(
    `update letters set created_at = now() - interval '31 days' where recipient = $1`,
    [to],
  );
  await deleteOldLetters(pool, 30);
  expect((await pool.query('select recipient from letters')).rows).toEqual([
    { recipient: 'new@example.com' },
  ]);
});
