import type { AddressInfo, Socket } from 'node:net';
import type pg from 'pg';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { createLogger } from '../../src/base/log.ts';
import { createDispatcher, type Dispatcher, type Settings } from '../../src/mail/dispatcher.ts';
import type { Letter } from '../../src/mail/letter.ts';
import { createTransport, type Send, senderOf } from '../../src/mail/transport.ts';

export const brand = 'Northmoor Shared Care Record';
export const baseUrl = 'https://login.northmoor.example';
export const token = 'Zk3u9QhT2mXwB7pLr5NvYc4aZk3u9QhT';

export const aLetter = (given: { name?: string } = {}): Letter => ({
  template: 'verify-email',
  data: {
    name: 'Priya Nair',
    link: `${baseUrl}/verify/${token}`,
    code: '482915',
    hours: 24,
    ...given,
  },
});

export type MailServer = {
  url: string;
  /** Every message that came whole, as it came, whether or not it was accepted. */
  received: string[];
  /** What is answered after a message. */
  afterData: (message: string, session: string) => Error | undefined;
  afterRcpt: (address: string) => Error | undefined;
  /** Ends every connection without a word. */
  cut(): void;
  close(): Promise<void>;
};

/** A reply that is not 250. */
export const reply = (responseCode: number, words: string): Error =>
  Object.assign(new Error(words), { responseCode });

/** Real SMTP on loopback. */
export async function startMailServer(
  given: SMTPServerOptions & { port?: number } = {},
): Promise<MailServer> {
  const { port = 0, ...options } = given;
  const server = new SMTPServer({
    authOptional: true,
    closeTimeout: 50, // milliseconds
    logger: false,
    onRcptTo: ({ address }, _session, done) => done(mail.afterRcpt(address)),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const message = Buffer.concat(chunks).toString('latin1');
        mail.received.push(message);
        done(mail.afterData(message, session.id));
      });
    },
    ...options,
  });
  server.on('error', () => {}); // connections that break are what some tests are about
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.server.address() as AddressInfo;
  const connections = (server as unknown as { connections: Set<{ _socket: Socket }> }).connections;
  const mail: MailServer = {
    url: `smtp://127.0.0.1:${address.port}`,
    received: [],
    afterData: () => undefined,
    afterRcpt: () => undefined,
    cut() {
      for (const { _socket } of connections) _socket.destroy();
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
  return mail;
}

/** A transport that soon loses patience. */
export const transportTo = (url: string): Send =>
  createTransport(url, {
    from: senderOf(url, { brand, baseUrl }),
    timeouts: { connect: 1_000, greeting: 500, silence: 500, whole: 3_000 },
  });

/** One that looks often, and tries again at once. */
export const quickDispatcher = (
  pool: pg.Pool,
  send: Send,
  settings: Partial<Settings> = {},
): Dispatcher =>
  createDispatcher({
    pool,
    send,
    brand,
    baseUrl,
    log: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
    settings: { every: 30, firstWait: 0.05, longestWait: 0.1, ...settings },
  });

/** Waits until `check` says something, and says it too. */
export async function eventually<T>(
  check: () => Promise<T | undefined | false> | T | undefined | false,
  within = 8_000, // milliseconds
): Promise<T> {
  const end = Date.now() + within;
  while (Date.now() < end) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not come to pass in time');
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Without the folding of header lines and of quoted-printable. */
export const unfolded = (message: string): string =>
  message
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\r\n[ \t]+/g, ' ');

export const header = (message: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'im')
    .exec(unfolded(message.split('\r\n\r\n')[0] ?? ''))?.[1]
    ?.trim();
