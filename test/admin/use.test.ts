import { createPasswords } from '../../src/base/passwords.ts';
import { insertGateway } from '../../src/gateway/gateway-store.ts';
import { actsOf, type Person } from '../portal/profile-support.ts';
import { aSubscriber, type Subscriber } from '../portal/subscriber.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aRefusal, someCalls } from '../support/use.ts';
import { anAdministrator } from './support.ts';

const october = '/admin/use?by=day&on=2025-10';
const at = new Date('2025-10-14T09:00:00Z');

describe('use, as the programme sees it', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let helen: Person;
  let someone: Subscriber;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    helen = await anAdministrator(server, passwords, ['support']);
    const product = await aProduct(server.pool, { name: 'Read Records' });
    someone = await aSubscriber(server, passwords, { product, team: 'Larkfield Software' });
    const known = {
      teamId: someone.team.id,
      productId: product.id,
      subscriptionId: someone.subscription.id,
      hour: at,
    };
    await someCalls(server.pool, { ...known, calls: 1_200 });
    await someCalls(server.pool, { ...known, calls: 34, outcome: 'forbidden' });
    await someCalls(server.pool, { hour: at, environment: '', calls: 56, outcome: 'unauthorized' });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });
  const read = async (path: string) => (await helen.open(path)).text.replace(/\s+/g, ' ');

  test('is everybody’s, by team first, and of callers that nobody knows too', async () => {
    const text = await read(october);
    expect(text).toContain('<strong>1,290 calls</strong>');
    expect(text).toContain('<h2 id="parts-title">By team</h2>');
    expect(text).toMatch(/Larkfield Software<\/strong><\/a><\/td> <td data-label="Calls">1,234</);
    expect(text).toMatch(/Nobody we know<\/span><\/td> <td data-label="Calls">56</);
  });

  test('is narrowed to one team, whose name it tells', async () => {
    const text = await read(`${october}&team=${someone.team.id}`);
    expect(text).toContain('Team: <strong>Larkfield Software</strong>');
    expect(text).toContain('<strong>1,234 calls</strong>');
  });

  test('is told by environment', async () => {
    expect(await read(`${october}&environment=sandbox`)).toContain('<strong>1,234 calls</strong>');
    expect(await read(`${october}&environment=live`)).toContain('No calls that fit.');
  });

  test('is downloaded, which the trail remembers', async () => {
    const file = await helen.open('/admin/use/calls.csv?by=day&on=2025-10');
    expect(file.text.trim().split('\r\n')).toHaveLength(4);
    expect(file.text).toContain('Larkfield Software');
    expect(await actsOf(server.pool, helen.account.id)).toContain('use.downloaded');
  });

  test('a refused call is told with what it named, and by which gateway', async () => {
    const gateway = await insertGateway(server.pool, {
      name: 'Edge of the north',
      baseUrlName: null,
      createdBy: null,
    });
    const theirs = await aRefusal(server.pool, {
      teamId: someone.team.id,
      subscriptionId: someone.subscription.id,
      reason: 'key_expired',
      gatewayId: gateway.id,
    });
    const nobodys = await aRefusal(server.pool, { reason: 'key_unknown', environment: '' });
    const list = await read('/admin/use/refusals');
    for (const words of [theirs, nobodys, 'Larkfield Software', 'Nobody we know']) {
      expect(list).toContain(words);
    }
    const page = await read(`/admin/use/refusals/${theirs}`);
    for (const words of [
      'Edge of the north',
      `href="/admin/teams/${someone.team.id}">Larkfield Software`,
      `href="/admin/approvals/${someone.subscription.id}"`,
      'This subscription key was replaced or stopped.',
    ]) {
      expect(page).toContain(words);
    }
    const found = await helen.open(`/admin/use/refusals?request=${nobodys}`);
    expect(found.text).toContain('Nobody has this subscription key');
    expect((await helen.open('/admin/use/refusals/req_none')).status).toBe(404);
  });
});
