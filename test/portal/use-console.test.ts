import { createPasswords } from '../../src/base/passwords.ts';
import { transaction } from '../../src/db/pool.ts';
import { usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aRefusal } from '../support/use.ts';
import { aWire, type Console, consoleIn, httpAnswer, type Wire } from './console-support.ts';
import { aSubscriber, type Subscriber } from './subscriber.ts';

describe('a call from the console that a gateway refuses', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let gateway: Wire;
  let samir: Subscriber;
  let console: Console;
  let answer: { status: string; requestId: string; body: object };

  beforeAll(async () => {
    server = await startServer({ databaseUrl, relayAllow: ['127.0.0.1'] });
    gateway = await aWire((socket) => {
      const headers = ['content-type: application/json', `x-request-id: ${answer.requestId}`];
      socket.end(httpAnswer(answer.status, headers, JSON.stringify(answer.body)));
    });
    const document = { openapi: '3.1.0', info: { title: 'x', version: '1' }, paths: {} };
    const api = { id: 'things', name: 'Things', version: '1', description: '', document };
    await transaction(server.pool, (tx) =>
      upsertApi(tx, { ...api, otherVersions: [], baseUrls: [], ...usualCalls }),
    );
    const base = { name: 'main', url: `http://127.0.0.1:${gateway.port}` };
    await upsertBaseUrl(server.pool, 'things', base);
    const product = await aProduct(server.pool);
    await saveProductApis(server.pool, product.id, [
      { id: 'things', baseUrl: 'main', version: null },
    ]);
    samir = await aSubscriber(server, passwords, { product });
    console = await consoleIn(server, samir.browser);
  }, 60_000);
  afterAll(async () => {
    await server.close();
    await gateway.close();
    await passwords.close();
  });

  const advice = async () => {
    const { body } = await console.post('/console/send', {
      api: 'things',
      base: 'main',
      method: 'GET',
      path: '/thing',
      subscription: samir.subscription.id,
      slot: 'primary',
    });
    return body.advice as { check: string; message: string; link: { href: string } | null }[];
  };
  const refusal = { statusCode: 403, message: 'Access denied.' };

  test('shows the same explanation, and leads to it', async () => {
    const requestId = await aRefusal(server.pool, {
      teamId: samir.team.id,
      subscriptionId: samir.subscription.id,
      reason: 'scope_missing',
      detail: 'user/Thing.rs',
    });
    answer = { status: '403 Forbidden', requestId, body: refusal };
    expect(await advice()).toMatchObject([
      { check: 'scope_missing', message: expect.stringContaining('lacks a scope') },
      { check: 'refused_call', link: { href: `/use/refusals/${requestId}` } },
    ]);
  });

  test('waits a moment until it is written down', async () => {
    answer = { status: '403 Forbidden', requestId: 'req_written-late', body: refusal };
    const told = advice();
    setTimeout(async () => {
      const id = await aRefusal(server.pool, { teamId: samir.team.id, reason: 'suspended' });
      await server.pool.query('update refusals set request_id = $2 where request_id = $1', [
        id,
        'req_written-late',
      ]);
    }, 400);
    expect(await told).toMatchObject([{ check: 'suspended' }, { check: 'refused_call' }]);
  });

  test.each([
    ['of another team', { teamId: 'team_other' }],
    ['of nobody', {}],
  ])('says nothing of one %s', async (_whose, given) => {
    const requestId = await aRefusal(server.pool, { ...given, reason: 'suspended' });
    answer = { status: '403 Forbidden', requestId, body: refusal };
    expect(await advice()).not.toContainEqual(expect.objectContaining({ check: 'suspended' }));
  });

  test('leaves an API’s own refusal to be read as before, without waiting', async () => {
    const requestId = await aRefusal(server.pool, { teamId: samir.team.id });
    answer = { status: '401 Unauthorized', requestId, body: { error: 'no' } };
    const began = performance.now();
    expect(await advice()).toMatchObject([{ check: 'no_token' }]);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
