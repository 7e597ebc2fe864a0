import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BadProgramme, readProgramme } from '../../src/admin/programme-files.ts';

const product = `id: records
environment: sandbox
name: Records
audience: '{base}/records'
subjects: both
needsApproval: false
grantTypes: [password]
scopes:
  - { scope: read, description: Read, isDefault: true }
roleScopes:
  gp: [read]
`;
const apisFile = `- id: records
  document: apis/records.yaml
  baseUrls: { sandbox: '{base}/sandbox-api' }
`;
const api = `openapi: 3.1.0
info: { title: Records API, version: 1.0.0 }
paths: { '/{base}': {} }
`;

describe('reading a programme directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'programme-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries({ 'programme.yaml': 'name: Demo', ...files })) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), text);
    }
  };
  const read = () => readProgramme(directory, 'https://auth.example');

  /** What is wrong, a line each, without the name of the directory. */
  const faults = async (files: Record<string, string>): Promise<string[]> => {
    await write(files);
    const error: Error = await read().then(
      () => new Error('this programme was taken'),
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(BadProgramme);
    const lines = error.message.split('\n').map((line) => line.trim());
    return lines.slice(1, -1).map((line) => line.replace(`${directory}/`, ''));
  };

  test('only its name must be there', async () => {
    await write({});
    expect(await read()).toEqual({
      name: 'Demo',
      apis: [],
      products: [],
      testUsers: [],
      clients: [],
    });
  });

  test('{base} becomes the address of the server, and defaults are filled in', async () => {
    await write({
      'products/records.yaml': product,
      'apis.yaml': apisFile,
      'apis/records.yaml': api,
    });
    const { products, apis } = await read();
    expect(products[0]).toMatchObject({
      audience: 'https://auth.example/records',
      signingAlg: 'RS256',
      state: 'published',
      rate: null,
    });
    expect(apis[0]).toMatchObject({
      id: 'records',
      name: 'Records API',
      baseUrls: [{ name: 'sandbox', url: 'https://auth.example/sandbox-api' }],
      document: { openapi: '3.1.0', paths: { '/{base}': {} } }, // an OpenAPI document is left alone
    });
  });

  test('a directory that is none says what is missing', async () => {
    await expect(readProgramme(join(directory, 'nowhere'), 'https://x.example')).rejects.toThrow(
      /nowhere\/programme.yaml: there is no such file/,
    );
  });

  test('everything that is wrong is told at once, with file, line and field', async () => {
    expect(
      await faults({
        'products/a.yaml': product.replace('sandbox', 'staging'),
        'products/b.yaml': product
          .replace('subjects: both\n', '')
          .replace('read, desc', "'a b', desc"),
        'test-users.yaml': '- id: gp\n  username: asha\n  password: x\n  name: Asha\n  role: gp\n',
        'development.yaml': 'people: []\n',
      }),
    ).toEqual([
      expect.stringMatching(/^products\/a\.yaml:2: environment: /),
      expect.stringMatching(/^products\/b\.yaml:1: subjects: /),
      expect.stringMatching(/^products\/b\.yaml:8: scopes\.0\.scope: a scope \(RFC 6749/),
      expect.stringMatching(/^test-users\.yaml:1: 0\.id: /),
      expect.stringMatching(/^development\.yaml:1: .*people/),
    ]);
  });

  test('so is everything that does not fit together', async () => {
    expect(
      await faults({
        'products/a.yaml': product.replace('gp: [read]', 'gp: [write]'),
        'products/b.yaml': `${product}apis: [{ id: nothing, baseUrl: sandbox }]\n`,
        'products/c.yaml': product
          .replace('id: records', 'id: live')
          .replace('sandbox', 'live')
          .replace('{base}/records', 'https://x.example/live'),
      }),
    ).toEqual([
      'products/b.yaml:1: id: "records" is already taken by another',
      'products/b.yaml:4: audience: "sandbox https://auth.example/records" is already taken by another',
      'products/a.yaml:11: roleScopes.gp.0: there is no "write"',
      'products/b.yaml:12: apis.0.id: there is no "nothing"',
      'products/c.yaml:5: subjects: test users exist in the sandbox only',
    ]);
  });

  test('YAML that cannot be read names its line', async () => {
    expect(await faults({ 'products/a.yaml': 'id: [records\nname: x' })).toEqual([
      expect.stringMatching(/^products\/a\.yaml:2: /),
    ]);
  });

  test('an OpenAPI document with a fault names its own line', async () => {
    const files = {
      'apis.yaml': apisFile,
      'apis/records.yaml': api.replace('title: Records API, ', ''),
    };
    expect(await faults(files)).toEqual([
      expect.stringMatching(/^apis\/records\.yaml:2: info\.title: /),
    ]);
  });

  test('an OpenAPI document that is not there is named', async () => {
    expect(await faults({ 'apis.yaml': apisFile })).toEqual([
      'apis/records.yaml: there is no such file',
    ]);
  });

  const people = (client: string): string => `accounts:
  - { email: ada@example.com, name: Ada, password: x }
teams:
  - { id: team_a, name: A, members: [{ email: ada@example.com, role: owner }] }
  - { id: team_b, name: B, members: [{ email: ada@example.com, role: owner }] }
subscriptions:
  - { id: sub_a, team: team_a, product: records, name: A, state: active }
  - { id: sub_b, team: team_b, product: records, name: B, state: active }
clients:
  - { id: app, name: App, ${client} }
`;
  const basic = 'authMethod: client_secret_basic, grantTypes: [password]';

  test.each([
    [
      'of two teams',
      `subscriptions: [sub_a, sub_b], ${basic}`,
      'subscriptions: not all of one team',
    ],
    [
      'of nothing',
      basic,
      'subscriptions: either subscriptions or, for a first-party client, products',
    ],
    [
      'without a place to go',
      `subscriptions: [sub_a], authMethod: none, grantTypes: [authorization_code]`,
      'redirectUris: authorization_code needs at least one',
    ],
    [
      'with a pattern for one',
      `subscriptions: [sub_a], ${basic}, redirectUris: ['https://x.example/*']`,
      'redirectUris.0: Write each address out: a "*" stands for nothing here.',
    ],
    [
      'that needs no secret and has one',
      `subscriptions: [sub_a], authMethod: none, grantTypes: [password], secret: ${'x'.repeat(32)}`,
      'secret: none has no secret',
    ],
    [
      'with a product that is not its own',
      `subscriptions: [sub_a], defaultProduct: other, ${basic}`,
      'defaultProduct: "other" is none of its products',
    ],
    [
      'public, acting for itself',
      `subscriptions: [sub_a], authMethod: none, grantTypes: [client_credentials]`,
      'grantTypes: client_credentials is for clients that authenticate (RFC 6749 section 4.4)',
    ],
  ])('a client %s is refused', async (_, client, fault) => {
    const files = { 'products/a.yaml': product, 'development.yaml': people(client) };
    expect(await faults(files)).toEqual([`development.yaml:10: clients.0.${fault}`]);
  });
});
