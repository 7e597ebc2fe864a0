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

/**
 * Keeps `connections` requests under way, as a gateway's keep-alive connections would. On bare
 * sockets, so that what is measured is the server and not a client.
 */
export async function load({ port, requests, connections, seconds }: Load): Promise<Measured> {
  const measured: Measured = { count: 0, statuses: new Map(), latencies: [] };
  const until = performance.now() + seconds * 1000;
  const next = (): Buffer => {
    const request = requests[Math.floor(Math.random() * requests.length)];
    if (!request) throw new Error('there is nothing to send');
    return request;
  };
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1').setNoDelay(true);
      socket.once('error', reject);
      readAnswers(socket, (status, began) => {
        const now = performance.now();
        measured.count += 1;
        measured.statuses.set(status, (measured.statuses.get(status) ?? 0) + 1);
        measured.latencies.push((now - began) * 1000);
        if (now < until) return next();
        socket.end();
        resolve();
        return undefined;
      });
      socket.once('connect', () => socket.write(next()));
    });
  await Promise.all(Array.from({ length: connections }, one));
  return measured;
}

/** Calls `answered` for each whole answer, and sends what it gives. */
function readAnswers(
  socket: Socket,
  answered: (status: number, began: number) => Buffer | undefined,
): void {
  let came = '';
  let began = performance.now();
  socket.setEncoding('latin1');
  socket.on('data', (part: string) => {
    came += part;
    if (!isWhole(came)) return;
    const status = Number(came.slice(9, 12));
    came = '';
    const request = answered(status, began);
    began = performance.now();
    if (request) socket.write(request);
  });
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
