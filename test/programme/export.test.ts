import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { Programme } from '../../src/admin/programme.ts';
import { writeProgramme } from '../../src/admin/programme-directory.ts';
import { programmeFiles } from '../../src/admin/programme-export.ts';
import { readProgramme } from '../../src/admin/programme-files.ts';
import { applyProgramme, compareProgramme } from '../../src/admin/programme-service.ts';
import { wholeProgramme } from '../../src/admin/programme-there.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabase } from '../support/database.ts';
import { aTeam, aTestUser, keyring } from '../support/seed.ts';

const demo = new URL('../../programme/', import.meta.url).pathname;
const baseUrl = 'http://localhost:3000';

const pool = useDatabase();
const empty = useDatabase();
const passwords = createPasswords();
afterAll(() => passwords.close());

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'programme-'));
});
afterEach(() => rm(directory, { recursive: true }));

const apply = (on: pg.Pool, what: Programme) =>
  applyProgramme(on, keyring, passwords, what, { development: true, baseUrl });
const exported = async (on: pg.Pool) => programmeFiles(await wholeProgramme(on, keyring), baseUrl);
const readBack = () => readProgramme(directory, baseUrl);

/** The demo, with all that it does not show. */
async function everything(): Promise<Programme> {
  const { development: _, ...programme } = await readProgramme(demo, baseUrl);
  const [api] = programme.apis;
  const [product] = programme.products;
  if (!api || !product) throw new Error('the demo has lost what it is about');
  const info = { version: '0.9 beta/1', title: 'Patient record', description: ' spaces \n stay ' };
  const document = { openapi: '3.0.3', 'x-last': 1, info, paths: {}, 'x-base': '{base}' };
  api.otherVersions = [{ version: info.version, document }];
  Object.assign(product, {
    state: 'deprecated',
    retiresOn: '2027-03-31',
    deprecationNotice: `Ask at ${baseUrl}/products: "yes", # or: no?`,
    visibility: 'signed_in',
    apis: [{ id: api.id, version: info.version, baseUrl: 'sandbox' }],
    quotaStatus: 429,
    staleSeconds: 20,
    price: { includedCalls: 10_000, perThousand: '0.5', currency: 'EUR' },
  });
  Object.assign(api, { keyHeader: 'X-Northmoor-Key', keyParameter: 'key', cors: false });
  const words = { description: `Texts say {base}, and ${baseUrl}\n\n- too` };
  programme.products.push({ ...product, ...words, id: 'braces', audience: 'https://a.example/b' });
  programme.clients.push({
    id: 'notice-board',
    name: 'Notice Board',
    products: ['read-records', 'submit-records'],
    defaultProduct: 'read-records',
    authMethod: 'client_secret_post',
    grantTypes: ['authorization_code'],
    redirectUris: [`${baseUrl}/callback`],
    postLogoutRedirectUris: [],
    allowedOrigins: ['https://board.example'],
    jwks: null,
    jwksUri: null,
    allowsOidc: false,
  });
  return programme;
}

beforeAll(async () => {
  await apply(pool, await everything());
  await aTestUser(pool, { team: await aTeam(pool), password: 'a team’s own, and not published' });
});

test('what is written back differs in nothing', async () => {
  await writeProgramme(directory, await exported(pool), { force: false });
  expect(
    await compareProgramme(pool, keyring, passwords, await readBack(), { development: false }),
  ).toEqual([]);
});

test('applied to an empty database it is written back byte for byte', async () => {
  const files = await exported(pool);
  await writeProgramme(directory, files, { force: false });
  await apply(empty, await readBack());
  expect([...(await exported(empty))]).toEqual([...files]);
  expect([...files.keys()]).toEqual([
    'programme.yaml',
    'apis.yaml',
    'apis/management.yaml',
    'apis/opening-times.yaml',
    'apis/patient-record.yaml',
    'apis/patient-record-0.9-beta-1.yaml',
    'apis/ward-capacity.yaml',
    'products/braces.yaml',
    'products/live-read-records.yaml',
    'products/live-ward-capacity.yaml',
    'products/manage-live.yaml',
    'products/manage-programme.yaml',
    'products/manage-sandbox.yaml',
    'products/opening-times.yaml',
    'products/read-records.yaml',
    'products/submit-records.yaml',
    'test-users.yaml',
    'clients.yaml',
  ]);
});

test('it says {base} where this server is meant, and keeps the order of a document', async () => {
  const files = await exported(pool);
  expect(files.get('products/read-records.yaml')).toContain('audience: "{base}/sandbox-api/fhir"');
  expect(files.get('apis/patient-record-0.9-beta-1.yaml')).toMatch(/^openapi.*\nx-last.*\ninfo/);
});

test('no team’s own test user and no secret is in it', async () => {
  const all = [...(await exported(pool)).values()].join('');
  expect(all).not.toContain('not published');
  expect(all).not.toMatch(/secret: /);
});

test('a directory that holds something is left alone, unless one insists', async () => {
  await writeFile(join(directory, 'notes.txt'), 'mine');
  await expect(writeProgramme(directory, await exported(pool), { force: false })).rejects.toThrow(
    /is not empty\. Name another directory, or add --force/,
  );
  expect(await readdir(directory)).toEqual(['notes.txt']);

  await writeFile(join(directory, 'development.yaml'), 'teams: []\n');
  await writeProgramme(directory, await exported(pool), { force: true });
  await writeFile(join(directory, 'products', 'stale.yml'), 'id: [');
  await writeProgramme(directory, await exported(pool), { force: true });
  expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
  expect((await readBack()).development).toBeDefined();
  expect((await readBack()).products).toHaveLength(9);
});
