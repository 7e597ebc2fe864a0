import request from 'supertest';
import { z } from 'zod';
import { readForm } from '../../src/http/form.ts';
import { smallApp } from './app.ts';

const schema = z.object({
  name: z.string().min(1).max(10),
  email: z.email().optional(),
  plan: z.enum(['small', 'large']).default('small'),
  secret: z.string().min(12, 'Use twelve characters or more.').optional(),
});
const app = smallApp(async (ctx) => {
  ctx.body = await readForm(ctx, schema);
});
const post = (body: string, type = 'application/x-www-form-urlencoded') =>
  request(app.callback()).post('/').set('content-type', type).send(body);

test('a form comes out as the schema makes it, without what nobody asked for', () =>
  post('name=Zo%C3%AB+M&other=1&__proto__=x').expect(200, { name: 'Zoë M', plan: 'small' }));

test.each([
  ['a missing field', 'x=1', 'name', 'Fill this in.'],
  ['an empty field', 'name=', 'name', 'Fill this in.'],
  ['too long a field', 'name=12345678901', 'name', 'Too long: use at most 10 characters.'],
  [
    'no email address',
    'name=a&email=b',
    'email',
    'Write an email address, such as name@example.com.',
  ],
  ['a choice that is none', 'name=a&plan=huge', 'plan', 'Choose one of the options.'],
  ['a sentence of the schema’s own', 'name=a&secret=b', 'secret', 'Use twelve characters or more.'],
  ['a field that comes twice', 'name=a&name=b', 'name', 'This came twice.'],
  ['a NUL', 'name=a%00b', 'name', 'This holds characters that are not text.'],
  ['a NUL as it is', 'name=a\0b', 'name', 'This holds characters that are not text.'],
  ['bytes that are no UTF-8', 'name=%FF%FE', 'name', 'This holds characters that are not text.'],
  ['a list', 'name[]=a', 'name', 'Fill this in.'],
  ['a tree', 'name[a][b]=c&name.d=e', 'name', 'Fill this in.'],
])('%s is refused in words', async (_, body, field, sentence) => {
  const answer = await post(body).expect(422);
  expect(answer.body.fields[field]).toBe(sentence);
});

test.each([
  ['more than a form may hold', `name=${'a'.repeat(33_000)}`, undefined, 413],
  ['more fields than any page has', `name=a${'&b'.repeat(2000)}`, undefined, 413],
  ['JSON', '{"name":"a"}', 'application/json', 415],
  ['another text', 'name=a', 'text/plain', 415],
])('%s is refused by status', (_, body, type, status) => post(body, type).expect(status));

test('no form at all is refused', () => request(app.callback()).post('/').expect(415));

test('bytes that lie about their compression are refused', () =>
  post('name=a').set('content-encoding', 'gzip').expect(400));
