import type { Context } from 'koa';
import request from 'supertest';
import {
  Busy,
  Conflict,
  Forbidden,
  InvalidInput,
  NotFound,
  TooMany,
  Unauthenticated,
} from '../../src/base/errors.ts';
import { smallApp } from './app.ts';

const failingWith = (error: unknown) =>
  smallApp(() => {
    throw error;
  });
const coded = (code: string): Error => Object.assign(new Error('from below'), { code });

test.each([
  ['nobody signed in', new Unauthenticated('sign_in', 'Sign in.'), 401, 'sign_in'],
  ['something forbidden', new Forbidden('not_yours', 'No.'), 403, 'not_yours'],
  ['something missing', new NotFound('no_client', 'No.'), 404, 'no_client'],
  ['a conflict', new Conflict('already', 'No.'), 409, 'already'],
  ['a wrong field', new InvalidInput({ name: 'Fill this in.' }), 422, 'invalid_input'],
  ['too many tries', new TooMany('slow_down', 'Wait.', 30), 429, 'slow_down'],
  ['a full queue', new Busy('busy', 'Wait.', 2), 503, 'busy'],
  ['a refused connection', coded('ECONNREFUSED'), 503, 'temporarily_unavailable'],
  ['a server that shuts down', coded('57P01'), 503, 'temporarily_unavailable'],
  ['a server without free connections', coded('53300'), 503, 'temporarily_unavailable'],
  [
    'a pool that waited in vain',
    new Error('timeout exceeded when trying to connect'),
    503,
    'temporarily_unavailable',
  ],
  ['what nobody foresaw', new Error('the password is hunter2'), 500, 'server_error'],
  ['a thrown string', 'hunter2', 500, 'server_error'],
])('%s is told as it should be', async (_, error, status, code) => {
  const { body, headers } = await request(failingWith(error).callback()).get('/').expect(status);
  expect(body.error).toBe(code);
  expect(body.error_description).toEqual(expect.any(String));
  expect(headers['cache-control']).toBe('no-store');
});

test('what nobody foresaw is logged whole and told without a word of it', async () => {
  const error = new Error('the password is hunter2');
  const app = failingWith(error);
  for (const accept of ['application/json', 'text/html']) {
    const { text } = await request(app.callback()).get('/').set('accept', accept).expect(500);
    expect(text).not.toMatch(/hunter2|\.ts:/);
  }
  expect(app.logged).toEqual([error, error]);
});

test('a domain error is no news for the log', async () => {
  const app = failingWith(new NotFound('gone', 'Gone.'));
  await request(app.callback()).get('/').expect(404);
  expect(app.logged).toEqual([]);
});

test('who must wait is told how long, in whole seconds', async () => {
  const app = failingWith(new TooMany('slow_down', 'Wait.', 12.2));
  await request(app.callback()).get('/').expect('retry-after', '13');
  const page = await request(app.callback()).get('/').set('accept', 'text/html').expect(429);
  expect(page.text).toContain('wait 12.2 seconds'.replace('12.2', '13'));
});

test('a field’s sentence reaches a program and a person', async () => {
  const app = failingWith(new InvalidInput({ name: 'Fill this in.' }));
  const { body } = await request(app.callback()).get('/').expect(422);
  expect(body.fields).toEqual({ name: 'Fill this in.' });
  await request(app.callback())
    .get('/')
    .set('accept', 'text/html')
    .expect(/Fill this in\./);
});

test('a browser that must sign in gets the form in place, except in a pop-up', async () => {
  const showSignIn = async (ctx: Context) => {
    ctx.body = 'the form';
    ctx.status = 401;
  };
  const app = smallApp(
    () => {
      throw new Unauthenticated('sign_in', 'Sign in.');
    },
    { showSignIn },
  );
  const get = (path: string) => request(app.callback()).get(path).set('accept', 'text/html');
  await get('/').expect(401, 'the form');
  expect((await get('/sandbox/interaction/x').expect(401)).text).not.toBe('the form');
  const program = await request(app.callback()).get('/').expect(401);
  expect(program.body).toMatchObject({ error: 'sign_in' });
});

test.each([
  ['/%', 400],
  ['/%E0%A4%A', 400],
  ['/%00', 400],
  ['/?name=%00', 400],
  ['/nowhere', 404],
])('%s is answered %i, as a page and as JSON', async (path, status) => {
  const app = smallApp(() => {});
  await request(app.callback()).get(path).expect(status).expect('content-type', /json/);
  const page = await request(app.callback()).get(path).set('accept', 'text/html').expect(status);
  expect(page.text).toContain('What you can do:');
  expect(page.text).toContain(page.headers['x-request-id']);
});

test('HEAD of an unknown address is 404', () =>
  request(smallApp(() => {}).callback())
    .head('/nowhere')
    .expect(404));

test('what the body parser refuses keeps its status', async () => {
  const app = smallApp((ctx) => ctx.throw(413, 'request entity too large'));
  const { body } = await request(app.callback()).post('/').expect(413);
  expect(body.error).toBe('payload_too_large');
});

test('an error that holds markup is shown as text', async () => {
  const app = failingWith(new Conflict('x', '<script>alert(1)</script>'));
  const { text } = await request(app.callback()).get('/').set('accept', 'text/html').expect(409);
  expect(text).toContain('&lt;script&gt;');
});

test('in the issuers’ part of the house the error page is a pop-up', async () => {
  const app = smallApp(() => {});
  const get = (path: string) => request(app.callback()).get(path).set('accept', 'text/html');
  expect((await get('/sandbox/x')).text).toContain('class="popup"');
  expect((await get('/live')).text).toContain('class="popup"');
  expect((await get('/livestock')).text).not.toContain('class="popup"');
});

test('a broken error page still says something', async () => {
  const app = smallApp((ctx) => {
    ctx.render = async () => {
      throw new Error('no view');
    };
    ctx.throw(400);
  });
  await request(app.callback())
    .get('/')
    .set('accept', 'text/html')
    .expect(400, /Something broke/);
  expect(app.logged).toHaveLength(1);
});
