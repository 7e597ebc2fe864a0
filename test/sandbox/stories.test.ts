import { createRecord } from '../../src/sandbox/record.ts';
import { baseUrl, prefix, type SampleApi, startSampleApi } from './sample-api.ts';

let api: SampleApi;
beforeAll(async () => {
  api = await startSampleApi();
});
afterAll(() => api.stop());

type Claims = Record<string, unknown>;

const get = async (path: string, claims: Claims) =>
  api.agent.get(`${prefix}${path}`).set('Authorization', `Bearer ${await api.mint(claims)}`);

const post = async (body: string | object, claims: Claims, headers: Record<string, string> = {}) =>
  api.agent
    .post(`${prefix}/Observation`)
    .set('Authorization', `Bearer ${await api.mint(claims)}`)
    .set({ 'Content-Type': 'application/fhir+json', ...headers })
    .send(typeof body === 'string' ? body : JSON.stringify(body));

const gp = { scope: 'openid user/Patient.rs user/Observation.rs user/MedicationRequest.rs' };
const pharmacist = { scope: 'user/Patient.rs user/MedicationRequest.rs' };
const nurse = { scope: 'user/Patient.rs user/Observation.rs user/Observation.c' };
const margaret = { patient: 'NM-0007', scope: 'patient/*.rs' };

const pulse = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
  subject: { reference: 'Patient/NM-0007' },
  effectiveDateTime: '2026-11-20T09:30:00Z',
  valueQuantity: {
    value: 72,
    unit: 'beats/minute',
    system: 'http://unitsofmeasure.org',
    code: '/min',
  },
};

/** The patients whom the entries of a Bundle are about, each once. */
const patientsIn = (bundle: { entry?: { resource: { subject: { reference: string } } }[] }) => [
  ...new Set((bundle.entry ?? []).map((entry) => entry.resource.subject.reference)),
];

describe('who sees what', () => {
  test('a GP finds a patient by name and reads her record', async () => {
    const found = await get('/Patient?name=vale', gp);
    expect(found.body).toMatchObject({ resourceType: 'Bundle', type: 'searchset', total: 1 });
    expect(found.body.entry[0].fullUrl).toBe(`${baseUrl}${prefix}/Patient/NM-0007`);

    const read = await get('/Patient/NM-0007', gp);
    expect(read.status).toBe(200);
    expect(read.get('Content-Type')).toBe('application/fhir+json; charset=utf-8');
    expect(read.get('ETag')).toBe('W/"1"');
    expect(read.body).toEqual(found.body.entry[0].resource);
    expect(read.body.name[0].text).toBe('Margaret Vale');
    expect(read.body.contact[0].name.text).toBe('Owen Vale');

    const observations = await get('/Observation?patient=NM-0007&category=vital-signs', gp);
    expect(observations.body.total).toBe(10);
    expect(patientsIn(observations.body)).toEqual(['Patient/NM-0007']);
  });

  test('a pharmacist reads medicines and is told why observations stay closed', async () => {
    const medicines = await get(
      '/MedicationRequest?patient=Patient/NM-0007&status=active',
      pharmacist,
    );
    expect(medicines.status).toBe(200);
    expect(medicines.body.total).toBe(3);

    const refused = await get('/Observation?patient=NM-0007', pharmacist);
    expect(refused.status).toBe(403);
    expect(refused.body.issue[0].diagnostics).toBe(
      'Searching Observation needs the scope user/Observation.s.',
    );
    expect(refused.get('WWW-Authenticate')).toContain('scope="user/Observation.s"');
  });

  test('a patient sees her own record and nobody else’s', async () => {
    expect(
      (await get('/Patient', margaret)).body.entry.map(
        (one: { resource: { id: string } }) => one.resource.id,
      ),
    ).toEqual(['NM-0007']);
    expect((await get('/Patient/NM-0007', margaret)).status).toBe(200);
    expect((await get('/Observation/NM-0007-obs-01', margaret)).status).toBe(200);
    expect(patientsIn((await get('/Observation?_count=50', margaret)).body)).toEqual([
      'Patient/NM-0007',
    ]);
    expect(patientsIn((await get('/MedicationRequest', margaret)).body)).toEqual([
      'Patient/NM-0007',
    ]);
    expect((await get('/Observation?patient=NM-0001', margaret)).body).toMatchObject({ total: 0 });
  });

  test('what is another’s looks to her like what does not exist', async () => {
    const another = await get('/Observation/NM-0001-obs-01', margaret);
    const nothing = await get('/Observation/NM-0001-obs-99', margaret);
    expect(another.status).toBe(404);
    expect(another.body).toEqual(nothing.body);
    expect((await get('/Patient/NM-0001', margaret)).status).toBe(404);
    expect((await get('/Observation/NM-0001-obs-01', gp)).status).toBe(200);
  });

  test('her carer sees the record of the one he acts for, as his token says', async () => {
    const owen = {
      sub: 'owen-vale',
      patient: 'NM-0007',
      scope: 'patient/Patient.rs patient/Observation.rs',
    };
    expect((await get('/Patient/NM-0007', owen)).body.name[0].family).toBe('Vale');
    expect((await get('/MedicationRequest', owen)).status).toBe(403);
    expect((await get('/Patient/NM-0002', owen)).status).toBe(404);
  });

  test('of user/ and patient/ scopes together the wider wins', async () => {
    const both = { patient: 'NM-0007', scope: 'patient/*.rs user/Patient.rs' };
    expect((await get('/Patient', both)).body.total).toBe(12);
    expect(patientsIn((await get('/Observation', both)).body)).toEqual(['Patient/NM-0007']);
  });

  test('a client alone sees everyone with system/ scopes', async () => {
    const machine = { sub: 'client-1', scope: 'system/Patient.rs' };
    expect((await get('/Patient', machine)).body.total).toBe(12);
  });
});

describe('a nurse records an observation', () => {
  test('and finds it again, by id and by search', async () => {
    const created = await post({ ...pulse, id: 'mine', meta: { versionId: '9' } }, nurse);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject(pulse);
    expect(created.body.id).not.toBe('mine');
    expect(created.get('Location')).toBe(`${baseUrl}${prefix}/Observation/${created.body.id}`);
    expect(created.get('ETag')).toBe('W/"1"');

    expect((await get(`/Observation/${created.body.id}`, nurse)).body).toEqual(created.body);
    const found = await get('/Observation?patient=NM-0007&code=8867-4&date=ge2026-11', nurse);
    expect(found.body.entry.map((one: { resource: object }) => one.resource)).toEqual([
      created.body,
    ]);
    expect((await get(`/Observation/${created.body.id}`, margaret)).status).toBe(200);
  });

  test('with an empty answer if she prefers (RFC 7240)', async () => {
    const created = await post(pulse, nurse, { Prefer: 'return=minimal' });
    expect(created.status).toBe(201);
    expect(created.text).toBe('');
    expect(created.get('Location')).toContain('/Observation/');
  });

  test('for a patient within reach only', async () => {
    const own = { patient: 'NM-0007', scope: 'patient/Observation.cs' };
    expect((await post(pulse, own)).status).toBe(201);
    for (const reference of ['Patient/NM-0001', 'Patient/NM-9999']) {
      const refused = await post({ ...pulse, subject: { reference } }, own);
      expect(refused.status).toBe(403);
      expect(refused.body.issue[0].diagnostics).toContain('limited to one patient');
    }
  });

  type Wrong = [
    what: string,
    body: string | object,
    headers: Record<string, string>,
    status: number,
    words: RegExp,
  ];
  test.each<Wrong>([
    ['another media type', pulse, { 'Content-Type': 'text/plain' }, 415, /application\/fhir\+json/],
    ['half a JSON', '{"resourceType":', {}, 400, /not JSON/],
    ['a list', '[]', {}, 400, /one JSON object/],
    [
      'too much',
      JSON.stringify({ ...pulse, note: [{ text: 'x'.repeat(70_000) }] }),
      {},
      413,
      /64kb/,
    ],
    ['another resource', { ...pulse, resourceType: 'Patient' }, {}, 422, /resourceType/],
    ['no status', { ...pulse, status: undefined }, {}, 422, /status/],
    ['an unknown member', { ...pulse, colour: 'red' }, {}, 422, /colour/],
    [
      'a day that never was',
      { ...pulse, effectiveDateTime: '2026-02-31' },
      {},
      422,
      /effectiveDateTime: is not a FHIR dateTime/,
    ],
    [
      'no patient',
      { ...pulse, subject: { reference: 'Device/1' } },
      {},
      422,
      /subject\.reference: must look like/,
    ],
    [
      'nobody’s patient',
      { ...pulse, subject: { reference: 'Patient/NM-9999' } },
      {},
      422,
      /no such patient/,
    ],
    ['two values', { ...pulse, valueString: 'fast' }, {}, 422, /one value/],
    ['a code of nothing', { ...pulse, code: {} }, {}, 422, /code: needs a coding or a text/],
  ])('but not %s', async (_what, body, headers, status, words) => {
    const response = await post(body, nurse, headers);
    expect({ status: response.status, words: response.body.issue[0].diagnostics }).toEqual({
      status,
      words: expect.stringMatching(words),
    });
    expect(response.get('Content-Type')).toBe('application/fhir+json; charset=utf-8');
  });

  test('and a GP without that scope does not, whatever the body', async () => {
    const refused = await post('{', gp);
    expect(refused.status).toBe(403);
    expect(refused.body.issue[0].diagnostics).toContain('Creating Observation needs');
  });

  test('of more than the record keeps, the oldest created ones go and the samples stay', () => {
    const record = createRecord(2);
    const samples = record.list('Observation').length;
    const ids = [1, 2, 3].map(() => record.add({ ...pulse, resourceType: 'Observation' }).id);
    expect(
      record
        .list('Observation')
        .slice(samples)
        .map((one) => one.id),
    ).toEqual(ids.slice(1));
    expect(record.find('Observation', 'NM-0001-obs-01')).toBeDefined();
  });
});
