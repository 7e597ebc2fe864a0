import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { cancel } from '../../src/subscriptions/service.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aGateway, aKeyed, verify } from './stage.ts';

const later = (ms: number) => new Promise((passed) => setTimeout(passed, ms));

// A pooler that lends connections by the transaction answers LISTEN and forgets it: whoever trusts
// that answer believes that nothing ever changes.
describe('behind a pooler that keeps no sessions', () => {
  const databaseUrl = useDatabaseUrl();
  const sockets = new Set<Socket>();
  let pooler: Server;
  let server: TestServer;

  beforeAll(async () => {
    const target = new URL(databaseUrl);
    pooler = createServer((from) => {
      const to = connect(Number(target.port || 5432), target.hostname);
      from.on('data', (part) => {
        const text = part.toString('latin1').replace('listen sandgate', 'select 12345678');
        to.write(Buffer.from(text, 'latin1'));
      });
      to.on('data', (part) => from.write(part));
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
    const through = new URL(databaseUrl);
    through.hostname = '127.0.0.1';
    through.port = String((pooler.address() as AddressInfo).port);
    server = await startServer({ databaseUrl: through.href });
  });
  afterAll(async () => {
    await server.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => pooler.close(resolve));
  });

  test('a key goes on, and is refused within a second of being taken away', async () => {
    const gateway = await aGateway(server.pool);
    const { api, key, subscription, member } = await aKeyed(server.pool);
    const ask = async () =>
      (await verify(server.baseUrl, { api: api.id, key, gateway })).body.reason ?? 'allowed';
    await later(1500); // it has found out by now
    const told: string[] = [];
    for (let turn = 0; turn < 30; turn += 1) {
      told.push(await ask());
      await later(100);
    }
    expect(new Set(told)).toEqual(new Set(['allowed']));

    await cancel({ pool: server.pool, baseUrl: server.baseUrl }, member, subscription.id);
    await later(1000);
    expect(await ask()).toBe('subscription_inactive');
  });

  test('what was made a moment ago is let through', async () => {
    const gateway = await aGateway(server.pool);
    for (let turn = 0; turn < 5; turn += 1) {
      const { api, key } = await aKeyed(server.pool);
      expect((await verify(server.baseUrl, { api: api.id, key, gateway })).status).toBe(200);
    }
  });
});
