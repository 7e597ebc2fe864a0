import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export type Statements = {
  /** The database by way of the counter. */
  url: string;
  /** How often each statement came since the last call, by its first words. */
  taken(): Map<string, number>;
  close(): Promise<void>;
};

/**
 * Stands between a server and its PostgreSQL and counts what passes: simple queries, and executions
 * of prepared ones (PostgreSQL's protocol 3.0, messages Query, Parse and Execute).
 */
export async function countStatements(databaseUrl: string): Promise<Statements> {
  const target = new URL(databaseUrl);
  let counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(Number(target.port || 5432), target.hostname);
    const count = createReader((text) => counts.set(text, (counts.get(text) ?? 0) + 1));
    for (const one of [client, database]) {
      sockets.add(one.setNoDelay(true));
      one
        .on('error', () => {})
        .once('close', () => {
          sockets.delete(one);
          client.destroy();
          database.destroy();
        });
    }
    client.on('data', count);
    client.pipe(database);
    database.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    taken() {
      const taken = counts;
      counts = new Map();
      return taken;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads what one client says; the first message has no letter in front. */
function createReader(executed: (statement: string) => void): (part: Buffer) => void {
  let rest = Buffer.alloc(0);
  let started = false;
  let parsed = '';
  return (part) => {
    rest = Buffer.concat([rest, part]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return;
      const letter = started ? String.fromCharCode(rest[0] ?? 0) : '';
      const body = rest.subarray(head + 4, end);
      if (letter === 'Q') executed(firstWords(body.toString('utf8')));
      if (letter === 'P') parsed = firstWords(body.subarray(body.indexOf(0) + 1).toString('utf8'));
      if (letter === 'E') executed(parsed);
      started = true;
      rest = rest.subarray(end);
    }
  };
}

const firstWords = (text: string): string =>
  (text.split('\0', 1)[0] ?? '').trim().replaceAll(/\s+/g, ' ').slice(0, 60);
