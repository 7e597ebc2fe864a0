import { operationsOf } from '../../src/gateway/operations.ts';

const oauth2 = { type: 'oauth2', flows: {} };
const schemes = { securitySchemes: { oauth2, key: { type: 'apiKey', in: 'header', name: 'k' } } };
const asks = (...scopes: string[]) => ({ security: [{ oauth2: scopes }] });

const documentOf = (paths: Record<string, unknown>, more: object = {}) =>
  operationsOf({ openapi: '3.1.0', components: schemes, paths, ...more });

describe('which operation a call is', () => {
  const operations = documentOf({
    '/things': { get: {}, post: {} },
    '/things/{id}': { get: {}, delete: {} },
    '/things/mine': { get: {} },
    '/things/{id}/$export': { post: {} },
    '/files/{name}.{ending}': { get: {} },
    '/files/report-{year}': { get: {} },
    '/': { get: {} },
  });

  test.each([
    ['GET', '/things', 'GET /things'],
    ['HEAD', '/things', 'GET /things'],
    ['GET', '/things/7', 'GET /things/{id}'],
    ['GET', '/things/mine', 'GET /things/mine'],
    ['GET', '/th%69ngs/m%69ne', 'GET /things/mine'],
    ['POST', '/things/7/$export', 'POST /things/{id}/$export'],
    ['GET', '/files/a.b.pdf', 'GET /files/{name}.{ending}'],
    ['GET', '/files/report-2026', 'GET /files/report-{year}'],
    ['GET', '/files/report-2026.pdf', 'GET /files/report-{year}'],
    ['GET', '/things/%C3%A9', 'GET /things/{id}'],
    ['GET', '/', 'GET /'],
  ])('%s %s is %s', (method, path, name) => {
    expect(operations.find(method, path)?.name).toBe(name);
  });

  test.each([
    ['DELETE', '/things/mine'], // the plain path is meant, and it has no such method
    ['PUT', '/things'],
    ['get', '/things'],
    ['GET', ''],
    ['GET', 'things'],
    ['GET', '/things/'],
    ['GET', '/things//7'],
    ['GET', '//things'],
    ['GET', '/things/..'],
    ['GET', '/things/./7'],
    ['GET', '/things/%2e%2e'],
    ['GET', '/things/.%2e'],
    ['GET', '/things/%252e'],
    ['GET', '/things/a%2fb'],
    ['GET', '/things/a%5cb'],
    ['GET', '/things/a\\b'],
    ['GET', '/things/a;b=c'],
    ['GET', '/things/%00'],
    ['GET', '/things/%zz'],
    ['GET', '/things/%ff'],
    ['GET', '/files/.pdf'],
    ['GET', '/files/report-'],
  ])('%s %s is none, or there is no telling', (method, path) => {
    expect(operations.find(method, path)).toBeUndefined();
  });

  test('of two templates that say as much, neither', () => {
    const twice = documentOf({ '/{a}/x': { get: {} }, '/{b}/x': { get: asks('write') } });
    expect(twice.find('GET', '/1/x')).toBeUndefined();
  });

  test('a template made to be slow is not', () => {
    const slow = documentOf({ [`/${'{a}-'.repeat(30)}x`]: { get: {} } });
    const from = performance.now();
    expect(slow.find('GET', `/${'-'.repeat(15_000)}`)).toBeUndefined();
    expect(performance.now() - from).toBeLessThan(50);
  });
});

describe('which scopes it asks for', () => {
  test('its own, or else the document’s; any one list of them', () => {
    const operations = documentOf(
      {
        '/a': { get: {} },
        '/b': { get: { security: [{ oauth2: ['x', 'y'] }, { oauth2: ['z'], key: [] }] } },
        '/c': { get: { security: [] } },
        '/d': { get: { security: [{ oauth2: ['x'] }, {}] } },
      },
      asks('all'),
    );
    const scopesOf = (path: string) => operations.find('GET', path)?.scopes;
    expect(scopesOf('/a')).toEqual([['all']]);
    expect(scopesOf('/b')).toEqual([['x', 'y'], ['z']]);
    expect(scopesOf('/c')).toEqual([[]]);
    expect(scopesOf('/d')).toEqual([['x'], []]);
    expect(operations.asksScopes).toBe(true);
  });

  test('none where it names none', () => {
    expect(documentOf({ '/a': { get: { security: [{ key: [] }] } } }).asksScopes).toBe(false);
    expect(operationsOf({}).asksScopes).toBe(false);
  });

  test('what stands elsewhere in the document too', () => {
    const operations = operationsOf({
      components: { ...schemes, pathItems: { a: { get: asks('x') } } },
      paths: { '/a': { $ref: '#/components/pathItems/a' }, '/b': { $ref: '#/paths/~1a' } },
    });
    expect(operations.find('GET', '/a')?.scopes).toEqual([['x']]);
    expect(operations.find('GET', '/b')?.scopes).toEqual([['x']]);
  });

  test('those of a scheme that the document forgot to describe', () => {
    expect(
      operationsOf({ paths: { '/a': { get: { security: [{ gone: ['x'] }] } } } }).asksScopes,
    ).toBe(true);
  });
});
