import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createConnection } from 'node:net';
import request from 'supertest';
import { health } from '../../src/http/health.ts';
import { hostGuard } from '../../src/http/host-guard.ts';
import { sameOrigin } from '../../src/http/same-origin.ts';
import { smallApp } from './app.ts';

const origin = 'http://auth.example';

describe('the one address that we answer under', () => {
  const app = (proxy = false) =>
    Object.assign(
      smallApp(
        (ctx) => {
          ctx.body = 'in';
        },
        {
          guards: [hostGuard({ origin }), health({ ready: async () => true })],
        },
      ),
      { proxy },
    );

  test.each([
    ['our own name', false, { host: 'auth.example' }, 200],
    ['a foreign name', false, { host: 'evil.example' }, 421],
    ['our name with a port', false, { host: 'auth.example:81' }, 421],
    ['our name behind someone else’s', false, { host: 'evil@auth.example' }, 421],
    ['no name', false, { host: '' }, 421],
    [
      'a forwarded name, without a proxy',
      false,
      { host: 'auth.example', 'x-forwarded-host': 'evil.example' },
      200,
    ],
    [
      'a forwarded foreign name',
      true,
      { host: 'auth.example', 'x-forwarded-host': 'evil.example' },
      421,
    ],
    [
      'a forwarded foreign scheme',
      true,
      { host: 'auth.example', 'x-forwarded-proto': 'https' },
      421,
    ],
    [
      'our name, forwarded',
      true,
      { host: 'in.ternal', 'x-forwarded-host': 'auth.example', 'x-forwarded-proto': 'http' },
      200,
    ],
    [
      'a foreign Origin beside our name',
      false,
      { host: 'auth.example', origin: 'https://evil.example' },
      200,
    ],
  ])('%s', async (_, proxy, headers, status) => {
    await request(app(proxy).callback()).get('/').set(headers).expect(status);
  });

  test('a probe may come by IP address', async () => {
    await request(app().callback()).get('/health/live').set('host', '10.0.0.7:8080').expect(200);
    await request(app().callback()).get('/health/ready').set('host', '10.0.0.7:8080').expect(200);
    await request(app().callback()).get('/health').set('host', '10.0.0.7:8080').expect(421);
  });

  test.each([
    'http://evil.example/',
    'http://auth.example/',
    'http://evil.example/health/live',
    'http://[::bad',
  ])('a request line that names a whole address is refused: %s', async (target) => {
    const server = app().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = createConnection(port, '127.0.0.1', () =>
        socket.write(`GET ${target} HTTP/1.1\r\nHost: auth.example\r\nConnection: close\r\n\r\n`),
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    server.close();
    expect(answer).toMatch(/^HTTP\/1\.1 421 /);
  });
});

describe('forms that another site sends', () => {
  const app = smallApp(
    (ctx) => {
      ctx.body = 'done';
    },
    { guards: [sameOrigin({ origin })] },
  );

  test.each([
    ['our own page, by a new browser', { 'sec-fetch-site': 'same-origin', origin }, 200],
    ['a person’s own doing', { 'sec-fetch-site': 'none' }, 200],
    ['our own page, by an old browser', { origin }, 200],
    ['our own page, by an older browser', { referer: `${origin}/form` }, 200],
    ['a program', {}, 200],
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
    ['another site, without an Origin', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sister of ours', { 'sec-fetch-site': 'same-site', origin: 'http://www.auth.example' }, 403],
    ['a sandboxed frame', { origin: 'null' }, 403],
    [
      'a foreign origin whose site lies',
      { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
      403,
    ],
    ['our name on another port', { origin: `${origin}:8080` }, 403],
    ['a foreign page, by an older browser', { referer: 'https://evil.example/' }, 403],
    ['a page whose name begins as ours', { referer: `${origin}.evil.example/` }, 403],
    ['a nonsense page', { referer: 'nonsense' }, 403],
  ])('%s', async (_, headers, status) => {
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      await request(app.callback())[method]('/').set(headers).expect(status);
    }
    await request(app.callback()).get('/').set(headers).expect(200);
  });
});

describe('health', () => {
  const asking = (ready: () => Promise<boolean>) => request(smallApp(health({ ready })).callback());

  test('a process that answers is alive, ready or not', () =>
    asking(async () => false)
      .get('/health/live')
      .expect(200, { status: 'ok' }));
  test('one that cannot serve says so', () =>
    asking(async () => false)
      .get('/health/ready')
      .expect(503)
      .expect('retry-after', '1'));
  test('one that cannot even find out is not ready', () =>
    asking(() => Promise.reject(new Error('no')))
      .get('/health/ready')
      .expect(503));
});
