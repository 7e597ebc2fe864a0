import { readFileSync } from 'node:fs';
import Koa from 'koa';
import supertest from 'supertest';
import { parse } from 'yaml';
import { within } from '../../src/base/scopes.ts';
import { resourceMetadata } from '../../src/sandbox/resource-metadata.ts';
import { sandboxApi } from '../../src/sandbox/routes.ts';
import { searchParameters } from '../../src/sandbox/search-parameters.ts';
import { baseUrl, issuer, prefix, type SampleApi, startSampleApi } from './sample-api.ts';

type Parameter = { $ref?: string; name?: string; in?: string; example?: string };
type Content = Record<string, { example?: object }>;
type Operation = {
  security: { oauth2: string[] }[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
};

const document = parse(readFileSync('programme/apis/patient-record.yaml', 'utf8'));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

let api: SampleApi;
beforeAll(async () => {
  api = await startSampleApi();
});
afterAll(() => api.stop());

const fhir = 'application/fhir+json';

/** Calls an operation as its examples say, with nothing but the scopes of one alternative. */
async function call(path: string, method: string, operation: Operation, scope: string) {
  const id = operation.parameters?.find((one) => one.in === 'path')?.example ?? '';
  const isClient = scope.startsWith('system/');
  const claims = { scope, patient: 'NM-0007', ...(isClient && { sub: 'client-1' }) };
  const body = operation.requestBody?.content[fhir]?.example;
  const send = method === 'post' ? 'post' : 'get';
  return api.agent[send](`${prefix}${path.replace('{id}', id)}`)
    .set({ Authorization: `Bearer ${await api.mint(claims)}`, 'Content-Type': fhir })
    .send(body && JSON.stringify(body));
}

describe('the OpenAPI document of the sample API', () => {
  test('is of version 3.0.3 and served where the router is', () => {
    expect(document.openapi).toBe('3.0.3');
    expect(document.servers).toEqual([{ url: prefix }]);
    expect(operations.length).toBe(8);
  });

  test('every reference leads somewhere', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
    const lost = [...references]
      .map(([, path]) => path ?? '')
      .filter((path) => path.split('/').reduce((at, step) => at?.[step], document) === undefined);
    expect(lost).toEqual([]);
  });

  test.each(operations)(
    '$method $path is answered, with any of its scopes, as its example says',
    async ({ path, method, operation }) => {
      const alternatives = operation.security.map(({ oauth2 }) => oauth2.join(' '));
      for (const scope of alternatives.length > 0 ? alternatives : ['']) {
        const response = await call(path, method, operation, scope);
        const [success = ''] = Object.keys(operation.responses);
        expect({ scope, status: String(response.status) }).toEqual({ scope, status: success });
        const example = operation.responses[success]?.content?.[fhir]?.example;
        if (example) expect(response.body).toEqual(example);
      }
    },
  );

  test('every route of the router is in it, and no method is missing', async () => {
    const router = sandboxApi({ issuer, jwksUri: `${issuer}/jwks`, audiences: () => [], baseUrl });
    // The catch-all routes answer every method there is; what is left is what was meant.
    const routes = router.stack
      .filter(({ methods }) => methods.length > 0 && methods.length < 5)
      .map(({ path, methods }) => `${methods.at(-1)} ${path}`);
    const documented = operations.map(
      ({ path, method }) => `${method.toUpperCase()} ${prefix}${path.replace('{id}', ':id')}`,
    );
    expect([...routes].sort()).toEqual([...documented].sort());
  });

  test('names every search parameter, and no other', () => {
    for (const [type, table] of Object.entries(searchParameters)) {
      const named = (document.paths[`/${type}`].get.parameters as Parameter[]).map(
        (one) => one.name ?? one.$ref?.split('/').at(-1),
      );
      expect([...named].sort()).toEqual([...Object.keys(table), '_count'].sort());
    }
  });

  test('agrees with the CapabilityStatement about what can be done', async () => {
    const { body } = await api.agent.get(`${prefix}/metadata`);
    const told = body.rest[0].resource.flatMap(
      (one: { type: string; interaction: { code: string }[] }) =>
        one.interaction.map(({ code }) => `${one.type} ${code}`),
    );
    const words: Record<string, string> = { get: 'search-type', post: 'create' };
    const documented = operations
      .filter(({ path }) => path !== '/metadata')
      .map(({ path, method }) =>
        path.endsWith('/{id}') ? `${path.slice(1, -5)} read` : `${path.slice(1)} ${words[method]}`,
      );
    expect([...told].sort()).toEqual([...documented].sort());
  });

  test('asks for no scope that its flows do not offer', () => {
    const flows = Object.values<{ scopes: object }>(
      document.components.securitySchemes.oauth2.flows,
    );
    const offered = new Set(flows.flatMap(({ scopes }) => Object.keys(scopes)));
    const asked = new Set(
      operations.flatMap(({ operation }) => operation.security.flatMap((one) => one.oauth2)),
    );
    expect([...asked].sort()).toEqual([...offered].sort());
    expect(within([...offered], [...offered])).toEqual([...offered]);
  });
});

test('the protected resource metadata says where tokens come from (RFC 9728)', async () => {
  const app = new Koa().use(resourceMetadata({ issuer, baseUrl, prefix }).routes());
  const refused = await api.agent.get(`${prefix}/Patient`);
  const url = /resource_metadata="([^"]+)"/.exec(refused.get('WWW-Authenticate') ?? '')?.[1] ?? '';
  const { status, body, headers } = await supertest(app.callback()).get(url.slice(baseUrl.length));
  expect(status).toBe(200);
  expect(headers['access-control-allow-origin']).toBe('*');
  expect(body).toMatchObject({
    resource: `${baseUrl}${prefix}`,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
  });
  expect(body.scopes_supported).toContain('user/Observation.c');
});
