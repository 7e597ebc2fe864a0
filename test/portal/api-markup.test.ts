import { transaction } from '../../src/db/pool.ts';
import { type OpenApi, usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const evil = '<b class="evil">bold</b>';

/** The same document with `evil` at the end of every text in it, names too; what we read by is left. */
function poisoned(value: unknown, name = ''): unknown {
  const asItIs = ['openapi', '$ref', 'in', 'operationId', 'version'];
  if (typeof value === 'string') return asItIs.includes(name) ? value : `${value}${evil}`;
  if (Array.isArray(value)) return value.map((one) => poisoned(one, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      ['properties', 'headers', 'examples', 'content'].includes(name) ? `${key}${evil}` : key,
      poisoned(one, key),
    ]),
  );
}

const schema = {
  type: 'object',
  title: 'T',
  description: 'd',
  required: ['a'],
  properties: {
    a: { type: 'string', format: 'f', pattern: 'p', enum: ['x', 'y'], default: 'x', example: 'x' },
    b: { type: 'array', items: { type: 'string', const: 'c' } },
    c: { oneOf: [{ title: 'one', type: 'object', properties: { z: { type: 'string' } } }] },
  },
};
const content = {
  'application/json': { schema, examples: { first: { summary: 's', value: 'v' } } },
};
const plain = {
  openapi: '3.1.0',
  info: { title: 'Plain', version: '1', description: 'Words' },
  tags: [{ name: 'tag', description: 'about' }],
  paths: {
    '/a/{id}': {
      post: {
        operationId: 'op',
        tags: ['tag'],
        summary: 'Does',
        description: 'more',
        security: [{ oauth2: ['scope'] }],
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' }, example: 'e' },
          { name: 'q', in: 'query', schema: { type: 'string', enum: ['m', 'n'] } },
          { name: 'h', in: 'header', description: 'd', schema: { type: 'string' } },
        ],
        requestBody: { description: 'd', content },
        responses: {
          200: {
            description: 'fine',
            headers: { plain: { schema: { type: 'string' } }, told: { description: 'd' } },
            content,
          },
        },
      },
    },
  },
  components: { securitySchemes: { oauth2: { type: 'oauth2' } } },
};

describe('markup in any text of a document', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const document = poisoned(plain) as OpenApi;
    const about = { id: 'evil', name: evil, version: '1', description: evil };
    const rest = { otherVersions: [], baseUrls: [], ...usualCalls };
    await transaction(server.pool, (tx) => upsertApi(tx, { ...about, ...rest, document }));
    await upsertBaseUrl(server.pool, 'evil', { name: 'main', url: 'https://api.example/v1' });
    const product = await aProduct(server.pool, { name: `P ${evil}` });
    await saveProductApis(server.pool, product.id, [
      { id: 'evil', baseUrl: 'main', version: null },
    ]);
  });
  afterAll(() => server.close());

  test.each([
    ['/apis'],
    ['/apis/evil'],
    ['/apis/evil/operations/op'],
    ['/apis/evil/swagger-ui'],
    ['/apis/evil/scalar'],
    ['/console/evil/op'],
  ])('is none of ours on %s', async (path) => {
    const { status, text } = await newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
    expect(status).toBe(200);
    expect(text).toContain('bold');
    expect(text).not.toContain('<b ');
  });
});
