import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** What lies between an instance and its database, and can be taken away. */
export type Link = {
  databaseUrl: string;
  /** Breaks what is connected, and refuses whoever comes. */
  cut(): void;
  /** Takes what is sent, and answers nothing. */
  hang(): void;
  mend(): void;
  close(): Promise<void>;
};

export async function aLink(databaseUrl: string): Promise<Link> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let state: 'up' | 'cut' | 'hanging' = 'up';
  const server = createServer((from) => {
    if (state === 'cut') return from.destroy();
    const to = connect(Number(target.port || 5432), target.hostname);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('data', (part) => {
        if (state === 'up') other.write(part);
      });
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const there = new URL(databaseUrl);
  there.hostname = '127.0.0.1';
  there.port = String((server.address() as AddressInfo).port);
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    databaseUrl: there.href,
    cut() {
      state = 'cut';
      breakAll();
    },
    hang() {
      state = 'hanging';
    },
    mend() {
      if (state === 'hanging') breakAll(); // what was swallowed does not come back
      state = 'up';
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
