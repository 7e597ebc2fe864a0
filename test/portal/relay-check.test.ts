import { operationOf } from '../../src/portal/console-operation.ts';
import { refuseUndocumented } from '../../src/portal/relay-check.ts';
import { Refused } from '../../src/portal/relay-refusal.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aConsole, type Console } from './console-support.ts';

const document = {
  openapi: '3.1.0',
  info: { title: 'Beds', version: '1' },
  paths: {
    '/wards/{ward}/beds.{format}': {
      put: {
        operationId: 'putBed',
        parameters: [
          { name: 'ward', in: 'path', required: true, schema: { type: 'integer', maximum: 9 } },
          {
            name: 'format',
            in: 'path',
            required: true,
            schema: { type: 'string', enum: ['json', 'xml'] },
          },
          { name: 'night', in: 'query', required: true, schema: { type: 'boolean' } },
          { name: 'tags', in: 'query', schema: { type: 'array', items: { type: 'integer' } } },
          {
            name: 'X-Bed',
            in: 'header',
            schema: { type: 'string', pattern: '^(a+)+$', maxLength: 60 },
          },
        ],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                required: ['name'],
                properties: { name: { type: 'string' }, pattern: { type: 'string' } },
              },
            },
          },
        },
        responses: {},
      },
    },
  },
};

describe('what the relay says of a request that is not as documented', () => {
  const right = {
    method: 'PUT',
    path: '/wards/3/beds.json',
    query: 'night=true',
    headers: 'Content-Type: application/json',
    body: '{"name":"A"}',
  };
  const said = (more: Partial<typeof right>): string => {
    try {
      refuseUndocumented(operationOf(document, 'putBed')?.operation, { ...right, ...more });
      return '';
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return error.message.replace('The API’s document wants something else. ', '');
    }
  };

  test.each([
    ['all is well', {}, ''],
    ['a word for a number', { path: '/wards/x/beds.json' }, 'ward: Write a whole number.'],
    ['an encoded one', { path: '/wards/%34%32/beds.json' }, 'ward: The most is 9.'],
    ['one of others', { path: '/wards/3/beds.csv' }, 'format: Use one of these: json, xml.'],
    ['what is left out', { query: '' }, 'night: Fill this in.'],
    ['a list, which is not read', { query: 'night=true&tags=a' }, ''],
    ['no body', { body: '' }, 'Body: Fill this in.'],
    ['a body without a field', { body: '{}' }, 'Body: "name" is missing.'],
    ['a field of another kind', { body: '{"name":1}' }, 'name: This should be string.'],
    ['one that is called like a rule', { body: '{"name":"","pattern":1}' }, 'pattern: This should'],
    ['another type of body', { headers: 'Content-Type: text/plain', body: '{' }, ''],
    ['another path', { path: '/wards/x', body: '' }, ''],
    ['another method', { method: 'DELETE', body: '' }, ''],
    ['several faults', { query: '', body: '{}' }, 'night: Fill this in. Body: "name" is missing.'],
  ])('%s', (_, more, sentence) => {
    if (sentence === '') expect(said(more)).toBe('');
    else expect(said(more)).toContain(sentence);
  });

  test('no pattern of a publisher’s runs in our process', () => {
    const began = Date.now();
    expect(said({ headers: `${right.headers}\nX-Bed: ${'a'.repeat(50)}!` })).toBe('');
    expect(Date.now() - began).toBeLessThan(1000);
    expect(said({ headers: `${right.headers}\nX-Bed: ${'a'.repeat(61)}` })).toMatch(/at most 60/);
  });

  test('and a list of a few thousand things is looked at for a moment only', () => {
    const began = Date.now();
    const body = JSON.stringify({ name: Array(15_000).fill({ a: 1 }) }).slice(0, 65_000);
    expect(said({ body })).toContain('This is not JSON');
    expect(said({ body: JSON.stringify(Array(15_000).fill(1)) })).toBe('');
    expect(Date.now() - began).toBeLessThan(1000);
  });
});

describe('the console’s page and the relay', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let console: Console;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
    const priya = ['priya.nair@larkfield.example', 'ward-round-at-seven'] as const;
    console = await aConsole(server, priya[0], { password: priya[1] });
  }, 60_000);
  afterAll(() => server.close());

  test('say the same of a request: the relay does not send it', async () => {
    const { status, body } = await console.post('/console/send', {
      api: 'patient-record',
      base: 'sandbox',
      operation: 'searchPatients',
      method: 'GET',
      path: '/Patient',
      query: '_count=many',
    });
    expect(status).toBe(422);
    expect(body).toEqual({
      error: 'not_as_documented',
      error_description: 'The API’s document wants something else. _count: Write a whole number.',
      link: null,
    });
  });
});
