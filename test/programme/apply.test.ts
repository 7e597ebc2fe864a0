import { checkPassword } from '../../src/accounts/service.ts';
import type { Programme } from '../../src/admin/programme.ts';
import { readProgramme } from '../../src/admin/programme-files.ts';
import { type Applied, applyProgramme } from '../../src/admin/programme-service.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { digest } from '../../src/base/secrets.ts';
import { findClient } from '../../src/clients/store.ts';
import { many } from '../../src/db/pool.ts';
import { findSubscription } from '../../src/subscriptions/store.ts';
import { listTestUsersFor } from '../../src/test-users/store.ts';
import { useDatabase } from '../support/database.ts';
import { keyring } from '../support/seed.ts';

const directory = new URL('../../programme/', import.meta.url).pathname;
const baseUrl = 'http://localhost:3000';

describe('applying the demo programme', () => {
  const pool = useDatabase();
  const passwords = createPasswords();
  afterAll(() => passwords.close());

  let programme: Programme;
  let applied: Applied;
  const apply = (what: Programme = programme): Promise<Applied> =>
    applyProgramme(pool, keyring, passwords, what, { development: true, baseUrl });

  beforeAll(async () => {
    programme = await readProgramme(directory, baseUrl);
    applied = await apply();
  });

  /** Every row of every table. */
  const dump = async (): Promise<Record<string, unknown>> => {
    const tables = await many<{ name: string }>(
      pool,
      `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
    );
    const rows: Record<string, unknown> = {};
    for (const { name } of tables) {
      rows[name] = await many(pool, `select t::text from ${name} t order by 1`);
    }
    return rows;
  };

  test('a second time changes nothing and tells the same', async () => {
    const before = await dump();
    expect(await apply()).toEqual({ ...applied, changes: [] });
    expect(await dump()).toEqual(before);
  });

  test('the personas are there in the order of the pop-up, each as the file says', async () => {
    const personas = await listTestUsersFor(pool, null);
    expect(personas.map(({ id, name, role, patient }) => [id, name, role, patient])).toEqual([
      ['tu_gp', 'Dr Asha Menon', 'gp', null],
      ['tu_nurse', 'Tomasz Lind', 'nurse', null],
      ['tu_pharmacist', 'Grace Obi', 'pharmacist', null],
      ['tu_receptionist', 'Kit Harrow', 'receptionist', null],
      ['tu_patient', 'Margaret Vale', 'patient', 'NM-0007'],
      ['tu_carer', 'Owen Vale', 'carer', 'NM-0007'],
    ]);
  });

  test('the console’s client asks for three things in words, whoever is chosen', async () => {
    const [consoleClient] = applied.consoleClients;
    expect(consoleClient).toMatchObject({
      id: 'console_sub_larkfield_read',
      productId: 'read-records',
      redirectUris: [`${baseUrl}/try/callback`],
    });
    const record = await findClient(pool, 'sandbox', 'console_sub_larkfield_read');
    const sentences = record?.products[0]?.scopes
      .filter(({ scope, isDefault }) => isDefault && !scope.startsWith('system/'))
      .map(({ description }) => description);
    expect([...new Set(sentences)]).toEqual([
      'Read names, addresses and dates of birth',
      'Read observations and test results',
      'Read medicines and allergies',
    ]);
  });

  test('roles have what they are named for', async () => {
    const record = await findClient(pool, 'sandbox', 'ward-round-helper');
    expect(record?.products[0]?.roleScopes).toMatchObject({
      receptionist: ['user/Patient.rs'],
      pharmacist: ['user/Patient.rs', 'user/MedicationRequest.rs'],
      patient: ['patient/Patient.rs', 'patient/Observation.rs', 'patient/MedicationRequest.rs'],
    });
  });

  test('a client without a secret in the file is told one that opens it, the same every time', async () => {
    const helper = applied.clients.find(({ id }) => id === 'ward-round-helper');
    const record = await findClient(pool, 'sandbox', 'ward-round-helper');
    expect(record?.secrets.map((secret) => secret.digest)).toEqual([
      digest(helper?.secret ?? '').toString('base64url'),
    ]);
    expect(helper?.scope).toContain('openid profile email offline_access user/Patient.rs');
  });

  test('the test application beside the console has a secret that nobody is told', async () => {
    const record = await findClient(pool, 'sandbox', 'test_sub_larkfield_read');
    expect(record).toMatchObject({ kind: 'test_application', usable: true });
    expect(record?.secrets).toHaveLength(1);
    expect(applied.clients.map(({ id }) => id)).not.toContain('test_sub_larkfield_read');
  });

  test('a live subscription has keys and no console', async () => {
    expect(
      await many(pool, `select id from clients where id like '%sub\\_larkfield\\_live'`),
    ).toEqual([]);
    expect(
      await many(pool, 'select slot from subscription_keys where subscription_id = $1 order by 1', [
        'sub_larkfield_live',
      ]),
    ).toEqual([{ slot: 'primary' }, { slot: 'secondary' }]);
  });

  test('the people of the file can sign in', async () => {
    for (const { email, password } of applied.accounts) {
      expect(await checkPassword(pool, passwords, email, password)).toMatchObject({ email });
    }
    const helen = applied.accounts.find(({ roles }) => roles.includes('owner'));
    const found = await checkPassword(pool, passwords, helen?.email ?? '', helen?.password ?? '');
    expect(found?.roles).toEqual(['owner']);
  });

  test('whoever the file gives no team has one of their own', async () => {
    expect(
      await many(
        pool,
        `select t.name from teams t join team_members m on m.team_id = t.id
         join accounts a on a.id = m.account_id where a.email = 'helen.ashby@northmoor.example'`,
      ),
    ).toEqual([{ name: 'Helen Ashby' }]);
  });

  test('in production a programme with published passwords changes nothing', async () => {
    const before = await dump();
    const renamed = { ...programme, name: 'Another name' };
    await expect(
      applyProgramme(pool, keyring, passwords, renamed, { development: false, baseUrl }),
    ).rejects.toThrow(
      'programme/development.yaml holds published passwords; in production remove it or point PROGRAMME_DIR elsewhere.',
    );
    expect(await dump()).toEqual(before);
  });

  test('a client id that is another team’s changes nothing at all', async () => {
    const before = await dump();
    const stolen = structuredClone(programme);
    stolen.name = 'Another name';
    stolen.development?.teams.push({
      id: 'team_other',
      name: 'Other',
      members: [{ email: 'helen.ashby@northmoor.example', role: 'owner' }],
    });
    const [subscription] = stolen.development?.subscriptions ?? [];
    if (subscription) subscription.team = 'team_other';
    await expect(apply(stolen)).rejects.toMatchObject({ code: 'id_taken' });
    expect(await dump()).toEqual(before);
  });

  test('what the file changes is changed, and what it takes from a product is gone', async () => {
    const changed = structuredClone(programme);
    const product = changed.products.find(({ id }) => id === 'submit-records');
    if (!product) throw new Error('the demo programme has lost a product');
    product.name = 'Send Records';
    product.roleScopes = { nurse: ['user/Observation.c'] };
    product.apis = [];
    const [persona] = changed.testUsers;
    if (persona) persona.password = 'another password';
    await apply(changed);

    expect(
      await many(
        pool,
        `select name, (select array_agg(role) from product_role_scopes where product_id = id) as roles,
           (select count(*)::int from product_apis where product_id = id) as apis
         from products where id = 'submit-records'`,
      ),
    ).toEqual([{ name: 'Send Records', roles: ['nurse'], apis: 0 }]);
    await apply();
  });

  test('what an administrator has suspended is not resumed by the file', async () => {
    await apply();
    await pool.query(
      `update subscriptions set state = 'suspended', reason = 'Too many calls'
       where id = 'sub_larkfield_read'`,
    );
    await apply();
    expect(await findSubscription(pool, 'sub_larkfield_read')).toMatchObject({
      state: 'suspended',
      reason: 'Too many calls',
    });
    await pool.query(`update subscriptions set state = 'active' where id = 'sub_larkfield_read'`);
  });

  test('a cancelled subscription of the file takes its clients’ rights away', async () => {
    const changed = structuredClone(programme);
    for (const subscription of changed.development?.subscriptions ?? []) {
      subscription.state = 'cancelled';
    }
    expect((await apply(changed)).consoleClients).toEqual([]);
    expect(await findClient(pool, 'sandbox', 'console_sub_larkfield_read')).toMatchObject({
      usable: false,
      products: [],
    });
  });

  test('what has ended is not brought back by the file', async () => {
    await apply();
    expect(await findSubscription(pool, 'sub_larkfield_read')).toMatchObject({
      state: 'cancelled',
    });
  });
});

describe('applying at the same time', () => {
  const pool = useDatabase();
  const passwords = createPasswords();
  afterAll(() => passwords.close());
  const options = { development: true, baseUrl };

  test('three servers that start on an empty database make everything once', async () => {
    const programme = await readProgramme(directory, baseUrl);
    const all = await Promise.all(
      Array.from({ length: 3 }, () => applyProgramme(pool, keyring, passwords, programme, options)),
    );
    expect(all.map(({ changes }) => changes.length > 0).sort()).toEqual([false, false, true]);
    const told = all.map((one) => ({ ...one, changes: [] }));
    expect(told).toEqual([told[0], told[0], told[0]]);
    expect(await many(pool, 'select count(*)::int from accounts')).toEqual([{ count: 7 }]);
    expect(await many(pool, 'select count(*)::int from teams')).toEqual([{ count: 7 }]);
  });

  test('two programmes that touch the same things in another order wait for each other', async () => {
    const demo = await readProgramme(directory, baseUrl);
    const products = demo.products.map((product) => ({ ...product, apis: [] }));
    const one: Programme = { name: demo.name, apis: [], products, testUsers: [], clients: [] };
    const other: Programme = { ...one, products: products.toReversed() };
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        [one, other].map((each) => applyProgramme(pool, keyring, passwords, each, options)),
      );
    }
  });
});
