import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import type { Browser } from '../support/flow.ts';
import type { TestServer } from '../support/server.ts';
import { signInAs } from './profile-support.ts';

/** A server of bytes on loopback: what it was sent, and what it answers with. */
export type Wire = { port: number; received: string[]; close(): Promise<void> };

/** `answer` is given the request once its header block is there. */
export async function aWire(
  answer: string | ((socket: Socket, request: string) => void),
): Promise<Wire> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    let answered = false;
    socket.on('error', () => {});
    socket.on('data', (part) => {
      text += part.toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      const end = text.indexOf('\r\n\r\n');
      if (answered || end < 0 || text.length < end + 4 + length) return;
      answered = true;
      received.push(text);
      if (typeof answer === 'string') socket.end(answer);
      else answer(socket, text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const httpAnswer = (status: string, headers: string[], body = ''): string =>
  [
    `HTTP/1.1 ${status}`,
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');

export type Told = { status: number; body: Record<string, unknown> };

/** Somebody's console, as its script talks to us. */
export type Console = {
  browser: Browser;
  /** Sends a form with the token of this browser, unless another is given. */
  post(
    path: string,
    fields?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Told>;
};

export async function aConsole(
  server: TestServer,
  email: string,
  given: { password?: string } = {},
): Promise<Console> {
  return consoleIn(server, await signInAs(server, email, given));
}

export async function consoleIn(server: TestServer, browser: Browser): Promise<Console> {
  const page = await browser.open(`${server.baseUrl}/profile`);
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  return {
    browser,
    async post(path, fields = {}, headers = {}) {
      const answer = await browser.open(`${server.baseUrl}${path}`, {
        method: 'POST',
        body: new URLSearchParams({ csrf, ...fields }),
        headers: { accept: 'application/json', origin: server.baseUrl, ...headers },
      });
      return { status: answer.status, body: answer.text ? JSON.parse(answer.text) : {} };
    },
  };
}
