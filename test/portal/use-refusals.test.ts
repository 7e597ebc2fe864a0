import { createPasswords } from '../../src/base/passwords.ts';
import { reasons } from '../../src/usage/reason.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aClient, aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aRefusal } from '../support/use.ts';
import { aSubscriber, type Subscriber } from './subscriber.ts';

const hour = 3_600_000;

describe('why a call was refused', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const aCaller = async () => {
    const product = await aProduct(server.pool, { name: 'Read Records' });
    const someone = await aSubscriber(server, passwords, { product });
    const subscriptions = [someone.subscription];
    const client = await aClient(server.pool, { name: 'Night Batch', subscriptions });
    const known = {
      teamId: someone.team.id,
      productId: product.id,
      subscriptionId: someone.subscription.id,
      clientId: client.id,
      apiId: 'patient-record',
      operation: 'GET /Patient/{id}',
    };
    return { ...someone, known };
  };
  const read = async ({ open }: Pick<Subscriber, 'open'>, path: string) =>
    (await open(path)).text.replace(/\s+/g, ' ');

  test('says where there is nothing to mend', async () => {
    expect(await read(await aCaller(), '/use/refusals')).toContain('No call was refused.');
  });

  test.each(Object.entries(reasons))(
    '%s is said in words, with the way to mend it',
    async (reason, words) => {
      const someone = await aCaller();
      const id = await aRefusal(server.pool, {
        ...someone.known,
        reason: reason as keyof typeof reasons,
      });
      const text = await read(someone, `/use/refusals/${id}`);
      expect(text).toContain(`<strong>${words.says}</strong>`);
      expect(text).toContain(`<p>${words.mend}</p>`);
      expect(text).toContain(id);
      const link = /<a class="button" href="([^"]+)">/.exec(text)?.[1];
      const nobodysToMend = ['gateway_unknown', 'api_unknown', 'unavailable'].includes(reason);
      expect(link === undefined).toBe(nobodysToMend);
      // the demo's API is not in this catalogue; every other link leads to a page
      if (link && !link.startsWith('/apis/')) expect((await someone.open(link)).status).toBe(200);
    },
  );

  test('tells the call: when, which, by what', async () => {
    const someone = await aCaller();
    const id = await aRefusal(server.pool, {
      ...someone.known,
      reason: 'scope_missing',
      detail: 'user/Patient.rs <b>',
      status: 403,
      testUser: true,
    });
    const text = await read(someone, `/use/refusals/${id}`);
    for (const words of [
      'user/Patient.rs &lt;b&gt;',
      '<dd>403</dd>',
      '<code>GET /Patient/{id}</code>',
      `href="/products/${someone.known.productId}">Read Records`,
      `href="${someone.path}">Read Records`,
      `href="/applications/${someone.known.clientId}">Night Batch`,
      'a test user',
      'UTC',
    ]) {
      expect(text).toContain(words);
    }
  });

  test('is found by the request ID, and one that is nobody’s is not found', async () => {
    const someone = await aCaller();
    const id = await aRefusal(server.pool, someone.known);
    const list = await someone.open(`/use/refusals?request=%20${id}`);
    expect(list.text).toContain('The access token has expired.');
    expect(list.url).toContain(`/use/refusals/${id}`);
    const wrong = await someone.open('/use/refusals?request=req_x%2F..%2F"');
    expect(wrong.status).toBe(404);
    for (const words of ['We know no refused call by this ID.', 'value="req_x/../&#34;"', id]) {
      expect(wrong.text).toContain(words);
    }
    const gone = await someone.open('/use/refusals/req_x');
    expect([gone.status, gone.text]).toEqual([404, expect.stringContaining('last 24 hours')]);
  });

  test('is for its owner only', async () => {
    const other = await aCaller();
    const theirs = await aRefusal(server.pool, other.known);
    const nobodys = await aRefusal(server.pool, { reason: 'key_unknown' });
    const someone = await aCaller();
    for (const id of [theirs, nobodys]) {
      expect((await someone.open(`/use/refusals/${id}`)).status).toBe(404);
      expect((await someone.open(`/use/refusals?request=${id}`)).status).toBe(404);
    }
    const { subscriptionId } = other.known;
    for (const path of ['/use/refusals', `/use/refusals?subscription=${subscriptionId}`]) {
      const text = await read(someone, path);
      expect(text).toContain('No call was refused.');
      expect(text).not.toContain(theirs);
    }
  });

  test('is told for a day', async () => {
    const someone = await aCaller();
    const at = (hours: number) => new Date(Date.now() - hours * hour);
    const fresh = await aRefusal(server.pool, { ...someone.known, at: at(23.9) });
    const old = await aRefusal(server.pool, { ...someone.known, at: at(24.1) });
    const text = await read(someone, '/use/refusals');
    expect(text).toContain(fresh);
    expect(text).not.toContain(old);
    expect((await someone.open(`/use/refusals/${old}`)).status).toBe(404);
  });

  test('is listed newest first, in pages, also of one subscription', async () => {
    const someone = await aCaller();
    const ids: string[] = [];
    for (let n = 0; n < 27; n += 1) {
      const at = new Date(Date.now() - Math.floor(n / 2) * 1_000); // two at each moment
      ids.push(await aRefusal(server.pool, { ...someone.known, at }));
    }
    const elsewhere = await aRefusal(server.pool, { teamId: someone.team.id });
    const { subscriptionId } = someone.known;
    const seen = (text: string) =>
      [...text.matchAll(/<span class="hidden">: (req_\w+)/g)].map(([, id]) => id);
    const first = await read(someone, `/use/refusals?subscription=${subscriptionId}`);
    expect(first).toContain('Only Read Records');
    const all = await read(someone, '/use/refusals');
    expect(all).toContain(`href="/use/refusals?subscription=${subscriptionId}">Read Records`);
    const older = /href="([^"]+)">Older/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await read(someone, older);
    expect(seen(first)).toHaveLength(25);
    expect([...seen(first), ...seen(second)].sort()).toEqual([...ids].sort());
    expect(second).toContain('Newest</a>');
    expect(seen(await read(someone, '/use/refusals'))).toContain(elsewhere);
  });

  test.each(['?before=x', '?before=99999999999999999.req_x', '?before=1.', '?subscription[]=1'])(
    'an address that makes no sense is a page all the same: %s',
    async (query) => {
      expect((await (await aCaller()).open(`/use/refusals${query}`)).status).toBe(200);
    },
  );

  test('one that a later version wrote down is told as far as it goes', async () => {
    const someone = await aCaller();
    const id = await aRefusal(server.pool, someone.known);
    await server.pool.query(`update refusals set reason = 'constructor' where request_id = $1`, [
      id,
    ]);
    expect(await read(someone, `/use/refusals/${id}`)).toContain('Refused: constructor.');
  });
});
