import { createPasswords } from '../../src/base/passwords.ts';
import { many } from '../../src/db/pool.ts';
import { usualCalls } from '../../src/products/api.ts';
import { listApis } from '../../src/products/api-store.ts';
import { saveProductApis } from '../../src/products/store.ts';
import type { Person } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { sendFrom } from './forms.ts';
import { anAdministrator, sendUnasked } from './support.ts';

const document = (version: string, more = ''): string => `openapi: 3.1.0
x-first: stays first
info: { title: Letters, version: ${version}, description: Letters as they are. }
paths:
  /letters: { get: {}, post: {} }
${more}`;

const usualKey = { keyHeader: usualCalls.keyHeader, keyParameter: usualCalls.keyParameter };

describe('APIs at the desk', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let publisher: Person;
  let support: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    publisher = await anAdministrator(server, passwords, ['publisher'], 'Ruth Calder');
    support = await anAdministrator(server, passwords, ['support'], 'Ian Frost');
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const api = async () => (await listApis(server.pool, ['letters']))[0];
  const versions = async () => {
    const found = await api();
    return [found?.version, ...(found?.otherVersions ?? []).map(({ version }) => version)];
  };
  const add = async (fields: Record<string, string>) =>
    sendFrom(publisher, await publisher.open('/admin/apis/new'), '/admin/apis/new', {
      id: 'letters',
      baseUrls: 'sandbox {base}/letters\r\ngeneral https://general.example/letters',
      document: document('1.0.0'),
      ...fields,
    });
  const change = async (word: string, fields: Record<string, string>) =>
    sendFrom(
      publisher,
      await publisher.open('/admin/apis/letters'),
      `/admin/apis/letters/${word}`,
      fields,
    );

  test('there is none at first', async () => {
    expect((await support.open('/admin/apis')).text).toContain('There is no API yet.');
  });

  test.each<[what: string, fields: Record<string, string>, field: string, says: string]>([
    ['no id', { id: '' }, 'id', 'Fill this in.'],
    ['an id with a space', { id: 'a b' }, 'id', 'Letters, digits'],
    ['no document', { document: ' ' }, 'document', 'Paste an OpenAPI document.'],
    ['a list', { document: '[1, 2]' }, 'document', 'This is no OpenAPI document.'],
    ['what is no YAML', { document: 'a:\n\tb: c' }, 'document', 'from line 2 on: Tabs are not'],
    [
      'a document of Swagger 2',
      { document: 'swagger: "2.0"\ninfo: { title: A, version: "1" }' },
      'document',
      'Openapi: ',
    ],
    [
      'a document without a title',
      { document: 'openapi: 3.0.0\ninfo: { version: "1" }' },
      'document',
      'Info.title: ',
    ],
    [
      'a document that lies in itself',
      { document: `${document('1')}\nx-self: &self\n  more: *self` },
      'document',
      'This cannot be read',
    ],
    [
      'a document that grows when it is read',
      { document: bomb() },
      'document',
      'Excessive alias count',
    ],
    ['no base URL', { baseUrls: '' }, 'baseUrls', 'Name at least one.'],
    ['half a base URL', { baseUrls: 'sandbox' }, 'baseUrls', 'Line 1: write a name'],
    [
      'a base URL twice',
      { baseUrls: 'a https://a.example\na https://b.example' },
      'baseUrls',
      'twice',
    ],
    ['an address that is none', { baseUrls: 'a nowhere' }, 'baseUrls', 'an absolute URI'],
  ])('%s is told beside the field, and nothing is kept', async (_, fields, field, says) => {
    const page = await add(fields);
    expect(page.status).toBe(422);
    const error = new RegExp(`id="${field}-error">([^<]*)<`).exec(page.text)?.[1];
    expect(error?.toLowerCase()).toContain(says.toLowerCase());
    expect(await api()).toBeUndefined();
  });

  test('a publisher adds one by its document, which stays as it was written', async () => {
    const page = await add({});
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('The API is there.')]);
    expect(await api()).toMatchObject({
      name: 'Letters',
      version: '1.0.0',
      description: 'Letters as they are.',
      baseUrls: [
        { name: 'general', url: 'https://general.example/letters' },
        { name: 'sandbox', url: `${server.baseUrl}/letters` },
      ],
    });
    expect(Object.keys((await api())?.document ?? {})).toEqual([
      'openapi',
      'x-first',
      'info',
      'paths',
    ]);
    expect(page.text).toContain('2 operations');
    const kept = await support.open('/admin/apis/letters/document?version=1.0.0');
    expect(kept.headers.get('content-disposition')).toContain('attachment');
    expect(kept.text).toMatch(/^openapi: 3\.1\.0\nx-first: stays first\n/);
    expect((await add({})).text).toContain('Another API has this id');
  });

  test('another version stands beside it until it is made the current one', async () => {
    await change('document', {
      document: JSON.stringify({ openapi: '3.0.3', info: { title: 'Letters', version: '2.0.0' } }),
    });
    expect(await versions()).toEqual(['1.0.0', '2.0.0']);
    await change('document', { document: document('3.0.0'), current: 'yes' });
    expect(await versions()).toEqual(['3.0.0', '2.0.0', '1.0.0']);
    const page = await publisher.open('/admin/apis/letters');
    await sendFrom(publisher, page, '/admin/apis/letters/current', { version: '2.0.0' });
    expect(await versions()).toEqual(['2.0.0', '3.0.0', '1.0.0']);
  });

  test('a document of a version that is there takes its place', async () => {
    await change('document', { document: document('1.0.0', 'x-more: yes\n') });
    expect((await api())?.otherVersions.at(-1)?.document).toMatchObject({ 'x-more': 'yes' });
  });

  test('what a product opens cannot go, nor can the current version', async () => {
    const product = await aProduct(server.pool, { name: 'Post' });
    await saveProductApis(server.pool, product.id, [
      { id: 'letters', version: '1.0.0', baseUrl: 'sandbox' },
    ]);
    const page = await publisher.open('/admin/apis/letters');
    expect(page.text).toContain('>Post</a>');
    const remove = (version: string) =>
      sendFrom(publisher, page, '/admin/apis/letters/remove', { version });
    const refused = await remove('1.0.0');
    expect([refused.status, refused.text]).toEqual([
      409,
      expect.stringContaining(
        `A product still opens it: version 1.0.0 cannot go: product ${product.id} opens it.`,
      ),
    ]);
    expect((await remove('2.0.0')).text).toContain('This version is the current one');
    expect((await remove('9.9.9')).status).toBe(404);
    const urls = await change('base-urls', { baseUrls: 'general https://general.example/letters' });
    expect([urls.status, urls.text]).toEqual([
      422,
      expect.stringContaining('&#34;sandbox&#34; cannot go'),
    ]);

    expect((await remove('3.0.0')).text).toContain('The version is gone.');
    expect(await versions()).toEqual(['2.0.0', '1.0.0']);
  });

  test('base URLs are changed, and the later of two people is told', async () => {
    const path = '/admin/apis/letters';
    const [one, another] = [await publisher.open(path), await publisher.open(path)];
    const baseUrls = 'sandbox https://sandbox.example/letters';
    await sendFrom(publisher, one, `${path}/base-urls`, { baseUrls });
    const told = await sendFrom(publisher, another, `${path}/base-urls`, {
      baseUrls: 'x https://x.example',
    });
    expect([told.status, told.text]).toEqual([
      409,
      expect.stringContaining('Somebody else changed this API while you did.'),
    ]);
    expect(told.text).toContain('x https://x.example');
    expect((await api())?.baseUrls).toEqual([
      { name: 'sandbox', url: 'https://sandbox.example/letters' },
    ]);
  });

  test('how calls bring their key is changed, and told beside its field where it cannot be', async () => {
    expect(await api()).toMatchObject(usualCalls);
    const ours = { keyHeader: 'X-Letters-Key', keyParameter: 'letters_key' };
    expect((await change('calls', ours)).text).toContain('Saved.');
    expect(await api()).toMatchObject({ ...ours, cors: true });

    for (const [fields, says] of [
      [{ keyHeader: 'Authorization' }, 'means something else'],
      [{ keyHeader: 'x-gateway-key' }, 'means something else'],
      [{ keyHeader: 'My Key' }, 'letters, digits and'],
      [{ keyParameter: 'a b' }, 'Write a name of letters'],
    ] as [Record<string, string>, string][]) {
      const page = await change('calls', { ...fields, cors: '' });
      expect([page.status, page.text]).toEqual([422, expect.stringContaining(says)]);
      for (const typed of Object.values(fields)) expect(page.text).toContain(typed);
    }
    const page = await publisher.open('/admin/apis/letters');
    await sendFrom(publisher, page, '/admin/apis/letters/calls', { cors: null, ...usualKey });
    expect(await api()).toMatchObject({ ...usualKey, cors: false });
    expect((await support.open('/admin/apis/letters')).text).toContain('may not call it');
  });

  test('every change stands in the history', async () => {
    const acts = await many<{ action: string; detail: { changes?: string[] } }>(
      server.pool,
      `select action, detail from audit where subject_kind = 'api' and subject_id = 'letters' order by id`,
    );
    expect(acts.map(({ action, detail }) => [action, ...(detail.changes ?? [])])).toEqual([
      ['api.made'],
      ['api.changed', 'version 2.0.0 added'],
      ['api.changed', 'current version 1.0.0 → 3.0.0', 'version 3.0.0 added'],
      ['api.changed', 'current version 3.0.0 → 2.0.0'],
      ['api.changed', 'version 1.0.0: document changed at x-more'],
      ['api.changed', 'version 3.0.0 removed'],
      [
        'api.changed',
        `base URL sandbox: url ${server.baseUrl}/letters → https://sandbox.example/letters`,
        'base URL general removed',
      ],
      [
        'api.changed',
        'keyHeader Ocp-Apim-Subscription-Key → X-Letters-Key',
        'keyParameter subscription-key → letters_key',
      ],
      [
        'api.changed',
        'keyHeader X-Letters-Key → Ocp-Apim-Subscription-Key',
        'keyParameter letters_key → subscription-key',
        'cors true → false',
      ],
    ]);
    expect((await support.open('/admin/apis/letters')).text).toContain(
      'version 3.0.0 removed by Ruth Calder',
    );
  });

  test('a document of a megabyte is taken, and of five is not', async () => {
    const long = (megabytes: number) =>
      document('4.0.0', `x-long: ${'a'.repeat(megabytes * 1_000_000)}\n`);
    expect((await change('document', { document: long(1) })).status).toBe(200);
    expect((await change('document', { document: long(5) })).status).toBe(413);
  });

  test('whoever only reads changes nothing', async () => {
    const before = await api();
    for (const word of ['document', 'current', 'remove', 'base-urls', 'calls']) {
      expect((await sendUnasked(support, `/admin/apis/letters/${word}`)).status).toBe(403);
    }
    expect((await support.open('/admin/apis/new')).status).toBe(403);
    expect((await support.open('/admin/apis/nothing')).status).toBe(404);
    expect(await api()).toEqual(before);
  });
});

/** A few lines that stand for millions. */
function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let at = 1; at < 9; at += 1) {
    lines.push(
      `a${at}: &a${at} [${Array(9)
        .fill(`*a${at - 1}`)
        .join(', ')}]`,
    );
  }
  return lines.join('\n');
}
