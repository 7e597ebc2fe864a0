import type { LookupAddress } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { Resolve } from '../../src/base/outside.ts';
import { CallFailed, call } from '../../src/portal/relay-call.ts';
import { answerShown, maskOf, requestShown } from '../../src/portal/relay-exchange.ts';
import { relayReach, relayResolve } from '../../src/portal/relay-reach.ts';
import { Refused } from '../../src/portal/relay-refusal.ts';
import { relayRequest, type Wanted } from '../../src/portal/relay-request.ts';
import { aWire, httpAnswer, type Wire } from './console-support.ts';

const plain: Wanted = {
  method: 'GET',
  path: '/Patient/NM-0007',
  query: '',
  headers: '',
  body: '',
};
const requestOf = (wanted: Partial<Wanted> = {}, base = 'https://api.example/fhir') =>
  relayRequest(base, { ...plain, ...wanted }, []);

/** A name server of the test's own: no question leaves the machine. */
const answering =
  (...addresses: string[]): Resolve =>
  (_hostname, _options, answer) =>
    answer(
      null,
      addresses.map(
        (address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }),
      ),
    );

const refusalOf = async (deed: () => unknown): Promise<string> => {
  try {
    await deed();
  } catch (error) {
    if (error instanceof Refused || error instanceof CallFailed) return error.code;
    throw error;
  }
  return 'nothing';
};

describe('a request of the relay', () => {
  test('goes to exactly the path and query that were typed, below the base URL', () => {
    const { url } = requestOf({ path: '/Patient/a%20b', query: 'name=Va%C3%AFl&_count=2' });
    expect(url.href).toBe('https://api.example/fhir/Patient/a%20b?name=Va%C3%AFl&_count=2');
    expect(requestOf({ path: '' }, 'https://api.example/').url.href).toBe('https://api.example/');
    expect(requestOf({ path: '/a' }, 'https://api.example/x/').url.href).toBe(
      'https://api.example/x/a',
    );
  });

  test.each([
    ['goes up', '/../admin'],
    ['goes up, at its end', '/Patient/..'],
    ['goes up, encoded', '/%2e%2e/admin'],
    ['goes up, half encoded', '/.%2E/admin'],
    ['goes up, encoded twice', '/%252e%252e/admin'],
    ['goes up, with a parameter', '/..;x=1/admin'],
    ['stays where it is', '/./admin'],
    ['has an empty part', '//evil.example/a'],
    ['has an empty part in the middle', '/a//b'],
    ['hides a slash', '/a%2fb'],
    ['hides a slash twice', '/a%252Fb'],
    ['hides a backslash', '/a%5c..%5cb'],
    ['has a backslash', '/a\\b'],
    ['names another host', '@evil.example/a'],
    ['names another port', ':81/a'],
    ['continues the host', '.evil.example/a'],
    ['breaks the line', '/a\r\nhost: evil.example'],
    ['breaks the line, encoded', '/a%0d%0ahost:evil'],
    ['holds a NUL', '/a%00b'],
    ['holds a space', '/a b'],
    ['begins a query', '/a?b'],
    ['begins a fragment', '/a#b'],
    ['is not text', '/%ff'],
    ['is cut', '/%f'],
    ['never ends being encoded', '/%25252525252e'],
  ])('whose path %s is refused', async (_what, path) => {
    expect(await refusalOf(() => requestOf({ path }))).toBe('path');
  });

  test.each([
    ['a fragment', 'a=1#b', 'query'],
    ['a line break', 'a=1\r\nx: y', 'query'],
    ['a letter that is not encoded', 'a=ü', 'query'],
    ['more than we send', `a=${'x'.repeat(8192)}`, 'too_long'],
  ])('whose query has %s is refused', async (_what, query, code) => {
    expect(await refusalOf(() => requestOf({ query }))).toBe(code);
  });

  test.each([
    ['Host: evil.example'],
    ['Cookie: a=b'],
    ['Connection: upgrade'],
    ['Transfer-Encoding: chunked'],
    ['Content-Length: 3'],
    ['Upgrade: h2c'],
    ['TE: trailers'],
    ['Expect: 100-continue'],
    ['Proxy-Authorization: Basic x'],
    ['X-Forwarded-For: 127.0.0.1'],
    ['x-forwarded-host: evil.example'],
    ['Forwarded: for=127.0.0.1'],
    ['X-Real-IP: 127.0.0.1'],
    ['X-Original-URL: /admin'],
    ['Authorization: Bearer x'],
    ['Ocp-Apim-Subscription-Key: x'],
    ['X-A: b\rX-C: d'],
    ['X-A : b'],
    [' X-A: b'],
    ['X-A'],
    [': b'],
    ['X-A: \u{1f600}'],
    ['X-A: \u0000'],
  ])('does not carry the header %j', async (headers) => {
    const secrets: [string, string][] = [['ocp-apim-subscription-key', 'the key']];
    const deed = () => relayRequest('https://api.example', { ...plain, headers }, secrets);
    expect(await refusalOf(deed)).toBe('header');
  });

  test('has one of the usual methods, and a body and headers of a size that people type', async () => {
    expect(await refusalOf(() => requestOf({ method: 'CONNECT' }))).toBe('method');
    expect(await refusalOf(() => requestOf({ method: 'get' }))).toBe('method');
    const megabyte = 'x'.repeat(1024 * 1024);
    expect(requestOf({ method: 'POST', body: megabyte }).body).toHaveLength(1024 * 1024);
    expect(await refusalOf(() => requestOf({ method: 'POST', body: `${megabyte}x` }))).toBe(
      'body_too_large',
    );
    const many = Array.from({ length: 51 }, (_, at) => `x-${at}: y`).join('\n');
    expect(await refusalOf(() => requestOf({ headers: many }))).toBe('headers_too_large');
  });
});

describe('a call of the relay', () => {
  const wires: Wire[] = [];
  const wire = async (answer: Parameters<typeof aWire>[0]): Promise<Wire> => {
    const one = await aWire(answer);
    wires.push(one);
    return one;
  };
  afterAll(() => Promise.all(wires.map((one) => one.close())));
  const allowed = relayReach({ allowed: ['127.0.0.1'], baseUrl: 'https://portal.example' });

  test('is on the wire what the page shows, but for the secrets, to the byte', async () => {
    const there = await wire(
      httpAnswer('200 Fine', ['X-Kept: Case', 'content-type: text/plain'], 'hi'),
    );
    const secrets: [string, string][] = [
      ['authorization', 'Bearer eyJhbGciOi.aaaa.bbbbcccc'],
      ['ocp-apim-subscription-key', 'sg_test_0123456789'],
    ];
    const wanted = {
      ...plain,
      method: 'POST',
      query: "a='b'",
      headers: 'X-A: 1\nX-A: 2',
      body: '{"ü":1}',
    };
    const request = relayRequest(`http://127.0.0.1:${there.port}/fhir`, wanted, secrets);
    const answer = await call(request, { mayReach: allowed });

    const shown = requestShown(request, [
      { header: 'authorization', secret: 'eyJhbGciOi.aaaa.bbbbcccc' },
      { header: 'ocp-apim-subscription-key', secret: 'sg_test_0123456789' },
    ]);
    expect(JSON.stringify(shown)).not.toMatch(/aaaa|0123456/);
    const lines = [
      `${shown.method} ${shown.target} HTTP/1.1`,
      ...shown.headers.map(([name, value]) => `${name}: ${value}`),
    ].join('\r\n');
    const received = Buffer.from(there.received[0] ?? '', 'latin1').toString('utf8');
    expect(`${lines}\r\n\r\n${shown.body}`).toBe(
      received
        .replace('eyJhbGciOi.aaaa.bbbbcccc', maskOf('eyJhbGciOi.aaaa.bbbbcccc'))
        .replace('sg_test_0123456789', maskOf('sg_test_0123456789')),
    );
    expect(answer).toMatchObject({ version: '1.1', status: 200, statusText: 'Fine', cut: false });
    expect(answer.headers).toContainEqual(['X-Kept', 'Case']);
    expect(answer.body.toString()).toBe('hi');
  });

  test('shows no secret that comes back in the status line or as a header’s name', async () => {
    const secret = 'sg_test_0123456789abcdef';
    const there = await wire(httpAnswer(`403 No ${secret}`, [`${secret}: a`, `x-a: ${secret}`]));
    const request = relayRequest(`http://127.0.0.1:${there.port}`, plain, [['x-key', secret]]);
    const answer = await call(request, { mayReach: allowed });
    expect(JSON.stringify(answerShown(answer, [secret]))).not.toContain(secret);
  });

  test('follows no redirect: that is an answer', async () => {
    const elsewhere = await wire(httpAnswer('200 OK', []));
    const there = await wire(
      httpAnswer('302 Found', [`location: http://127.0.0.1:${elsewhere.port}/secret`]),
    );
    const request = relayRequest(`http://127.0.0.1:${there.port}`, plain, []);
    expect(await call(request, { mayReach: allowed })).toMatchObject({ status: 302 });
    expect(elsewhere.received).toEqual([]);
  });

  const mayReach = relayReach({ allowed: [], baseUrl: 'https://portal.example' });

  test.each([
    ['127.0.0.1'],
    ['10.1.2.3'],
    ['169.254.169.254'],
    ['192.168.1.1'],
    ['::1'],
    ['fd00::1'],
    ['::ffff:127.0.0.1'],
    ['fe80::1'],
    ['0.0.0.0'],
  ])('does not go where the name leads inside, to %s', async (address) => {
    const there = await wire(httpAnswer('200 OK', []));
    for (const addresses of [[address], ['93.184.216.34', address]]) {
      const request = requestOf({}, `http://api.example:${there.port}`);
      const rules = { mayReach, resolve: answering(...addresses) };
      expect(await refusalOf(() => call(request, rules))).toBe('inside');
    }
    expect(there.received).toEqual([]);
  });

  test.each([
    ['http://127.0.0.1:1'],
    ['http://[::1]:1'],
    ['http://[::ffff:127.0.0.1]:1'],
    ['http://2130706433:1'],
    ['http://0x7f.1:1'],
    ['http://169.254.169.254'],
    ['https://10.0.0.1'],
  ])('does not go to %s', async (base) => {
    expect(await refusalOf(() => call(requestOf({}, base), { mayReach }))).toBe('inside');
  });

  test('goes inside where the operator allowed the host or the network, and nowhere else', () => {
    const reach = relayReach({
      allowed: ['api.internal', '10.1.0.0/16', 'fd00::/8'],
      baseUrl: 'http://localhost:3000',
    });
    const to = (ip: string, address = 'https://other.example') => reach(ip, new URL(address));
    expect(to('10.1.2.3')).toBe(true);
    expect(to('10.2.2.3')).toBe(false);
    expect(to('fd12::1')).toBe(true);
    expect(to('192.168.0.9', 'https://api.internal/x')).toBe(true);
    expect(to('192.168.0.9', 'https://api.internal.evil.example')).toBe(false);
    expect(to('127.0.0.1', 'http://localhost:3000/sandbox-api')).toBe(true); // our own sample API
    expect(to('127.0.0.1', 'http://localhost:5432')).toBe(false);
    expect(to('10.9.9.9', 'http://localhost:3000')).toBe(false);
    expect(mayReach('127.0.0.1', new URL('https://portal.example'))).toBe(false);
  });

  test('reads five megabytes of an answer, and says that there was more', async () => {
    const there = await wire((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n');
      const more = () => {
        while (socket.writable && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', more);
      more();
    });
    const request = relayRequest(`http://127.0.0.1:${there.port}`, plain, []);
    const answer = await call(request, { mayReach: allowed });
    expect(answer.cut).toBe(true);
    expect(answer.body).toHaveLength(5 * 1024 * 1024);
  });

  test('waits so long for an answer to begin, and so long for all of it', async () => {
    const patience = { first: 100, whole: 300 };
    const silent = await wire(() => {});
    const drip = await wire((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const drops = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(drops));
    });
    for (const [{ port }, most] of [
      [silent, 280],
      [drip, 1000],
    ] as const) {
      const began = performance.now();
      const request = relayRequest(`http://127.0.0.1:${port}`, plain, []);
      expect(await refusalOf(() => call(request, { mayReach: allowed, patience }))).toBe(
        'too_slow',
      );
      expect(performance.now() - began).toBeLessThan(most);
    }
  });

  test('that nobody answers says why', async () => {
    const gone = await aWire('');
    await gone.close();
    const request = relayRequest(`http://127.0.0.1:${gone.port}`, plain, []);
    await expect(call(request, { mayReach: allowed })).rejects.toThrow('Nothing listens');
  });
});

describe('an answer as the page shows it', () => {
  const shown = (type: string, body: Buffer | string, more: [string, string][] = []) =>
    answerShown(
      {
        version: '1.1',
        status: 200,
        statusText: 'OK',
        headers: [['Content-Type', type], ...more],
        body: Buffer.from(body as string),
        cut: false,
      },
      ['sg_test_0123456789'],
    );

  test('is text where it is text, and base64 where it is not', () => {
    expect(shown('application/fhir+json; charset=utf-8', '{"a":"ü"}')).toMatchObject({
      text: '{"a":"ü"}',
      base64: null,
    });
    expect(shown('text/plain; charset=iso-8859-1', Buffer.from([0xfc]))).toMatchObject({
      text: 'ü',
    });
    expect(shown('image/png', Buffer.from([1, 2]))).toMatchObject({ text: null, base64: 'AQI=' });
    expect(shown('', Buffer.from([0xff]))).toMatchObject({ text: null });
    expect(shown('application/json', 'x', [['content-encoding', 'gzip']])).toMatchObject({
      text: null,
    });
  });

  test('says no key back', () => {
    const answer = shown('text/plain', 'you sent sg_test_0123456789', [
      ['x-echo', 'sg_test_0123456789'],
    ]);
    expect(JSON.stringify(answer)).not.toContain('0123456789');
    expect(answer?.text).toBe('you sent ******************');
  });
});

/** One that stands there for this machine, and that no name server is asked for. */
const inHostsFile = readFileSync('/etc/hosts', 'utf8')
  .split('\n')
  .filter((line) => /^127\.\d/.test(line))
  .flatMap((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(1))
  .find((name) => /^[a-z0-9.-]+$/.test(name) && !/(^|\.)localhost$/.test(name));

describe('a host that stands in the hosts file only', () => {
  const resolve = relayResolve(['API.internal', String(inHostsFile)], answering('192.0.2.7'));
  const found = (host: string) =>
    new Promise<string[]>((done) =>
      resolve(host, { all: true }, (_error, addresses) =>
        done(addresses.map(({ address }) => address)),
      ),
    );

  (inHostsFile ? test : test.skip)('is found where the operator allowed it by name', async () => {
    expect(await found(String(inHostsFile))).toContainEqual(expect.stringMatching(/^127\./));
    expect(await found('elsewhere.example')).toEqual(['192.0.2.7']); // by name servers, as all others
    expect(await found('api.localhost')).toEqual(['192.0.2.7']);
  });
});
