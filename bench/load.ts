import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

export type Load = {
  port: number;
  /** Whole requests as they go over the wire; one at random is sent at a time on each connection. */
  requests: readonly Buffer[];
  connections: number;
  seconds: number;
};

export type Measured = {
  /** Answers that came. */
  count: number;
  /** How often each status came. */
  statuses: Map<number, number>;
  /** In microseconds, from the first byte out to the last byte in; unsorted. */
  latencies: number[];
};

/** One keep-alive connection, and when what is under way on it was sent. */
type Line = { socket: Socket; began: number };

/**
 * Keeps `connections` requests under way, as a gateway's keep-alive connections would, on bare sockets,
 * so that what is measured is the server and not a client. It never sleeps: whoever writes to a process
 * that does must wake it, which costs the writer microseconds, and a quick server's caller never gets to
 * sleep.
 */
export async function load({ port, requests, connections, seconds }: Load): Promise<Measured> {
  const measured: Measured = { count: 0, statuses: new Map(), latencies: [] };
  let underWay = 0;
  let until = Number.POSITIVE_INFINITY;

  function send(line: Line): void {
    underWay += 1;
    line.began = performance.now();
    line.socket.write(oneOf(requests));
  }
  function answered(line: Line, status: number): void {
    const now = performance.now();
    underWay -= 1;
    measured.count += 1;
    measured.statuses.set(status, (measured.statuses.get(status) ?? 0) + 1);
    measured.latencies.push((now - line.began) * 1000);
    if (now < until) send(line);
  }

  const opening = Array.from({ length: connections }, () => openLine(port, answered));
  const lines = await Promise.all(opening);
  until = performance.now() + seconds * 1000;
  for (const line of lines) send(line);
  while (underWay > 0) await nextTurn();
  for (const { socket } of lines) socket.destroy();
  return measured;
}

function oneOf(requests: readonly Buffer[]): Buffer {
  const request = requests[Math.floor(Math.random() * requests.length)];
  if (!request) throw new Error('there is nothing to send');
  return request;
}

/** @throws {Error} where the server takes no connection; one that it breaks off ends the bench. */
async function openLine(
  port: number,
  answered: (line: Line, status: number) => void,
): Promise<Line> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
  const line = { socket, began: 0 };
  let came = '';
  socket.on('data', (part: string) => {
    came += part;
    if (!isWhole(came)) return;
    const status = Number(came.slice(9, 12));
    came = '';
    answered(line, status);
  });
  await once(socket, 'connect');
  socket.once('end', () => socket.destroy(new Error('the server broke off a connection')));
  return line;
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return (
    !/\r\ntransfer-encoding: chunked/i.test(text.slice(0, end)) || text.endsWith('\r\n0\r\n\r\n')
  );
}

/** A request as it goes over the wire, as a proxy of the server would send it on. */
export const written = (path: string, headers: Record<string, string> = {}): Buffer =>
  Buffer.from(
    [
      `GET ${path} HTTP/1.1`,
      ...Object.entries({ ...publicName, ...headers }).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  );

/** Where callers believe the server to be. */
export const publicUrl = 'https://sandgate.example';
const publicName = { Host: 'sandgate.example', 'X-Forwarded-Proto': 'https' };
