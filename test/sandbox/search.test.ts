import { createHash } from 'node:crypto';
import { createRecord } from '../../src/sandbox/record.ts';
import { baseUrl, prefix, type SampleApi, startSampleApi } from './sample-api.ts';

let api: SampleApi;
let token: string;
beforeAll(async () => {
  api = await startSampleApi();
  token = await api.mint();
});
afterAll(() => api.stop());

const get = (path: string, headers: Record<string, string> = {}) =>
  api.agent.get(`${prefix}${path}`).set({ Authorization: `Bearer ${token}`, ...headers });

describe('a search', () => {
  test.each<[string, number]>([
    ['/Patient', 12],
    ['/Patient?_id=NM-0007,NM-0008,NM-9999', 2],
    ['/Patient?identifier=9990000007', 1],
    ['/Patient?identifier=https://northmoor.example/id/health-number|9990000007', 1],
    ['/Patient?identifier=https://other.example|9990000007', 0],
    ['/Patient?identifier=|9990000007', 0],
    ['/Patient?family=VALE', 1],
    ['/Patient?family=al', 0],
    ['/Patient?given=m%C3%A9i', 1],
    ['/Patient?name=m', 2],
    ['/Patient?name=m&family=vale', 1],
    ['/Patient?birthdate=1941-02-08', 1],
    ['/Patient?birthdate=1941', 1],
    ['/Patient?birthdate=ge1990&birthdate=lt2000', 2],
    ['/Patient?birthdate=gt2001-06-03', 1],
    ['/Patient?birthdate=ge2001-06-03', 2],
    ['/Patient?birthdate=le1941-02-08', 1],
    ['/Patient?birthdate=lt1941-02-08', 0],
    ['/Patient?birthdate=ne1941', 11],
    ['/Observation', 240],
    ['/Observation?subject=Patient/NM-0007', 20],
    [`/Observation?subject=${baseUrl}${prefix}/Patient/NM-0007`, 20],
    ['/Observation?patient=NM-0007&code=http://loinc.org|85354-9', 2],
    ['/Observation?patient=NM-0007&code=8867-4,8310-5&date=2026-02', 2],
    ['/Observation?category=laboratory&date=ge2026-05-19T00:00:00Z', 60],
    ['/Observation?status=final', 240],
    ['/Observation?status=amended', 0],
    ['/MedicationRequest', 19],
    ['/MedicationRequest?code=A10BA02', 2],
    ['/MedicationRequest?status=stopped', 2],
    ['/Patient?family=vale&_format=json&subscription-key=abc', 1],
  ])('%s finds %d', async (path, total) => {
    const { status, body } = await get(path);
    expect({ status, total: body.total }).toEqual({ status: 200, total });
    expect((body.entry ?? []).length).toBe(Math.min(total, 20));
  });

  test.each<[string, RegExp]>([
    ['/Patient?colour=red', /no search parameter "colour".*family/],
    ['/Patient?patient=NM-0007', /no search parameter "patient"/],
    ['/Patient?constructor=1', /no search parameter "constructor"/],
    ['/Patient?family:exact=Vale', /no search parameter "family:exact"/],
    ['/Patient?family=', /family needs a value/],
    ['/Patient?birthdate=yesterday', /needs a date/],
    ['/Patient?birthdate=2026-02-30', /needs a date/],
    ['/Patient?birthdate=xx2026', /needs a date/],
    ['/Patient?family=nobody&birthdate=yesterday', /needs a date/],
    ['/Patient?_count=many', /_count must be one whole number/],
    ['/Patient?_count=1&_count=2', /_count must be one whole number/],
    ['/Patient?_offset=-1', /_offset must be one whole number/],
  ])('%s is refused with words', async (path, words) => {
    const { status, body } = await get(path);
    expect({ status, words: body.issue[0].diagnostics }).toEqual({
      status: 400,
      words: expect.stringMatching(words),
    });
  });

  test('is paged: following the links shows everything once', async () => {
    const seen: string[] = [];
    let url: string | undefined =
      `${baseUrl}${prefix}/Patient?birthdate=ge1900&_count=5&subscription-key=abc`;
    let pages = 0;
    while (url) {
      const { body } = await get(url.slice(`${baseUrl}${prefix}`.length));
      expect(body.total).toBe(12);
      seen.push(...body.entry.map((one: { resource: { id: string } }) => one.resource.id));
      const links = new Map<string, string>(
        body.link.map((one: { relation: string; url: string }) => [one.relation, one.url]),
      );
      expect(links.get('self')).toContain('birthdate=ge1900');
      expect(links.get('self')).not.toContain('abc');
      expect(links.has('previous')).toBe(pages > 0);
      url = links.get('next');
      pages += 1;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(
      createRecord()
        .list('Patient')
        .map((one) => one.id),
    );
  });

  test('gives fifty at most, only the total for none, and nothing beyond the end', async () => {
    expect((await get('/Observation?_count=1000')).body.entry).toHaveLength(50);
    expect((await get('/Observation?_count=0')).body).toMatchObject({ total: 240 });
    expect((await get('/Observation?_count=0')).body).not.toHaveProperty('entry');
    expect((await get('/Patient?_offset=12')).body).not.toHaveProperty('entry');
  });
});

describe('the sample data', () => {
  test('are the same on every machine', () => {
    const record = createRecord();
    const all = (['Patient', 'Observation', 'MedicationRequest'] as const).map((type) =>
      record.list(type),
    );
    const fingerprint = createHash('sha256').update(JSON.stringify(all)).digest('hex');
    // Changes only when someone means to change the data, and then examples elsewhere change too.
    expect(fingerprint).toBe('2be40bd4bfbc6e7d4a416a52625d7e401e51dc277fd6e67a81da90ef63127b37');
  });

  test('make sense: unique ids of FHIR’s form, systolic above diastolic, notes that fit the value', () => {
    const record = createRecord();
    const observations = record.list('Observation');
    const ids = [
      ...record.list('Patient'),
      ...observations,
      ...record.list('MedicationRequest'),
    ].map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[A-Za-z0-9.-]{1,64}$/.test(id))).toEqual([]);

    for (const { component, valueQuantity, referenceRange, interpretation } of observations) {
      const [systolic, diastolic] = (component ?? []).map((one) => one.valueQuantity?.value ?? 0);
      if (component) expect(systolic).toBeGreaterThan(diastolic ?? Infinity);
      const [low, high] = [referenceRange?.[0]?.low?.value, referenceRange?.[0]?.high?.value];
      if (!valueQuantity || low === undefined || high === undefined) continue;
      const { value } = valueQuantity;
      const usual = value >= low && value <= high;
      expect(interpretation?.[0]?.coding?.[0]?.code).toBe(usual ? 'N' : value < low ? 'L' : 'H');
    }
  });
});

describe('the edges', () => {
  test('metadata is open to all and names what can be searched', async () => {
    const { status, body } = await api.agent.get(`${prefix}/metadata`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
    expect(body.rest[0].resource.map((one: { type: string }) => one.type)).toEqual([
      'Patient',
      'Observation',
      'MedicationRequest',
    ]);
  });

  test.each<[string, string, number, RegExp]>([
    ['GET', '', 404, /knows Patient/],
    ['GET', '/', 404, /knows Patient/],
    ['GET', '/Device', 404, /knows Patient/],
    ['GET', '/Patient/NM-0007/_history', 404, /knows Patient/],
    ['GET', '/Patient/NM-9999', 404, /no Patient with this id/],
    ['GET', '/Patient/%zz', 404, /./],
    ['GET', '/Patient/..%2f..%2f', 404, /no Patient/],
    ['DELETE', '/Patient/NM-0007', 405, /GET, HEAD, OPTIONS are/],
    ['PUT', '/Observation', 405, /GET, HEAD, POST, OPTIONS are/],
    ['POST', '/metadata', 405, /GET, HEAD, OPTIONS are/],
  ])('%s %s → %d', async (method, path, status, words) => {
    const call = { GET: 'get', DELETE: 'delete', PUT: 'put', POST: 'post' }[method] as 'get'; // a key of it
    const response = await api.agent[call](`${prefix}${path}`).set(
      'Authorization',
      `Bearer ${token}`,
    );
    expect({ status: response.status, words: response.body.issue[0].diagnostics }).toEqual({
      status,
      words: expect.stringMatching(words),
    });
    expect(response.get('Access-Control-Allow-Origin')).toBe('*');
    if (status === 405) expect(`${response.get('Allow')} are`).toMatch(words);
  });

  test.each<[string, Record<string, string>, number]>([
    ['', { Accept: 'application/fhir+json' }, 200],
    ['', { Accept: 'application/fhir+json; fhirVersion=4.0' }, 200],
    ['', { Accept: 'text/html, */*;q=0.1' }, 200],
    ['', { Accept: 'application/fhir+xml' }, 406],
    ['?_format=json', { Accept: 'text/html' }, 200],
    ['?_format=application/fhir+json', {}, 200],
    ['?_format=xml', {}, 406],
  ])('/metadata%s with %j → %d', async (query, headers, status) => {
    const response = await api.agent.get(`${prefix}/metadata${query}`).set(headers);
    expect(response.status).toBe(status);
    expect(response.get('Content-Type')).toBe('application/fhir+json; charset=utf-8');
  });

  test('a preflight passes without a token, and answers can be read from any origin', async () => {
    const preflight = await api.agent
      .options(`${prefix}/Observation`)
      .set({ Origin: 'https://console.example', 'Access-Control-Request-Method': 'POST' });
    expect(preflight.status).toBe(204);
    expect(preflight.get('Access-Control-Allow-Origin')).toBe('*');
    expect(preflight.get('Access-Control-Allow-Methods')).toContain('POST');
    expect(preflight.get('Access-Control-Allow-Headers')).toBe(
      'Authorization, Cache-Control, Content-Type, Ocp-Apim-Subscription-Key, Prefer, Accept',
    );
    expect(Number(preflight.get('Access-Control-Max-Age'))).toBeGreaterThan(0);
    expect(preflight.get('Access-Control-Allow-Credentials')).toBeUndefined();

    const refused = await api.agent
      .get(`${prefix}/Patient`)
      .set('Origin', 'https://console.example');
    expect(refused.status).toBe(401);
    expect(refused.get('Access-Control-Allow-Origin')).toBe('*');
    expect(refused.get('Access-Control-Expose-Headers')).toBe('WWW-Authenticate, Location, ETag');
  });
});
