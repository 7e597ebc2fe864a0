import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createPasswords } from '../../src/base/passwords.ts';
import { transaction } from '../../src/db/pool.ts';
import { createDownloads } from '../../src/portal/api-download.ts';
import { type OpenApi, usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import type { Product } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { listTeamsOf } from '../../src/teams/store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { newBrowser } from '../support/flow.ts';
import { aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aPerson, type Person } from './profile-support.ts';

/** A folder with these documents, which are no part of the project; the stories are skipped without it. */
const examples = process.env.OPENAPI_EXAMPLES ?? '';
const others = ['booking-and-referral.yaml', 'summary-care-record.yaml'];

/** Words as a person reads them: without tags, each run of space as one. */
const wordsIn = (html: string): string =>
  html
    .replace(/<[^>]+>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
    .replace(/\s+/g, ' ');

describe('the pages of APIs', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let priya: Person;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
    priya = await aPerson(server, passwords, { name: 'Priya Nair', team: 'Larkfield Labs' });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const visit = (path: string) => newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
  const asPriya = (path: string) => priya.browser.open(`${server.baseUrl}${path}`);

  /** An API of this document, opened by a product for everybody, unless given. */
  async function anApi(
    id: string,
    document: OpenApi,
    given: Partial<Product> & { otherVersions?: { version: string; document: OpenApi }[] } = {},
  ): Promise<Product> {
    const { otherVersions = [], ...columns } = given;
    const info = { title: id, version: '1', description: '', ...(document.info as object) };
    const api = { id, name: info.title, version: info.version, description: info.description };
    await transaction(server.pool, (tx) =>
      upsertApi(tx, { ...api, ...usualCalls, document, otherVersions, baseUrls: [] }),
    );
    await upsertBaseUrl(server.pool, id, { name: 'sandbox', url: 'https://api.example/v1' });
    const product = await aProduct(server.pool, { name: `Product of ${id}`, ...columns });
    await saveProductApis(server.pool, product.id, [{ id, baseUrl: 'sandbox', version: null }]);
    return product;
  }

  test('list what a visitor may see, and lead to it', async () => {
    const { status, text } = await visit('/apis');
    expect(status).toBe(200);
    expect(text).toContain('<a href="/apis/patient-record">Patient record</a>');
    expect(text).toContain('Reads the health records of Northmoor, an invented place');
    expect(text).not.toContain('Ready for me to call');
  });

  test('are found by what the API is called and what it does', async () => {
    const found = async (query: string) =>
      (await visit(`/apis?${query}`)).text.includes('href="/apis/patient-record"');
    expect(await found('q=record+an+OBSERVATION')).toBe(true);
    expect(await found('q=submit+records')).toBe(true); // a product that opens it
    expect(await found('q=unicorn')).toBe(false);
    expect(await found('environment=sandbox')).toBe(true);
    expect((await visit('/apis?q=100%25')).text).toContain('Nothing fits.');
  });

  test('are found whatever one document says that no text of the database can hold', async () => {
    const odd = { get: { summary: 'a\0b' }, post: { summary: '\ud800' } };
    await anApi('odd-words', { info: { title: 'Odd words' }, paths: { '/a': odd } });
    const twice = { get: { summary: 'Weigh a feather \\u0000' } }; // a backslash, and letters
    await anApi('even-words', { info: { title: 'Even words' }, paths: { '/a': twice } });
    expect((await visit('/apis?q=odd+words')).text).toContain('href="/apis/odd-words"');
    expect((await visit('/apis?q=feather')).text).toContain('href="/apis/even-words"');
    expect((await visit('/apis/odd-words')).status).toBe(200);
  });

  test('come in pages', async () => {
    for (let n = 10; n < 42; n += 1) {
      await anApi(`paged-${n}`, { info: { title: `Paginated ${n}` } });
    }
    const first = (await visit('/apis?q=paginated')).text;
    expect(first.match(/href="\/apis\/paged-/g)).toHaveLength(30);
    const more = /href="(\/apis\?[^"]+after=[^"]+)">More/
      .exec(first)?.[1]
      ?.replaceAll('&amp;', '&');
    expect((await visit(more ?? '')).text.match(/href="\/apis\/paged-/g)).toHaveLength(2);
  });

  test('show an API to nobody who sees no product that opens it', async () => {
    await anApi('for-members', { info: { title: 'For members' } }, { visibility: 'signed_in' });
    await anApi('for-nobody', { info: { title: 'For nobody' } }, { state: 'draft' });
    for (const path of ['', '/openapi.json', '/operations/get', '/swagger-ui', '/scalar']) {
      expect((await visit(`/apis/for-members${path}`)).status).toBe(404);
      expect((await asPriya(`/apis/for-nobody${path}`)).status).toBe(404);
    }
    expect((await asPriya('/apis/for-members')).status).toBe(200);
    expect((await visit('/apis?q=members')).text).not.toContain('For members');
    expect((await asPriya('/apis?q=members')).text).toContain('For members');
    expect((await visit('/apis/patient-record?version=9')).status).toBe(404);
  });

  test('show the operations of an API by what they are about, and where it is called', async () => {
    const { text } = await visit('/apis/patient-record');
    expect(text).toContain('<strong>Who sees what.</strong>');
    expect(text).toContain('href="/apis/patient-record/operations/createObservation"');
    expect(text).toContain(`${server.baseUrl}/sandbox-api/fhir</code>`);
    expect(text).toContain('<a href="/products/read-records">');
    expect(text.indexOf('<h3>Patient</h3>')).toBeLessThan(text.indexOf('<h3>Observation</h3>'));
  });

  test('show of an operation its parameters, bodies with examples, fields and answers', async () => {
    const { text } = await visit('/apis/patient-record/operations/createObservation');
    const words = wordsIn(text);
    expect(words).toContain('POST');
    expect(words).toContain('Prefer');
    expect(words).toContain('return=minimal');
    expect(text).toContain('<summary>55 fields: NewObservation</summary>');
    expect(text).toContain('<code>valueQuantity.value</code>');
    expect(text).toContain('<code>code.coding[].system</code>');
    expect(words).toContain('"display": "Heart rate"');
    for (const status of ['201', '401', '413', '422']) expect(text).toContain(`${status}</label>`);
  });

  test('say who may call an operation, and how one comes to that', async () => {
    const read = '/apis/patient-record/operations/readPatient';
    const write = '/apis/patient-record/operations/createObservation';
    const stranger = wordsIn((await visit(write)).text);
    expect(stranger).toContain('To call this, subscribe to it. It needs user/Observation.c.');
    expect((await visit(write)).text).toContain('href="/products/submit-records"');
    expect((await visit(write)).text).toContain(
      'href="/sign-in?return_to=%2Fapis%2Fpatient-record%2Foperations%2FcreateObservation"',
    );
    expect(wordsIn((await asPriya(read)).text)).toContain('You cannot call this yet.');

    const [team] = await listTeamsOf(server.pool, priya.account.id);
    const product = { id: 'read-records', environment: 'sandbox' } as Product;
    const own = await aSubscription(server.pool, { team, product, name: 'Read Records' });
    const mine = await asPriya(read);
    expect(wordsIn(mine.text)).toContain(
      'You can call this. It needs user/Patient.rs, patient/Patient.rs or system/Patient.rs. You have that by Read Records (Larkfield Labs).',
    );
    expect(mine.text).toContain(`href="/subscriptions/${own.id}"`);
    expect(wordsIn((await asPriya(write)).text)).toContain('You cannot call this yet.');
    expect((await asPriya('/apis?show=mine')).text).toContain('You have access');
    expect(wordsIn((await visit('/apis/patient-record/operations/getMetadata')).text)).toContain(
      'It needs no token.',
    );

    // an approver may have left less of it
    await server.pool.query('update subscriptions set scopes = $2 where id = $1', [
      own.id,
      ['user/Observation.rs'],
    ]);
    expect(wordsIn((await asPriya(read)).text)).toContain('You cannot call this yet.');
    await server.pool.query('delete from subscriptions where id = $1', [own.id]);
  });

  test('give the document as a file', async () => {
    const written = parse(readFileSync('programme/apis/patient-record.yaml', 'utf8'));
    const json = await visit('/apis/patient-record/openapi.json');
    expect(json.headers.get('content-disposition')).toMatch(/filename="patient-record-1.0.0.json"/);
    expect(JSON.parse(json.text)).toEqual(written);
    expect(parse((await visit('/apis/patient-record/openapi.yaml')).text)).toEqual(written);
    expect((await visit('/apis/patient-record/openapi.xml')).status).toBe(404);
  });

  test('write a document as YAML once, and not again for everybody who asks', async () => {
    const asked: string[] = [];
    const query = (text: string, values: unknown[]) => {
      asked.push(text);
      return server.pool.query(text, values);
    };
    const downloads = createDownloads({ query } as typeof server.pool);
    const file = { viewer: null, id: 'patient-record', version: null };
    const first = await downloads.find(file, 'yaml');
    const second = await downloads.find(file, 'yaml');
    expect(second).toEqual(first);
    expect(asked).toHaveLength(3); // who may see it is asked each time, the document once
    expect((await downloads.find(file, 'json'))?.type).toBe('application/json');
    expect(await downloads.find({ ...file, id: 'none' }, 'yaml')).toBeUndefined();
  });

  test('give Swagger UI the document as it works with this server', async () => {
    const path = '/apis/patient-record/swagger-ui';
    const document = JSON.parse((await visit(`${path}/openapi.json`)).text);
    expect(document.servers[0]).toEqual({
      url: `${server.baseUrl}/sandbox-api/fhir`,
      description: 'Read Records',
    });
    const { sandgate, subscription_key: key, oauth2 } = document.components.securitySchemes;
    expect(oauth2).toBeUndefined();
    expect(sandgate.flows.authorizationCode).toMatchObject({
      authorizationUrl: `${server.sandbox}/auth`,
      tokenUrl: `${server.sandbox}/token`,
    });
    expect(sandgate.flows.clientCredentials.scopes).toHaveProperty(['system/Patient.rs']);
    expect(key).toEqual({ type: 'apiKey', in: 'header', name: 'Ocp-Apim-Subscription-Key' });
    expect(document.paths['/Observation'].post.security).toEqual([
      { sandgate: ['user/Observation.c'], subscription_key: [] },
    ]);
    expect(document.paths['/metadata'].get.security).toEqual([]);

    const page = await visit(path);
    expect(page.text).toContain('data-client=""'); // whoever has no subscription has no client
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(page.headers.get('content-security-policy')).toMatch(
      /connect-src 'self' [^;]*https:\/\/api\.northmoor\.example/,
    );
    const script = /src="(\/swagger-ui\/[^"]+)"/.exec(page.text)?.[1] ?? '';
    const served = await fetch(`${server.baseUrl}${script}`);
    expect(served.headers.get('content-type')).toMatch('javascript');
    expect(served.headers.get('cache-control')).toMatch('immutable');
    for (const other of ['package.json', 'index.html', '..%2fpackage.json']) {
      expect((await visit(script.replace(/[^/]+$/, other))).status).toBe(404);
    }
  });

  test('give Scalar the same, and its page the styles it draws itself with, but no script', async () => {
    const path = '/apis/patient-record/scalar';
    const document = JSON.parse((await visit(`${path}/openapi.json`)).text);
    expect(document.components.securitySchemes.sandgate.flows.authorizationCode).toMatchObject({
      'x-usePkce': 'SHA-256',
      'x-scalar-redirect-uri': `${server.baseUrl}/try/callback`,
    });
    const page = await visit(path);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("style-src 'self' 'unsafe-inline';");
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin-allow-popups');
    const elsewhere = await visit('/apis/patient-record/swagger-ui');
    expect(elsewhere.headers.get('content-security-policy')).toContain("style-src 'self';");
    const script = /src="(\/scalar\/[^"]+)"/.exec(page.text)?.[1] ?? '';
    expect((await fetch(`${server.baseUrl}${script}`)).status).toBe(200);
    expect((await visit(script.replace(/[^/]+$/, 'index.js'))).status).toBe(404);
  });

  test('show each version at an address of its own', async () => {
    const operation = (summary: string) => ({
      get: { operationId: 'see', summary, responses: {} },
    });
    const old = {
      info: { title: 'Versioned', version: '1' },
      paths: { '/a': operation('See old') },
    };
    const now = {
      info: { title: 'Versioned', version: '2' },
      paths: { '/a': operation('See new') },
    };
    await anApi('versioned', now, { otherVersions: [{ version: '1', document: old }] });
    expect((await visit('/apis/versioned/operations/see')).text).toContain('<h1>See new</h1>');
    const page = (await visit('/apis/versioned?version=1')).text;
    expect(page).toContain('href="/apis/versioned/operations/see?version=1"');
    expect(page).toContain('No product opens this version.');
    expect((await visit('/apis/versioned/operations/see?version=1')).text).toContain('See old');
    expect(JSON.parse((await visit('/apis/versioned/openapi.json?version=1')).text)).toEqual(old);
  });

  test('show the new document at once where one takes the place of another', async () => {
    const say = (summary: string) => ({
      openapi: '3.1.0',
      info: { title: 'Changing', version: '1' },
      paths: { '/a': { get: { operationId: 'see', summary, responses: {} } } },
    });
    await anApi('changing', say('As it was'));
    expect((await visit('/apis/changing')).text).toContain('As it was');
    await anApi('changing', say('As it is'));
    expect((await visit('/apis/changing')).text).toContain('As it is');
  });

  test('name what goes in circles instead of following it, and what is wrong with a document', async () => {
    const node = { $ref: '#/components/schemas/Node' };
    const answer = (schema: object) => ({
      200: { description: 'Fine', content: { 'application/json': { schema } } },
    });
    await anApi('odd', {
      openapi: '3.0.3',
      info: {
        title: 'Odd',
        version: '1',
        description:
          '# Hi\n<script>alert(1)</script> <b>bold</b>\n\nWords <b>bold</b> [x](javascript:alert(1)) [y](/admin)',
      },
      paths: {
        '/tree': { get: { operationId: 'tree', responses: answer(node) } },
        '/gone': { get: { responses: answer({ $ref: '#/components/schemas/Gone' }) } },
        '/far': { get: { responses: { 400: { $ref: 'http://127.0.0.1:9/x.json' } } } },
        '/wrong': {
          get: { parameters: [{ name: 'x', in: 'nowhere' }], responses: answer({ type: 7 }) },
        },
        '/nothing': null,
      },
      components: {
        schemas: {
          Node: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              children: { type: 'array', items: node },
              up: node,
            },
          },
          Loop: { $ref: '#/components/schemas/Loop' },
        },
      },
    });
    const tree = wordsIn((await visit('/apis/odd/operations/tree')).text);
    expect(tree).toContain('nested like the one it lies in');
    expect(tree).toContain('children[]');

    const { text } = await visit('/apis/odd');
    expect(text).toContain('<h2>Hi</h2>'); // the page's title is above it
    expect(text).not.toMatch(/<script|<b>bold|href="(javascript|\/admin)/);
    const words = wordsIn(text.replaceAll('&quot;', '"'));
    expect(words).toContain('"#/components/schemas/Gone" points to nothing.');
    expect(words).toContain('"http://127.0.0.1:9/x.json" points outside the document');
    expect(words).toContain('"#/components/schemas/Loop" leads in a circle.');
    expect(words).toContain('paths./wrong.get.parameters.0');
    for (const id of ['get-gone', 'get-far', 'get-wrong']) {
      expect((await visit(`/apis/odd/operations/${id}`)).status).toBe(200);
    }
  });

  test('show what they can of any document at all', async () => {
    for (const [at, document] of [
      {},
      { paths: 'none', tags: 7, components: [] },
      { openapi: '3.2.0', info: { title: 7 }, paths: { '/a': { get: 'x', post: { tags: 'y' } } } },
      { openapi: '3.1.0', info: null, paths: { '/{a}/{b}': { get: { security: [{ none: 1 }] } } } },
    ].entries()) {
      await anApi(`any-${at}`, document as OpenApi);
      expect((await visit(`/apis/any-${at}`)).status).toBe(200);
    }
    expect((await visit('/apis/any-3/operations/get-a-b-')).status).toBe(200);
  });

  test('answer others while a large document with faults is read', async () => {
    const schemas: Record<string, object> = {};
    for (let n = 0; n < 400; n += 1) {
      const properties: Record<string, object> = {};
      for (let m = 0; m < 14; m += 1) {
        const next = { $ref: `#/components/schemas/S${(n * 7 + m * 13) % 400}` };
        properties[`field${m}`] = m % 4 ? { type: 'strin', description: 'x'.repeat(120) } : next;
      }
      schemas[`S${n}`] = { type: 'object', properties };
    }
    const paths: Record<string, object> = {};
    for (let n = 0; n < 39; n += 1) {
      const schema = { $ref: `#/components/schemas/S${n}` };
      const content = { 'application/json': { schema } };
      paths[`/p${n}/{id}`] = { get: { responses: { 200: { description: 'Fine', content } } } };
    }
    const document = {
      openapi: '3.0.3',
      info: { title: 'Large', version: '1' },
      paths,
      components: { schemas },
    };
    expect(JSON.stringify(document).length).toBeGreaterThan(700_000);
    await anApi('large', document);

    let done = false;
    const large = visit('/apis/large').finally(() => (done = true));
    let slowest = 0;
    while (!done) {
      const begun = performance.now();
      expect((await visit('/products')).status).toBe(200);
      slowest = Math.max(slowest, performance.now() - begun);
    }
    const { status, text } = await large;
    expect(status).toBe(200);
    expect(text.match(/operations\/get-p/g)).toHaveLength(39);
    expect(slowest).toBeLessThan(1_500);
    const begun = performance.now();
    expect((await visit('/apis/large/operations/get-p3-id-')).text).toContain('It goes on deeper');
    expect(performance.now() - begun).toBeLessThan(2_000);
  }, 60_000);

  const there = others.every((file) => existsSync(`${examples}/${file}`));
  (there ? test : test.skip)(
    'show documents that nobody here wrote, operation by operation',
    async () => {
      for (const file of others) {
        const id = file.replace('.yaml', '');
        await anApi(id, parse(readFileSync(`${examples}/${file}`, 'utf8')));
        const { status, text } = await visit(`/apis/${id}`);
        expect(status).toBe(200);
        const operations = [...text.matchAll(/href="(\/apis\/[^"]+\/operations\/[^"]+)"/g)];
        expect(operations.length).toBeGreaterThan(4);
        for (const [, path = ''] of operations) {
          const page = await visit(path);
          expect(page.status).toBe(200);
          expect(page.text).not.toMatch(
            /<(section|picture|img|script)\b(?![^>]*aria-label="Introduction")/,
          );
          expect(page.text).toContain('Call the API');
        }
      }
    },
  );
});
