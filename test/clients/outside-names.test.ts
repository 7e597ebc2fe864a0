import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import { type Resolve, resolverOf } from '../../src/base/outside.ts';
import { createFetchLine } from '../../src/clients/fetch-line.ts';
import { FetchFailed, fetchText } from '../../src/clients/safe-fetch.ts';

const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.close();
});

/** A name server on loopback that answers by the name asked for, or, with undefined, never. */
async function nameServer(answer: (name: string) => 'none' | string | undefined) {
  const socket = createSocket('udp4');
  sockets.push(socket);
  const asked: string[] = [];
  socket.on('message', (question, { port, address }) => {
    const end = question.indexOf(0, 12) + 5; // the name, its kind and its class
    const name = question.subarray(13, end - 5).toString('latin1');
    asked.push(name);
    const ip = answer(name);
    if (ip === undefined) return;
    const found = ip !== 'none' && question.readUInt16BE(end - 4) === 1;
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(ip === 'none' ? 0x8183 : 0x8180, 2); // NXDOMAIN, or an answer
    head.writeUInt16BE(found ? 1 : 0, 6);
    head.fill(0, 8);
    const record = Buffer.from([
      0xc0,
      12,
      0,
      1,
      0,
      1,
      0,
      0,
      0,
      60,
      0,
      4,
      ...ip.split('.').map(Number),
    ]);
    const parts = [head, question.subarray(12, end), ...(found ? [record] : [])];
    socket.send(Buffer.concat(parts), port, address);
  });
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  const resolve = resolverOf([`127.0.0.1:${(socket.address() as AddressInfo).port}`]);
  return { resolve, asked };
}

const failure = (address: string, resolve: Resolve): Promise<unknown> =>
  fetchText(address, { loopback: false, resolve }).catch((error) => error);

test('names whose servers never answer hold up nobody else’s', async () => {
  const { resolve, asked } = await nameServer(() => undefined);
  const begun = Date.now();
  const all = Array.from({ length: 40 }, (_, n) =>
    failure(`https://k${n}.slow.example/jwks`, resolve),
  );
  await new Promise((done) => setTimeout(done, 100));
  const before = Date.now();
  expect((await lookup('localhost')).address).toBeTruthy(); // through the threads of the process
  expect(Date.now() - before).toBeLessThan(500);
  for (const error of await Promise.all(all)) expect(error).toBeInstanceOf(FetchFailed);
  expect(Date.now() - begun).toBeLessThan(3000);
  expect(new Set(asked).size).toBe(40);
});

test('of a name inside and of no name the same is said', async () => {
  const { resolve } = await nameServer((name) => (name.startsWith('vault') ? '10.1.2.3' : 'none'));
  const [inside, nobody] = await Promise.all(
    ['https://vault.corp.example/jwks', 'https://nowhere.corp.example/jwks'].map((address) =>
      failure(address, resolve),
    ),
  );
  expect((inside as Error).message).toBe(
    'No server of the public Internet answers to this address.',
  );
  expect((nobody as Error).message).toBe((inside as Error).message);
});

test('this machine is found without a name server', async () => {
  const { resolve, asked } = await nameServer(() => undefined);
  const found = await new Promise((done) =>
    resolve('localhost', { all: true }, (_, addresses) => done(addresses)),
  );
  expect(found).toEqual([
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
  expect(asked).toEqual([]);
});

describe('the line of fetches', () => {
  const bounds = { all: 3, ofTeam: 2, patience: 80 };

  test('no team has more than its share, and nobody waits for another’s slow addresses', async () => {
    const inLine = createFetchLine(bounds);
    const open: (() => void)[] = [];
    const begun: string[] = [];
    const slow = (name: string) => () => {
      begun.push(name);
      return new Promise<string>((done) => open.push(() => done(name)));
    };
    const all = ['a1', 'a2', 'a3', 'b1', 'b2'].map((name) =>
      inLine(name.charAt(0), slow(name)).catch((error: Error) => error.message),
    );
    expect(await Promise.race([all[3], Promise.resolve('waits')])).toBe('waits');
    expect(begun).toEqual(['a1', 'a2', 'b1']);
    open[0]?.();
    await all[0];
    await new Promise((done) => setTimeout(done, 10));
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3']);
    expect(await all[4]).toContain('try again soon');
    for (const done of open) done();
    expect(await Promise.all(all.slice(0, 4))).toEqual(['a1', 'a2', 'a3', 'b1']);
    expect(await inLine('b', async () => 'room again')).toBe('room again');
  });
});
