import { createPasswords } from '../../src/base/passwords.ts';
import { transaction } from '../../src/db/pool.ts';
import { usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import type { Product } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aWire, type Console, consoleIn, httpAnswer, type Wire } from './console-support.ts';
import { aPerson } from './profile-support.ts';
import { aSubscriber, keysOf, type Subscriber } from './subscriber.ts';

describe('the console and live products', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let wire: Wire;
  beforeAll(async () => {
    server = await startServer({ databaseUrl, relayAllow: ['127.0.0.1'] });
    wire = await aWire(httpAnswer('401 Unauthorized', ['content-type: text/plain'], 'no'));
    const get = { operationId: 'listThings', responses: { 200: { description: 'All.' } } };
    const document = {
      openapi: '3.1.0',
      info: { title: 'Things', version: '1' },
      paths: { '/things': { get: { ...get, security: [{ oauth: ['read'] }] } } },
    };
    const about = { id: 'things', name: 'Things', version: '1', description: '', document };
    await transaction(server.pool, (tx) =>
      upsertApi(tx, { ...about, ...usualCalls, otherVersions: [], baseUrls: [] }),
    );
    for (const name of ['ward', 'lab']) {
      const url = `http://127.0.0.1:${wire.port}/${name}`;
      await upsertBaseUrl(server.pool, 'things', { name, url });
    }
  });
  afterAll(async () => {
    await server.close();
    await wire.close();
    passwords.close();
  });

  /** Somebody who has a live product that opens the API at the ward. */
  async function aHolder(given: Partial<Product>): Promise<Subscriber & { console: Console }> {
    const product = await aProduct(server.pool, { environment: 'live', ...given });
    await saveProductApis(server.pool, product.id, [
      { id: 'things', baseUrl: 'ward', version: null },
    ]);
    const holder = await aSubscriber(server, passwords, { product });
    return { ...holder, console: await consoleIn(server, holder.browser) };
  }
  const calling = (more: Record<string, string>) => ({
    ...{ api: 'things', base: 'ward', operation: 'listThings', method: 'GET', path: '/things' },
    ...more,
  });
  const keyed = ({ subscription }: Subscriber) => ({
    subscription: subscription.id,
    slot: 'primary',
  });
  const visit = `/console/things/listThings`;

  test('one that did not opt in is not called, and the page does not offer it', async () => {
    const holder = await aHolder({});
    const before = wire.received.length;
    expect(await holder.console.post('/console/send', calling(keyed(holder)))).toMatchObject({
      status: 422,
      body: { error: 'wrong_environment', link: { href: holder.path } },
    });
    expect(wire.received).toHaveLength(before);
    expect((await holder.open(visit)).status).toBe(404);
    expect((await holder.open(holder.path)).text).not.toContain('/console/things');
  });

  test('one that opted in is called by whoever has it, with the key of theirs', async () => {
    const holder = await aHolder({ consoleRelay: true, name: 'Things for real' });
    const [primary] = await keysOf(server, holder.subscription.id);
    const before = wire.received.length;
    const told = await holder.console.post('/console/send', calling(keyed(holder)));
    expect(told).toMatchObject({
      status: 200,
      body: { answer: { status: 401 }, advice: [{ check: 'no_token' }] },
    });
    expect(wire.received[before]).toContain('GET /ward/things ');
    expect(wire.received[before]).toContain(primary?.value);
    expect(JSON.stringify(told.body)).not.toContain(primary?.value);

    const { text } = await holder.open(visit);
    expect(text).toContain('Things for real is live.');
    expect(text).toContain('sg_live_••••');
    expect(text).not.toContain(primary?.value);
    expect((await holder.open(holder.path)).text).toContain('/console/things');
  });

  test('it takes a token of the live issuer: one of the sandbox is named beside the answer', async () => {
    const holder = await aHolder({ consoleRelay: true });
    const claims = { iss: `${server.baseUrl}/sandbox`, aud: 'x', scope: 'read' };
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
    const told = await holder.console.post('/console/send', calling({ ...keyed(holder), token }));
    expect(told.body).toMatchObject({
      advice: [
        {
          check: 'wrong_environment',
          message: expect.stringContaining(`those of ${server.baseUrl}/live`),
        },
      ],
    });
    const asked = { subscription: holder.subscription.id, grant: 'client_credentials' };
    expect(await holder.console.post('/console/token', asked)).toMatchObject({
      status: 404,
      body: { error: 'no_subscription' },
    });
  });

  test('whoever does not have it neither sees nor calls it, whatever key they type', async () => {
    const holder = await aHolder({ consoleRelay: true });
    const [primary] = await keysOf(server, holder.subscription.id);
    const stranger = await aPerson(server, passwords);
    const theirs = await consoleIn(server, stranger.browser);
    const before = wire.received.length;
    const named = await theirs.post('/console/send', calling(keyed(holder)));
    expect(named).toMatchObject({ status: 404, body: { error: 'no_key' } });
    const typed = await theirs.post('/console/send', calling({ key: primary?.value ?? '' }));
    expect(typed).toMatchObject({ status: 404, body: { error: 'no_api' } });
    expect(wire.received).toHaveLength(before);
    expect((await stranger.open(visit)).status).toBe(404);
    expect((await newBrowser(server.baseUrl).open(`${server.baseUrl}${visit}`)).status).toBe(404);
  });

  test('once it opts out, or the subscription ends, nothing is sent any more', async () => {
    const holder = await aHolder({ consoleRelay: true });
    const { productId, id } = holder.subscription;
    const before = wire.received.length;
    await server.pool.query('update products set console_relay = false where id = $1', [productId]);
    const outside = await holder.console.post('/console/send', calling(keyed(holder)));
    expect(outside.body).toMatchObject({ error: 'wrong_environment' });
    await server.pool.query('update products set console_relay = true where id = $1', [productId]);
    await server.pool.query(`update subscriptions set state = 'cancelled' where id = $1`, [id]);
    const ended = await holder.console.post('/console/send', calling(keyed(holder)));
    expect(ended.body).toMatchObject({ error: 'not_active' });
    expect(wire.received).toHaveLength(before);
  });

  test('keys of the sandbox and of live never go to each other’s address', async () => {
    const holder = await aHolder({ consoleRelay: true });
    const sandbox = await aProduct(server.pool, { name: 'Things to try' });
    await saveProductApis(server.pool, sandbox.id, [
      { id: 'things', baseUrl: 'lab', version: null },
    ]);
    const before = wire.received.length;
    const wrongWay = await holder.console.post(
      '/console/send',
      calling({ ...keyed(holder), base: 'lab' }),
    );
    expect(wrongWay.body).toMatchObject({ error: 'wrong_environment' });
    const [primary] = await keysOf(server, holder.subscription.id);
    const typed = calling({ key: primary?.value ?? '', base: 'lab' });
    expect((await holder.console.post('/console/send', typed)).body).toMatchObject({
      error: 'wrong_environment',
    });
    const none = await holder.console.post('/console/send', calling({ base: 'ward' }));
    expect(none).toMatchObject({ status: 404, body: { error: 'no_api' } });
    expect(wire.received).toHaveLength(before);
  });
});
