import type { Programme } from '../../src/admin/programme.ts';
import { readProgramme } from '../../src/admin/programme-files.ts';
import { applyProgramme, compareProgramme } from '../../src/admin/programme-service.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { many } from '../../src/db/pool.ts';
import { useDatabase } from '../support/database.ts';
import { aSubscription, keyring } from '../support/seed.ts';

const directory = new URL('../../programme/', import.meta.url).pathname;
const baseUrl = 'http://localhost:3000';
const options = { development: true, baseUrl };

const pool = useDatabase();
const passwords = createPasswords();
afterAll(() => passwords.close());

/** The demo with a second version of its API, an invited team and a first-party client. */
let programme: Programme;
beforeAll(async () => {
  programme = await readProgramme(directory, baseUrl);
  const [api] = programme.apis;
  const product = programme.products.find(({ id }) => id === 'submit-records');
  if (!api || !product) throw new Error('the demo has lost what it is about');
  api.otherVersions = [{ version: '0.9.0', document: { ...api.document, info: older } }];
  product.invited = ['team_larkfield'];
  programme.clients = [
    {
      id: 'notice-board',
      name: 'Notice Board',
      products: ['read-records'],
      defaultProduct: null,
      authMethod: 'client_secret_basic',
      grantTypes: ['client_credentials'],
      redirectUris: [],
      postLogoutRedirectUris: [],
      allowedOrigins: [],
      jwks: null,
      jwksUri: null,
      allowsOidc: false,
    },
  ];
  await apply(programme);
});
const older = { title: 'Patient record', version: '0.9.0' };

const lean = (what: Programme): Programme => about('', what);

const apply = async (what: Programme): Promise<string[]> =>
  (await applyProgramme(pool, keyring, passwords, what, options)).changes;
const diff = (what: Programme): Promise<string[]> =>
  compareProgramme(pool, keyring, passwords, what, options);

/** A thing of the programme that surely is there. */
function the<One>(list: readonly One[] | undefined, is: (one: One) => boolean): One {
  const found = list?.find(is);
  if (found === undefined) throw new Error('the demo has lost what it is about');
  return found;
}
const product = (all: Programme, id: string) => the(all.products, (one) => one.id === id);
const people = (all: Programme) => all.development as NonNullable<Programme['development']>; // the demo has some

/** Each changes one field, or adds or takes one thing, and has the line that tells of it. */
const cases: [line: string, change: (all: Programme) => void][] = [
  [
    '~ programme: name "Northmoor Shared Care Record" → Northmoor',
    (all) => {
      all.name = 'Northmoor';
    },
  ],
  [
    '~ api patient-record: current version 1.0.0 → 0.9.0',
    ({ apis: [api] }) => {
      const [other] = api?.otherVersions ?? [];
      if (!api || !other) return;
      const { version, document } = api;
      Object.assign(api, other, { otherVersions: [{ version, document }] });
    },
  ],
  [
    '~ version 1.0.0 of api patient-record: document changed at info.title',
    ({ apis: [api] }) => {
      if (api)
        api.document = {
          ...api.document,
          info: { ...(api.document.info as object), title: 'Records' },
        };
    },
  ],
  [
    '+ version 2.0.0 of api patient-record',
    ({ apis: [api] }) => {
      api?.otherVersions.push({ version: '2.0.0', document: api.document });
    },
  ],
  ['- version 0.9.0 of api patient-record', ({ apis: [api] }) => void api?.otherVersions.pop()],
  [
    '~ base URL northmoor-general of api patient-record: url https://api.northmoor.example/fhir → https://api.northmoor.example/r4',
    ({ apis: [api] }) => {
      the(api?.baseUrls, ({ name }) => name === 'northmoor-general').url =
        'https://api.northmoor.example/r4';
    },
  ],
  [
    '- base URL moorside-community of api patient-record',
    ({ apis: [api] }) => {
      if (api) api.baseUrls = api.baseUrls.filter(({ name }) => name !== 'moorside-community');
    },
  ],
  [
    '~ product read-records: rate.calls 60 → 120',
    (all) => {
      product(all, 'read-records').rate = { calls: 120, seconds: 60 };
    },
  ],
  [
    '~ product read-records: credentials key_and_token → token',
    (all) => {
      product(all, 'read-records').credentials = 'token';
    },
  ],
  [
    '~ product live-ward-capacity: price.perThousand 0.5 → 0.45',
    (all) => {
      product(all, 'live-ward-capacity').price = {
        includedCalls: 10_000,
        perThousand: '0.45',
        currency: 'GBP',
      };
    },
  ],
  [
    '~ api opening-times: keyHeader Ocp-Apim-Subscription-Key → X-Northmoor-Key',
    ({ apis }) => {
      the(apis, ({ id }) => id === 'opening-times').keyHeader = 'X-Northmoor-Key';
    },
  ],
  [
    '~ product read-records: priceNote Free → none',
    (all) => {
      product(all, 'read-records').priceNote = '';
    },
  ],
  [
    '~ product read-records: visibility everybody → signed_in',
    (all) => {
      product(all, 'read-records').visibility = 'signed_in';
    },
  ],
  [
    '~ product read-records: grantTypes - password',
    (all) => {
      const one = product(all, 'read-records');
      one.grantTypes = one.grantTypes.filter((type) => type !== 'password');
    },
  ],
  [
    '~ product submit-records: terms changed',
    (all) => {
      product(all, 'submit-records').terms += '\n4. You tell us when you stop.';
    },
  ],
  [
    '~ product submit-records: terms removed',
    (all) => {
      product(all, 'submit-records').terms = '';
    },
  ],
  [
    '~ scope user/Patient.rs of product read-records: description "Read names, addresses and dates of birth" → "Read names"',
    (all) => {
      the(
        product(all, 'read-records').scopes,
        ({ scope }) => scope === 'user/Patient.rs',
      ).description = 'Read names';
    },
  ],
  [
    '- scope system/MedicationRequest.rs of product read-records',
    (all) => void product(all, 'read-records').scopes.pop(),
  ],
  [
    '~ product read-records: scopes in another order',
    (all) => void product(all, 'read-records').scopes.reverse(),
  ],
  [
    '~ role nurse of product read-records: scopes - user/MedicationRequest.rs',
    (all) => void product(all, 'read-records').roleScopes.nurse?.pop(),
  ],
  [
    '- role gp of product submit-records',
    (all) => {
      product(all, 'submit-records').roleScopes = { nurse: ['user/Observation.c'] };
    },
  ],
  [
    '- invited team team_larkfield of product submit-records',
    (all) => {
      product(all, 'submit-records').invited = [];
    },
  ],
  [
    '+ invited team team_fernhill of product submit-records',
    (all) => void product(all, 'submit-records').invited.push('team_fernhill'),
  ],
  [
    '~ api patient-record at sandbox of product submit-records: version current → 0.9.0',
    (all) => {
      product(all, 'submit-records').apis = [
        { id: 'patient-record', version: '0.9.0', baseUrl: 'sandbox' },
      ];
    },
  ],
  [
    '+ product letters',
    (all) =>
      void all.products.push({
        ...product(all, 'submit-records'),
        id: 'letters',
        audience: 'https://api.northmoor.example/letters',
      }),
  ],
  [
    '~ test user tu_gp: password changed',
    (all) => {
      the(all.testUsers, ({ id }) => id === 'tu_gp').password = 'another one';
    },
  ],
  [
    '~ test user tu_gp: claims.email asha.menon@northmoor.example → asha@northmoor.example',
    (all) => {
      the(all.testUsers, ({ id }) => id === 'tu_gp').claims.email = 'asha@northmoor.example';
    },
  ],
  ['~ test users: in another order', (all) => void all.testUsers.reverse()],
  [
    '~ client notice-board: allowsOidc false → true',
    (all) => {
      the(all.clients, () => true).allowsOidc = true;
    },
  ],
  [
    '~ client ward-round-helper: redirectUris + http://localhost:8081/callback',
    (all) => {
      the(people(all).clients, ({ id }) => id === 'ward-round-helper').redirectUris.push(
        'http://localhost:8081/callback',
      );
    },
  ],
  [
    '~ client night-import: secret changed',
    (all) => {
      the(people(all).clients, ({ id }) => id === 'night-import').secret = 'a'.repeat(40);
    },
  ],
  [
    '~ account priya.nair@larkfield.example: name "Priya Nair" → "Priya Nair-Holt"',
    (all) => {
      the(people(all).accounts, () => true).name = 'Priya Nair-Holt';
    },
  ],
  [
    '~ account priya.nair@larkfield.example: password changed',
    (all) => {
      the(people(all).accounts, () => true).password = 'another one';
    },
  ],
  [
    '~ account joan.whitlock@northmoor.example: roles + auditor',
    (all) => {
      the(people(all).accounts, ({ name }) => name === 'Joan Whitlock').roles.push('auditor');
    },
  ],
  [
    '~ team team_fernhill: name "Fernhill Devices" → Fernhill',
    (all) => {
      the(people(all).teams, ({ id }) => id === 'team_fernhill').name = 'Fernhill';
    },
  ],
  [
    '+ member oda.brandt@fernhill.example of team team_larkfield',
    (all) => {
      the(people(all).teams, ({ id }) => id === 'team_larkfield').members.push({
        email: 'oda.brandt@fernhill.example',
        role: 'member',
      });
    },
  ],
  [
    '~ subscription sub_fernhill_live: state submitted → rejected',
    (all) => {
      the(people(all).subscriptions, ({ id }) => id === 'sub_fernhill_live').state = 'rejected';
    },
  ],
];

test('a programme that was just applied differs in nothing', async () => {
  expect(await diff(programme)).toEqual([]);
  expect(await apply(programme)).toEqual([]);
});

/** A password costs a tenth of a second to compare, so that people are left out where they do not matter. */
function about(line: string, all: Programme): Programme {
  const { development, ...rest } = all;
  if (!development || !/account|team |subscription|ward-round|night-import/.test(line)) return rest;
  return line.includes('account')
    ? all
    : { ...rest, development: { ...development, accounts: [] } };
}

/** Ends that nothing brings back, and things that stay where a programme does not name them. */
const lasting = /^\+ (product|member)|subscription/;

test.each(cases)('%s', async (line, change) => {
  const whole = structuredClone(programme);
  change(whole);
  const [before, changed] = [about(line, programme), about(line, whole)];
  expect(await diff(changed)).toEqual([line]);
  expect(await diff(before)).toEqual([]); // looking changes nothing

  expect(await apply(changed)).toEqual([line]);
  expect(await apply(changed)).toEqual([]);
  expect(await apply(before)).toHaveLength(lasting.test(line) ? 0 : 1);
});

test('what a file cannot bring about is no difference: an end, a decision, and who joined a team', async () => {
  await pool.query(
    `update subscriptions set state = 'suspended', decided_as = 'administrator', reason = 'Stop.'
     where id = 'sub_larkfield_read'`,
  );
  const changed = structuredClone(programme);
  const { subscriptions } = people(changed);
  the(subscriptions, ({ id }) => id === 'sub_larkfield_read').purpose = 'Another';
  expect(await diff(changed)).toEqual([]);
  expect(await apply(changed)).toEqual([]);
  await pool.query(
    `insert into team_members (team_id, account_id, role)
     select 'team_fernhill', id, 'member' from accounts where name = 'Priya Nair'`,
  );
  await pool.query(`update subscriptions set state = 'cancelled' where id = 'sub_larkfield_live'`);
  expect(await diff(programme)).toEqual([]);
});

test('the trail tells of each product what was changed, and that a programme was applied', async () => {
  const changed = structuredClone(lean(programme));
  product(changed, 'read-records').rate = { calls: 61, seconds: 60 };
  await apply(changed);
  expect(
    await many(
      pool,
      `select actor_kind, action, subject_id, detail from audit order by id desc limit 2`,
    ),
  ).toEqual([
    {
      actor_kind: 'system',
      action: 'programme.applied',
      subject_id: null,
      detail: { changes: ['~ product read-records: rate.calls 60 → 61'], of: 1 },
    },
    {
      actor_kind: 'system',
      action: 'product.changed',
      subject_id: 'read-records',
      detail: { changes: ['rate.calls 60 → 61'] },
    },
  ]);
  await apply(lean(programme));
});

describe('what does not fit to what is there', () => {
  test.each<[what: string, path: string, change: (all: Programme) => void]>([
    [
      'a product that moves to the other environment',
      'products.live-read-records.environment: "live-read-records" is a product of live and stays one: make another',
      (all) => {
        product(all, 'live-read-records').environment = 'sandbox';
      },
    ],
    [
      'an invited team that nobody has',
      'products.0.invited.0: there is no team "team_nobody"',
      ({ products: [first] }) => void first?.invited.push('team_nobody'),
    ],
    [
      'a base URL that another product opens',
      'apis.0.baseUrls: "sandbox" cannot go: product letters opens it',
      (all) => {
        const [api] = all.apis;
        if (api) api.baseUrls = api.baseUrls.filter(({ name }) => name !== 'sandbox');
        for (const one of all.products) {
          one.apis = one.apis.filter(({ baseUrl }) => baseUrl !== 'sandbox');
        }
      },
    ],
    [
      'an audience of another product',
      'products.read-records.audience: "https://api.northmoor.example/letters" is already taken by product letters',
      (all) => {
        product(all, 'read-records').audience = 'https://api.northmoor.example/letters';
      },
    ],
    [
      'a username of another shared test user',
      'testUsers.0.username: "kept" is already taken by tu_kept',
      ({ testUsers: [first] }) => {
        if (first) first.username = 'kept';
      },
    ],
    [
      'a client that a team has',
      'clients.0.id: "ward-round-helper" already belongs to another team or environment',
      (all) => {
        the(all.clients, () => true).id = 'ward-round-helper';
      },
    ],
  ])('%s changes nothing and says where', async (_, line, change) => {
    await pool.query(
      `insert into test_users (id, username, name, sealed_password)
       values ('tu_kept', 'kept', 'Kept', '') on conflict do nothing`,
    );
    const changed = structuredClone(lean(programme));
    change(changed);
    const at = (id: string) => changed.products.findIndex((one) => one.id === id);
    const placed = line.replace(/^products\.([a-z-]+)/, (_, id: string) => `products.${at(id)}`);
    await expect(diff(changed)).rejects.toMatchObject({
      code: 'does_not_fit',
      message: `Nothing was changed:\n  ${placed}\n`,
    });
    await expect(apply(changed)).rejects.toThrow(placed);
    expect(await diff(lean(programme))).toEqual([]);
  });
});

describe('a product that becomes deprecated', () => {
  const letters = () =>
    many<{ recipient: string; data: Record<string, string> }>(
      pool,
      `select recipient, data from letters where template = 'product-deprecated' order by 1`,
    );
  const ending = (): Programme => {
    const changed = structuredClone(lean(programme));
    Object.assign(product(changed, 'read-records'), {
      state: 'deprecated',
      retiresOn: '2027-03-31',
      deprecationNotice: 'Read Records 2 takes its place.',
    });
    return changed;
  };

  test('tells every member of every team that is subscribed, once', async () => {
    await aSubscription(pool, { state: 'active' }); // of another product: hears nothing
    expect(await apply(ending())).toHaveLength(3);
    expect((await letters()).map(({ recipient }) => recipient)).toEqual([
      'oda.brandt@fernhill.example', // joined above
      'priya.nair@larkfield.example',
    ]);
    expect((await letters())[1]?.data).toMatchObject({
      product: 'Read Records',
      team: 'Larkfield Software',
      stops: '31 March 2027',
      notice: 'Read Records 2 takes its place.',
      link: `${baseUrl}/subscriptions/sub_larkfield_read`,
    });
    const later = ending();
    product(later, 'read-records').retiresOn = '2027-04-30';
    await apply(later);
    expect(await letters()).toHaveLength(2);
  });
});
