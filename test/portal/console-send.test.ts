import { createPasswords } from '../../src/base/passwords.ts';
import { transaction } from '../../src/db/pool.ts';
import { usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { newBrowser } from '../support/flow.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  aConsole,
  aWire,
  type Console,
  consoleIn,
  httpAnswer,
  type Told,
  type Wire,
} from './console-support.ts';
import { actsOf, aPerson, makeStale } from './profile-support.ts';
import { aSubscriber, decidedBy, keysOf, type Subscriber } from './subscriber.ts';

const priya = ['priya.nair@larkfield.example', 'ward-round-at-seven'] as const;

describe('what the console sends for somebody', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let wire: Wire;
  let echo: Wire;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, relayAllow: ['api.localhost', '127.0.0.1'] });
    await applyDemo(server);
    wire = await aWire(httpAnswer('200 OK', ['content-type: application/json'], '{"fine":true}'));
    echo = await aWire((socket, request) =>
      socket.end(httpAnswer('200 OK', ['content-type: text/plain'], request)),
    );
  }, 60_000);
  afterAll(async () => {
    await server.close();
    await wire.close();
    await echo.close();
    passwords.close();
  });

  /** An API at that port, and a product that opens it. */
  async function anApi(id: string, port: number, given: Parameters<typeof aProduct>[1] = {}) {
    const document = { openapi: '3.1.0', info: { title: id, version: '1' }, paths: {} };
    const api = {
      id,
      name: id,
      version: '1',
      description: '',
      document,
      otherVersions: [],
      baseUrls: [],
      ...usualCalls,
    };
    await transaction(server.pool, (tx) => upsertApi(tx, api));
    await upsertBaseUrl(server.pool, id, { name: 'main', url: `http://127.0.0.1:${port}/v1` });
    const product = await aProduct(server.pool, given);
    await saveProductApis(server.pool, product.id, [{ id, baseUrl: 'main', version: null }]);
    return product;
  }

  const call = (api: string, more: Record<string, string> = {}) => ({
    api,
    base: 'main',
    method: 'GET',
    path: '/things',
    ...more,
  });

  describe('to the sample API', () => {
    let console: Console;
    const patient = {
      api: 'patient-record',
      base: 'sandbox',
      operation: 'readPatient',
      method: 'GET',
      path: '/Patient/NM-0007',
      subscription: 'sub_larkfield_read',
      slot: 'primary',
    };
    beforeAll(async () => {
      console = await aConsole(server, priya[0], { password: priya[1] });
    });
    const token = async (more: Record<string, string> = {}): Promise<Told> =>
      console.post('/console/token', {
        subscription: 'sub_larkfield_read',
        grant: 'client_credentials',
        scope: 'system/Patient.rs',
        ...more,
      });
    const accessToken = ({ body }: Told): string =>
      (body.token as { access_token: string }).access_token;

    test('as a system: the test application gets a token, and the patient comes back', async () => {
      const told = await token();
      expect(told.body.token).toMatchObject({ token_type: 'Bearer', scope: 'system/Patient.rs' });
      const { status, body } = await console.post('/console/send', {
        ...patient,
        token: accessToken(told),
      });
      expect(status).toBe(200);
      expect(body).toMatchObject({ answer: { status: 200 }, failure: null, advice: [] });
      expect(JSON.parse((body.answer as { text: string }).text)).toMatchObject({ id: 'NM-0007' });
      const [primary] = await keysOf(server, 'sub_larkfield_read');
      expect(JSON.stringify(body)).not.toContain(primary?.value);
      expect(JSON.stringify(body)).not.toContain(accessToken(told));
      expect(JSON.stringify(body)).toContain(primary?.value.slice(-4));
    });

    test('with a user’s password: a test user by name, or credentials as they were typed', async () => {
      const scope = 'user/Patient.rs';
      const byName = await token({ grant: 'password', test_user: 'tu_gp', scope });
      const typed = await token({
        grant: 'password',
        user: 'own',
        username: 'asha.menon',
        password: 'surgery-opens-at-eight',
        scope,
      });
      for (const told of [byName, typed]) {
        const { body } = await console.post('/console/send', {
          ...patient,
          token: accessToken(told),
        });
        expect(body).toMatchObject({ answer: { status: 200 } });
        expect(JSON.stringify(told.body)).not.toContain('surgery-opens-at-eight');
      }
    });

    test('the token request is shown as it was sent, with its secrets covered', async () => {
      const { body } = await token({
        grant: 'password',
        test_user: 'tu_gp',
        scope: 'user/Patient.rs',
      });
      const { request, answer } = body as {
        request: Record<string, unknown>;
        answer: { text: string };
      };
      expect(request).toMatchObject({
        method: 'POST',
        target: '/sandbox/token',
        body: 'grant_type=password&username=asha.menon&password=••••&scope=user%2FPatient.rs',
      });
      expect(request.headers).toContainEqual(['authorization', 'Basic ••••••••']);
      expect(answer.text).not.toContain(accessToken({ status: 200, body }));
    });

    test.each([
      [
        'a wrong password',
        { grant: 'password', user: 'own', username: 'asha.menon', password: 'x' },
        'invalid_grant',
      ],
      [
        'a real account',
        { grant: 'password', user: 'own', username: priya[0], password: priya[1] },
        'invalid_grant',
      ],
      [
        'an application that is none',
        { client: 'own', client_id: 'nobody', client_secret: 'x' },
        'invalid_client',
      ],
      ['a scope of no product', { scope: 'system/Everything.cruds' }, 'invalid_scope'],
    ])('%s gets the public endpoint’s own refusal', async (_who, more, error) => {
      const { status, body } = await token(more as Record<string, string>);
      expect({ status, token: body.token }).toEqual({ status: 200, token: null });
      expect(JSON.parse((body.answer as { text: string }).text)).toMatchObject({ error });
    });

    test('a refused call says which check failed, and where to mend it', async () => {
      const adviceOn = async (more: Record<string, string>) => {
        const { body } = await console.post('/console/send', { ...patient, ...more });
        return body.advice as { check: string; link: { href: string } }[];
      };
      expect(await adviceOn({})).toMatchObject([
        { check: 'no_token', link: { href: '#authorization' } },
      ]);
      const other = accessToken(await token({ scope: 'system/Observation.rs' }));
      expect(await adviceOn({ token: other })).toMatchObject([
        { check: 'missing_scope', link: { href: '/products/read-records' } },
      ]);
      expect(await adviceOn({ token: 'what-is-this' })).toMatchObject([{ check: 'not_a_token' }]);
      const claims = Buffer.from(JSON.stringify({ exp: 1 })).toString('base64url');
      expect(await adviceOn({ token: `e30.${claims}.e30` })).toMatchObject([
        { check: 'token_expired' },
      ]);
      const live = Buffer.from(JSON.stringify({ iss: server.live })).toString('base64url');
      expect(await adviceOn({ token: `e30.${live}.e30` })).toMatchObject([
        { check: 'wrong_environment' },
      ]);
      const odd = Buffer.from('{"aud":{"toString":1},"scope":{"toString":1}}').toString(
        'base64url',
      );
      expect(await adviceOn({ token: `e30.${odd}.e30` })).toMatchObject([
        { check: 'wrong_audience' },
      ]);
      expect(await adviceOn({ subscription: '', slot: '' })).toMatchObject([
        { check: 'no_key', link: { href: '#key' } },
        { check: 'no_token' },
      ]);
    });

    test.each([
      ['a key of a live product', { subscription: 'sub_larkfield_live' }, 422, 'wrong_environment'],
      [
        'a pasted key of a live product',
        { subscription: '', key: 'sg_live_x' },
        422,
        'wrong_environment',
      ],
      ['a base URL of a live product', { base: 'northmoor-general' }, 422, 'not_opened'],
      [
        'a base URL of a live product, without a key',
        { subscription: '', base: 'northmoor-general' },
        404,
        'no_api',
      ],
      ['another team’s subscription', { subscription: 'sub_fernhill_submit' }, 404, 'no_key'],
      ['a slot that is none', { slot: 'third' }, 404, 'no_key'],
      ['an API that is none', { api: 'nothing' }, 422, 'not_opened'],
      ['a path that goes up', { path: '/../token' }, 422, 'path'],
      ['a header of ours', { headers: 'Cookie: a=b' }, 422, 'header'],
      ['a token with a line break', { token: 'a\r\nx: y' }, 422, 'token'],
    ])('refuses %s', async (_what, more, status, error) => {
      const told = await console.post('/console/send', { ...patient, ...more } as Record<
        string,
        string
      >);
      expect(told).toMatchObject({ status, body: { error } });
    });
  });

  describe('of a team', () => {
    let samir: Subscriber;
    let console: Console;
    beforeEach(async () => {
      const product = await anApi(`api-${Math.random().toString(36).slice(2)}`, wire.port);
      samir = await aSubscriber(server, passwords, { product });
      console = await consoleIn(server, samir.browser);
    });
    const apiOf = async (productId: string): Promise<string> => {
      const { rows } = await server.pool.query(
        'select api_id from product_apis where product_id = $1',
        [productId],
      );
      return rows[0].api_id;
    };
    const keyed = async (slot = 'primary') =>
      call(await apiOf(samir.subscription.productId), {
        subscription: samir.subscription.id,
        slot,
      });

    test('carries the key that the page only names', async () => {
      const before = wire.received.length;
      const { body } = await console.post('/console/send', await keyed('secondary'));
      expect(body).toMatchObject({ answer: { status: 200, text: '{"fine":true}' } });
      const [, secondary] = await keysOf(server, samir.subscription.id);
      expect(wire.received[before]).toContain(`ocp-apim-subscription-key: ${secondary?.value}`);
      expect(JSON.stringify(body)).not.toContain(secondary?.value);
    });

    test('is found by nobody else, and opens nothing once it is suspended', async () => {
      const form = await keyed();
      const stranger = await consoleIn(server, (await aPerson(server, passwords)).browser);
      expect(await stranger.post('/console/send', form)).toMatchObject({
        status: 404,
        body: { error: 'no_key' },
      });
      await decidedBy(server, samir, 'suspended', 'Too many calls.');
      const before = wire.received.length;
      expect(await console.post('/console/send', form)).toMatchObject({
        status: 422,
        body: { error: 'not_active', link: { href: samir.path } },
      });
      expect(wire.received).toHaveLength(before);
    });

    test('gives its key to no API but its product’s own', async () => {
      await anApi('echoing', echo.port);
      const form = { ...(await keyed()), api: 'echoing' };
      const before = echo.received.length;
      expect(await console.post('/console/send', form)).toMatchObject({
        status: 422,
        body: { error: 'not_opened' },
      });
      expect(echo.received).toHaveLength(before);
    });

    test('does not get its key back from an API that says what it was sent', async () => {
      const product = await anApi('parrot', echo.port);
      const other = await aSubscriber(server, passwords, { product });
      const theirs = await consoleIn(server, other.browser);
      const form = call('parrot', { subscription: other.subscription.id, slot: 'primary' });
      const { body } = await theirs.post('/console/send', form);
      const [primary] = await keysOf(server, other.subscription.id);
      expect(JSON.stringify(body)).not.toContain(primary?.value);
      expect((body.answer as { text: string }).text).toContain('ocp-apim-subscription-key: ****');
    });

    test('puts its key where calls for the API carry it', async () => {
      const product = await anApi('with-a-header', echo.port);
      await server.pool.query(`update apis set key_header = 'X-Key' where id = 'with-a-header'`);
      const other = await aSubscriber(server, passwords, { product });
      const theirs = await consoleIn(server, other.browser);
      const form = call('with-a-header', { subscription: other.subscription.id, slot: 'primary' });
      const { body } = await theirs.post('/console/send', form);
      expect((body.answer as { text: string }).text).toContain('x-key: ****');
      expect((body.answer as { text: string }).text).not.toContain('ocp-apim');
    });

    test('calls only what it sees: not an API of an invited product, nor one of a draft', async () => {
      await anApi('invited-only', wire.port, { visibility: 'invited' });
      await anApi('drafted', wire.port, { state: 'draft' });
      for (const api of ['invited-only', 'drafted']) {
        expect(await console.post('/console/send', call(api))).toMatchObject({
          status: 404,
          body: { error: 'no_api' },
        });
      }
    });

    test('reveals its key by the audited reveal, after a fresh sign-in only', async () => {
      const which = { subscription: samir.subscription.id, slot: 'primary' };
      const [primary] = await keysOf(server, samir.subscription.id);
      expect((await console.post('/console/reveal', which)).body).toEqual({ key: primary?.value });
      expect(await actsOf(server.pool, samir.account.id)).toContain('subscription_key.revealed');
      const stranger = await consoleIn(server, (await aPerson(server, passwords)).browser);
      expect(await stranger.post('/console/reveal', which)).toMatchObject({ status: 404 });
      await makeStale(server.pool, samir.account.id);
      expect(await console.post('/console/reveal', which)).toMatchObject({
        status: 401,
        body: { error: 'sign_in_again' },
      });
    });

    test('asks for tokens by its own subscriptions only, as its own test users only', async () => {
      const stranger = await consoleIn(server, (await aPerson(server, passwords)).browser);
      const ask = { subscription: samir.subscription.id, grant: 'client_credentials' };
      expect(await stranger.post('/console/token', ask)).toMatchObject({
        status: 404,
        body: { error: 'no_subscription' },
      });
      const someone = { ...ask, grant: 'password', test_user: 'tu_of_others' };
      expect(await console.post('/console/token', someone)).toMatchObject({
        status: 422,
        body: { error: 'test_user' },
      });
    });
  });

  test.each(['send', 'token', 'reveal'])(
    '%s needs a session, a token of our page and our origin',
    async (door) => {
      const one = await aPerson(server, passwords);
      const console = await consoleIn(server, one.browser);
      const path = `/console/${door}`;
      const form = { grant: 'client_credentials' };
      expect(await console.post(path, { ...form, csrf: 'x' })).toMatchObject({
        status: 403,
        body: { error: 'cross_origin' },
      });
      expect(await console.post(path, form, { origin: 'https://evil.example' })).toMatchObject({
        status: 403,
      });
      const nobody = await consoleIn(server, newBrowser(server.baseUrl));
      expect(await nobody.post(path, form)).toMatchObject({
        status: 401,
        body: { error: 'sign_in' },
      });
    },
  );

  test('an API that never answers holds six calls of one person, and a seventh waits', async () => {
    const silent = await aWire(() => {});
    await anApi('silent', silent.port);
    const console = await consoleIn(server, (await aPerson(server, passwords)).browser);
    const calls = Array.from({ length: 6 }, () => console.post('/console/send', call('silent')));
    while (silent.received.length < 6) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await console.post('/console/send', call('silent'))).toMatchObject({
      status: 429,
      body: { error: 'too_many_calls' },
    });
    await silent.close();
    for (const { body } of await Promise.all(calls)) {
      expect(body).toMatchObject({ answer: null, failure: { error: 'not_reached' } });
    }
  });

  test('forty calls at once are the most of everybody together', async () => {
    const silent = await aWire(() => {});
    await anApi('silent-too', silent.port);
    const consoles = await Promise.all(
      Array.from({ length: 8 }, async () =>
        consoleIn(server, (await aPerson(server, passwords)).browser),
      ),
    );
    const calls = consoles.flatMap((console) =>
      Array.from({ length: 5 }, () => console.post('/console/send', call('silent-too'))),
    );
    while (silent.received.length < 40) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await consoles[0]?.post('/console/send', call('silent-too'))).toMatchObject({
      status: 503,
      body: { error: 'console_busy' },
    });
    await silent.close();
    await Promise.all(calls);
    expect(await consoles[0]?.post('/console/send', call('nothing'))).toMatchObject({
      status: 404,
    });
  });

  test('nobody sends more than 120 calls in a minute', async () => {
    const one = await aPerson(server, passwords);
    const console = await consoleIn(server, one.browser);
    const statuses: number[] = [];
    for (let sent = 0; sent < 121; sent += 1) {
      statuses.push((await console.post('/console/send', call('nothing'))).status);
    }
    expect(statuses.slice(0, 120).every((status) => status === 404)).toBe(true);
    expect(statuses[120]).toBe(429);
  });
});
