import request from 'supertest';
import { allowFormActionTo, keepOpener, keepPopups } from '../../src/http/security-headers.ts';
import { smallApp } from './app.ts';

const page = smallApp((ctx) => {
  ctx.type = 'html';
  ctx.body = '<p>';
});

test('a page brings the headers of a strict house', async () => {
  const { headers } = await request(page.callback()).get('/').expect(200);
  expect(headers).toMatchObject({
    'content-security-policy':
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;font-src 'self';connect-src 'self';base-uri 'none';frame-ancestors 'none';form-action 'self'",
    'cross-origin-opener-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  });
  expect(headers).not.toHaveProperty('strict-transport-security');
});

test('only a server reached by https promises https, for a year', async () => {
  const app = smallApp(
    (ctx) => {
      ctx.body = 'x';
    },
    { https: true },
  );
  await request(app.callback()).get('/').expect('strict-transport-security', 'max-age=31536000');
});

test.each(['/sandbox', '/sandbox/auth', '/live/interaction/x', '/LIVE/auth', '/sandbox/nowhere'])(
  'no hop of an authorization request isolates its window: %s',
  async (path) => {
    for (const app of [page, smallApp(() => {}), smallApp((ctx) => ctx.throw(421))]) {
      const { headers } = await request(app.callback()).get(path).set('accept', 'text/html');
      expect(headers).not.toHaveProperty('cross-origin-opener-policy');
    }
  },
);

test('a redirect on the way isolates nothing and is not kept', async () => {
  const app = smallApp((ctx) => ctx.redirect('https://client.example/'));
  const { headers } = await request(app.callback()).get('/sandbox/auth').expect(302);
  expect(headers).not.toHaveProperty('cross-origin-opener-policy');
  expect(headers['cache-control']).toBe('no-store');
});

test('a page that opens pop-ups keeps them, and one that runs in a pop-up keeps its opener', async () => {
  const opener = smallApp((ctx) => keepPopups(ctx));
  const opened = smallApp((ctx) => keepOpener(ctx));
  await request(opener.callback())
    .get('/')
    .expect('cross-origin-opener-policy', 'same-origin-allow-popups');
  const { headers } = await request(opened.callback()).get('/');
  expect(headers).not.toHaveProperty('cross-origin-opener-policy');
});

test.each([
  ['https://client.example/back?x=1', "form-action 'self' https://client.example"],
  ['http://localhost:3000/back', "form-action 'self' http://localhost:3000"],
  ['https://BÜCHER.example/', "form-action 'self' https://xn--bcher-kva.example"],
  ['http://[::1]:8080/back', "form-action 'self' http://*:8080"],
  ['bruno://app/oauth2/callback', "form-action 'self' bruno:"],
  ['com.example.app:/back', "form-action 'self' com.example.app:"],
  ["https://a;script-src'unsafe-inline'.example/", "form-action 'self'"],
  ['https://a,b.example/', "form-action 'self'"],
  ['no address', "form-action 'self'"],
])('the form of a pop-up may end at %s', async (redirectUri, expected) => {
  const app = smallApp((ctx) => allowFormActionTo(ctx, redirectUri));
  const { headers } = await request(app.callback()).get('/sandbox/interaction/x');
  expect(headers['content-security-policy']?.split(';').at(-1)).toBe(expected);
});

test('JSON that may be kept is not forbidden to be', async () => {
  const app = smallApp((ctx) => {
    ctx.body = { keys: [] };
  });
  const { headers } = await request(app.callback()).get('/sandbox/jwks').expect(200);
  expect(headers).not.toHaveProperty('cache-control');
});
