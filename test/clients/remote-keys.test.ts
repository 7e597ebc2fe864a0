import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isPublicAddress } from '../../src/base/outside.ts';
import { createKeysAt } from '../../src/clients/remote-keys.ts';
import { FetchFailed, fetchText } from '../../src/clients/safe-fetch.ts';

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server on loopback; answers its address. */
async function serving(answer: RequestListener, host = '127.0.0.1'): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
}

const key = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
});
const rules = { loopback: true, timeout: 300 };
const nobody = 'No server of the public Internet answers to this address.';
const refusal = async (address: string, given = rules): Promise<string> => {
  const error = await fetchText(address, given).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(FetchFailed);
  return (error as Error).message;
};

describe('fetching from an address that somebody gave', () => {
  test('what stands there comes back', async () => {
    const address = await serving((_, answer) => answer.end('hello'));
    expect(await fetchText(address, rules)).toBe('hello');
  });

  test.each<[what: string, answer: RequestListener, words: string]>([
    [
      'a redirect',
      (_, a) => a.writeHead(302, { location: 'https://elsewhere.example' }).end(),
      '302',
    ],
    ['an error', (_, a) => a.writeHead(500).end('{}'), '500'],
    ['no answer', () => {}, 'longer than 0.3 seconds'],
    [
      'an answer that never ends',
      (_, a) => {
        a.write('{');
        const timer = setInterval(() => a.write(' '), 20);
        a.on('close', () => clearInterval(timer));
      },
      'longer than 0.3 seconds',
    ],
    ['a huge answer', (_, a) => a.end('x'.repeat(65_537)), 'larger than 64 kB'],
    ['a connection that breaks', (_, a) => a.destroy(), 'could not be reached'],
  ])('%s is refused in words', async (_, answer, words) => {
    expect(await refusal(await serving(answer))).toContain(words);
  });

  test('64 kB are not too large', async () => {
    const address = await serving((_, answer) => answer.end('x'.repeat(65_536)));
    expect((await fetchText(address, rules)).length).toBe(65_536);
  });

  test.each([
    'https://127.0.0.1/jwks.json',
    'https://127.1/jwks.json',
    'https://2130706433/jwks.json',
    'https://0x7f000001/jwks.json',
    'https://[::1]/jwks.json',
    'https://[::ffff:127.0.0.1]/jwks.json',
    'https://10.0.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fd00:ec2::254]/',
    'https://localhost/jwks.json',
  ])('%s is not outside, and nothing is sent there', async (address) => {
    expect(await refusal(address, { loopback: false, timeout: 1000 })).toBe(nobody);
  });

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.8.8.8',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.7',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'localhost',
    '',
  ])('%s is inside', (address) => expect(isPublicAddress(address)).toBe(false));

  test.each([
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is outside', (address) => expect(isPublicAddress(address)).toBe(true));
});

describe('keys at an address', () => {
  /** A key set that a test can exchange, a clock it can move, and how often it was asked. */
  const team = 'tm_1';
  async function place() {
    const state = { keys: [key('first')] as object[], status: 200, asked: 0, time: Date.now() };
    const address = await serving((_, answer) => {
      state.asked += 1;
      answer.writeHead(state.status).end(JSON.stringify({ keys: state.keys }));
    });
    const keysAt = createKeysAt({ loopback: true }, { now: () => state.time });
    const kids = async (kid?: string) =>
      (await keysAt(address, { team, kid })).keys.map((one) => one.kid);
    return { state, address, keysAt, kids };
  }

  test('are fetched once for all who ask at once, and kept for a while', async () => {
    const { state, kids } = await place();
    const all = await Promise.all(Array.from({ length: 20 }, () => kids('first')));
    expect(all).toEqual(Array(20).fill(['first']));
    expect(state.asked).toBe(1);
    state.time += 4 * 60_000;
    await kids('first');
    expect(state.asked).toBe(1);
  });

  test('a new key is found when somebody signs with it, looked for once a minute', async () => {
    const { state, kids } = await place();
    await kids('first');
    state.keys = [key('second')];
    expect(await kids('second')).toEqual(['first']);
    expect(state.asked).toBe(1);
    state.time += 60_000;
    expect(await kids('second')).toEqual(['second']);
    expect(state.asked).toBe(2);
    for (let n = 0; n < 5; n += 1) await kids('never there');
    expect(state.asked).toBe(2);
  });

  test('a key that was taken away is forgotten after five minutes', async () => {
    const { state, kids } = await place();
    await kids('first');
    state.keys = [key('second')];
    state.time += 5 * 60_000;
    expect(await kids('first')).toEqual(['second']);
  });

  test('keys outlive a failure for a quarter of an hour, and then no longer', async () => {
    const { state, address, keysAt } = await place();
    await keysAt(address, { team });
    state.status = 503;
    state.time += 5 * 60_000;
    const during = await keysAt(address, { team });
    expect([during.keys.length, during.fault]).toEqual([1, 'The server answered 503, not 200.']);
    state.time += 10 * 60_000;
    expect((await keysAt(address, { team })).keys).toEqual([]);
    state.status = 200;
    state.time += 10_000;
    expect(await keysAt(address, { team })).toMatchObject({
      keys: [{ kid: 'first' }],
      fault: undefined,
    });
  });

  test('what is no key set is said in words, and is asked for again after ten seconds', async () => {
    let asked = 0;
    const address = await serving((_, answer) => {
      asked += 1;
      answer.end('<html>');
    });
    let time = Date.now();
    const keysAt = createKeysAt({ loopback: true }, { now: () => time });
    expect((await keysAt(address, { team })).fault).toContain('not a key set');
    await keysAt(address, { team });
    expect(asked).toBe(1);
    time += 10_000;
    await keysAt(address, { team });
    expect(asked).toBe(2);
  });
});
