import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

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
  await neverSleeping(() => underWay > 0);
  for (const { socket } of lines) socket.destroy();
  return measured;
}

const neverSleeping = (isBusy: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const turn = () => (isBusy() ? setImmediate(turn) : resolve());
    turn();
  });

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
  const room = Buffer.alloc(64 * 1024);
  let came = 0;
  const onread = {
    buffer: () => (came === 0 ? room : room.subarray(came)),
    callback(bytes: number) {
      came += bytes;
      if (!isWhole(room, came)) return true;
      came = 0;
      answered(line, statusOf(room));
      return true;
    },
  };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
  const line = { socket, began: 0 };
  await once(socket, 'connect');
  socket.once('end', () => socket.destroy(new Error('the server broke off a connection')));
  return line;
}

const endOfHead = Buffer.from('\r\n\r\n');
const either = (header: string): Buffer[] =>
  [header, header.toLowerCase()].map((name) => Buffer.from(`\r\n${name}`));
const contentLength = either('Content-Length: ');
const chunked = either('Transfer-Encoding: chunked');
const lastChunk = Buffer.from('\r\n0\r\n\r\n');

/** Read in place: texts made of each answer would keep the caller busy with collecting them. */
function isWhole(room: Buffer, came: number): boolean {
  const end = room.indexOf(endOfHead) + endOfHead.length;
  if (end < endOfHead.length || end > came) return false; // what stood there before does not count
  const length = behind(contentLength, room, end);
  if (length > 0) return came >= end + numberAt(room, length);
  if (behind(chunked, room, end) === 0) return true;
  return room.subarray(0, came).subarray(-lastChunk.length).equals(lastChunk);
}

/** Where in the head something stands behind this; 0: it is not there. */
function behind(names: readonly Buffer[], room: Buffer, end: number): number {
  for (const name of names) {
    const at = room.indexOf(name);
    if (at >= 0 && at < end) return at + name.length;
  }
  return 0;
}

const zero = '0'.charCodeAt(0);

function numberAt(room: Buffer, at: number): number {
  let number = 0;
  for (let index = at; ; index += 1) {
    const digit = room.readUInt8(index) - zero;
    if (digit < 0 || digit > 9) return number;
    number = number * 10 + digit;
  }
}

const statusOf = (room: Buffer): number => numberAt(room, 'HTTP/1.1 '.length);

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
