import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../src/db/embedded-server.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  aCaller,
  aPersonCalling,
  base,
  type Caller,
  type Care,
  credentialsOf,
  startCare,
} from './care.ts';
import { temporaryDirectory } from './front.ts';
import { caddy, envoy, nginx } from './fronts.ts';
import { type Program, storiesWith } from './programs.ts';
import { type Answer, exchange } from './wire.ts';

const fronts = [
  { name: 'nginx', describe: storiesWith('nginx'), front: nginx },
  { name: 'Caddy', describe: storiesWith('caddy'), front: caddy },
  { name: 'Envoy, as it speaks', describe, front: envoy },
];

const identityHeaders = [
  'X-Subscription-Id',
  'X-Product-Id',
  'X-Developer-Id',
  'X-Auth-Subject',
  'X-Auth-Client-Id',
  'X-Auth-Scope',
  'X-Auth-Test-User',
  'X-Auth-Environment',
];

/** The configuration of examples/ as it is to be copied, in front of the sample API. */
for (const { name, describe, front } of fronts) {
  describe(name, () => {
    const databaseUrl = useDatabaseUrl();
    const directory = temporaryDirectory();
    const running: Program[] = [];
    let care: Care;
    let caller: Caller;
    let person: Caller;
    let port: number;

    beforeAll(async () => {
      care = await startCare(databaseUrl);
      caller = await aCaller(care);
      person = await aPersonCalling(care);
      port = await startFront(new URL(care.server.baseUrl).host);
    }, 60_000);
    afterAll(async () => {
      for (const program of running) await program.stop();
      await care?.close();
    });
    beforeEach(() => {
      care.api.reached.length = 0;
    });

    async function startFront(verify: string): Promise<number> {
      const places = { directory, port: await freePort(), verify, key: care.gatewayKey };
      running.push(await front({ ...places, api: care.api.address }));
      return places.port;
    }

    const call = (
      path: string,
      headers: Record<string, string>,
      { method = 'GET', body = '', at = port } = {},
    ): Promise<Answer> => {
      const length = { 'content-length': String(Buffer.byteLength(body)) };
      const options = { host: '127.0.0.1', port: at, path, method };
      return exchange({ ...options, headers: { ...headers, ...(body && length) } }, body);
    };
    const patients = `${base}/Patient?_count=1`;
    const challengesOf = ({ rawHeaders }: Answer) =>
      rawHeaders.filter((one, at) => at % 2 === 0 && one.toLowerCase() === 'www-authenticate');

    test.each([
      ['a machine', () => caller],
      ['a test user', () => person],
    ])('a call of %s reaches the API, which is told who calls', async (_who, of) => {
      const answer = await call(patients, credentialsOf(of()));
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ resourceType: 'Bundle' });
      const [reached] = care.api.reached;
      expect(reached?.url).toBe(patients);
      const told = Object.keys(of().identity).map((one) => [one, reached?.headers[one] ?? '']);
      expect(Object.fromEntries(told)).toEqual(of().identity);
      expect(reached?.headers).not.toHaveProperty('ocp-apim-subscription-key');
    });

    test('a key in the query opens as one in the header does', async () => {
      const { authorization = '' } = credentialsOf(caller);
      const path = `${patients}&subscription-key=${caller.key}`;
      expect((await call(path, { authorization })).status).toBe(200);
    });

    test('what callers say about themselves never reaches the API', async () => {
      const byKey = await aCaller(care, { credentials: 'key' });
      const forged = identityHeaders.flatMap((one) => [
        [one, 'forged'],
        [one.replaceAll('-', '_'), 'forged'],
      ]);
      const headers = { ...Object.fromEntries(forged), 'ocp-apim-subscription-key': byKey.key };
      await call(patients, headers);
      const told = care.api.reached[0]?.headers ?? {};
      expect(told).toMatchObject({ 'x-subscription-id': byKey.identity['x-subscription-id'] });
      expect(JSON.stringify(told)).not.toMatch(/forged|\{http\./);
      for (const unknown of ['x-auth-subject', 'x-auth-client-id', 'x-auth-scope']) {
        expect(told[unknown] ?? '').toBe('');
      }
    });

    test('a body passes whole', async () => {
      const body = JSON.stringify({ resourceType: 'Observation', note: 'é'.repeat(20_000) });
      const byKey = await aCaller(care, { credentials: 'key' });
      const headers = {
        'ocp-apim-subscription-key': byKey.key,
        'content-type': 'application/json',
      };
      await call(`${base}/Observation`, headers, { method: 'POST', body });
      expect(care.api.reached).toMatchObject([{ method: 'POST', body }]);
    });

    test('a browser that asks beforehand needs neither key nor token', async () => {
      const asks = { origin: 'https://portal.example', 'access-control-request-method': 'GET' };
      const answer = await call(`${base}/Patient`, asks, { method: 'OPTIONS' });
      expect(answer.status).toBeLessThan(300);
      expect(care.api.reached).toMatchObject([{ method: 'OPTIONS' }]);
    });

    describe('refuses', () => {
      afterEach(() => expect(care.api.reached).toEqual([]));

      test.each([
        ['no key', () => ({ authorization: `Bearer ${caller.token}` }), /missing subscription key/],
        ['no token', () => ({ 'ocp-apim-subscription-key': caller.key }), /token/],
        [
          'a key that opens nothing',
          () => ({ ...credentialsOf(caller), 'ocp-apim-subscription-key': 'sg_test_nothing' }),
          /invalid subscription key/,
        ],
      ])('%s with 401 and one challenge', async (_what, headers, message) => {
        const answer = await call(patients, headers());
        expect(answer.status).toBe(401);
        expect(JSON.parse(answer.body)).toMatchObject({
          statusCode: 401,
          message: expect.stringMatching(message),
        });
        expect(challengesOf(answer)).toHaveLength(1);
        expect(answer.headers['x-request-id']).toBeTruthy();
      });

      test('a scope that the token lacks with 403, whatever else the caller says is called', async () => {
        const narrow = await aCaller(care, {}, 'system/Observation.rs');
        const lies = {
          'x-forwarded-uri': `${base}/metadata`,
          'x-forwarded-method': 'GET',
          'x-original-uri': `${base}/metadata`,
          'x-original-method': 'GET',
        };
        for (const more of [{}, lies]) {
          const answer = await call(patients, { ...credentialsOf(narrow), ...more });
          expect([answer.status, JSON.parse(answer.body).statusCode]).toEqual([403, 403]);
        }
      });

      test.each([
        `${base}/metadata/../Patient`,
        `${base}/metadata/%2e%2e/Patient`,
        `${base}//Patient`,
      ])('%s, which an API could read in another way', async (path) => {
        expect((await call(path, credentialsOf(caller))).status).toBe(403);
      });
    });

    test('calls beyond a limit are told with 429 when to come again', async () => {
      const limited = await aCaller(care, { rate: { calls: 2, seconds: 86_400 } });
      for (let calls = 0; calls < 2; calls += 1) {
        expect((await call(patients, credentialsOf(limited))).status).toBe(200);
      }
      const answer = await call(patients, credentialsOf(limited));
      expect([answer.status, JSON.parse(answer.body).statusCode]).toEqual([429, 429]);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers.ratelimit).toMatch(/r=0/);
      expect(care.api.reached).toHaveLength(2);
    });

    test('calls beyond a quota are told with 403 when to come again', async () => {
      const limited = await aCaller(care, { quota: { calls: 1, seconds: 86_400 } });
      expect((await call(patients, credentialsOf(limited))).status).toBe(200);
      const answer = await call(patients, credentialsOf(limited));
      expect([answer.status, JSON.parse(answer.body).statusCode]).toEqual([403, 403]);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    });

    test('without Sandgate nobody comes through', async () => {
      const at = await startFront(`127.0.0.1:${await freePort()}`);
      const answer = await call(patients, credentialsOf(caller), { at });
      expect(answer.status).toBe(503);
      expect(care.api.reached).toEqual([]);
    });
  });
}

storiesWith('nginx')('nginx', () => {
  const directory = temporaryDirectory();

  test.each([
    [503, 'Wait.'],
    [429, 'Slow down.'],
  ])('puts a %i together again that verify folded', async (status, message) => {
    const verify = createServer((_request, response) => {
      const said = { 'X-Gateway-Status': status, 'X-Gateway-Message': message, 'Retry-After': 7 };
      response.writeHead(403, said).end();
    });
    await new Promise<void>((resolve) => verify.listen(0, '127.0.0.1', resolve));
    const at = `127.0.0.1:${(verify.address() as AddressInfo).port}`;
    const port = await freePort();
    const gateway = await nginx({ directory, port, verify: at, api: at, key: 'sg_gw_any' });
    try {
      const answer = await exchange({ host: '127.0.0.1', port, path: '/' });
      expect(answer).toMatchObject({ status, headers: { 'retry-after': '7' } });
      expect(JSON.parse(answer.body)).toEqual({ statusCode: status, message });
    } finally {
      await gateway.stop();
      verify.closeAllConnections();
      verify.close();
    }
  });
});
