import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aPerson, type Person, send } from './profile-support.ts';
import { aSubscriber, decidedBy, keysOf, type Subscriber } from './subscriber.ts';

describe('what one comes home to', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const asked = async (given: Partial<Product> = {}) =>
    aSubscriber(server, passwords, { product: await aProduct(server.pool, given) });
  const home = async ({ open }: Pick<Person, 'open'>, query = '') =>
    (await open(`/${query}`)).text.replace(/\s+/g, ' ');
  /** The card of that heading. */
  const card = (text: string, heading: string) =>
    text.split('<section').find((part) => part.includes(`>${heading}</h2>`)) ?? '';
  const todo = async (someone: Pick<Person, 'open'>) =>
    card(await home(someone), 'What to do next');

  test('a visitor finds the start page, and so does whoever is signed in, at an address of its own', async () => {
    const visitor = await newBrowser(server.baseUrl).open(`${server.baseUrl}/`);
    expect(visitor.text).toContain('Get a token, call an API');
    const someone = await aPerson(server, passwords);
    expect(await home(someone)).not.toContain('Get a token, call an API');
    expect((await someone.open('/try')).text).toContain('Get a token, call an API');
  });

  test('a new member is shown the first of three steps, to an open product', async () => {
    const someone = await aPerson(server, passwords, { name: 'Priya Nair', team: 'Larkfield' });
    const before = await home(someone);
    expect(before).toContain('Three steps to your first answer');
    expect(before).toContain('None yet.');
    await aProduct(server.pool, { name: 'Guarded', needsApproval: true });
    const { id } = await aProduct(server.pool, { name: 'Read Records' });
    expect(await home(someone)).toContain(
      `href="/products/${id}#ask">Subscribe to Read Records</a>`,
    );
  });

  test('a subscription has its state, product, environment, keys, applications, last use and limit', async () => {
    const someone = await asked({ name: 'Read Records', rate: { calls: 10, seconds: 60 } });
    const subscriptions = [someone.subscription];
    const client = await aClient(server.pool, { name: 'Night Batch', subscriptions });
    expect(await home(someone)).toContain('No key or secret yet');
    const form = { grant_type: 'client_credentials' };
    await post(`${server.baseUrl}/sandbox/token`, client, form);
    const text = await home(someone);
    const table = card(text, 'Subscriptions');
    const [primary, secondary] = await keysOf(server, someone.subscription.id);
    for (const words of [
      'Hello, Priya',
      `<a href="${someone.path}"><strong>Read Records</strong></a>`,
      'data-state="active">Active',
      'badge sandbox',
      `<code>••••${primary?.value.slice(-4)}</code> primary`,
      `<code>••••${secondary?.value.slice(-4)}</code> secondary`,
      'Night Batch',
      'Last used: Today, ',
      '10 calls a minute',
    ]) {
      expect(text).toContain(words);
    }
    expect(text).not.toContain(primary?.value);
    expect(table).not.toContain('Priya Nair team'); // there is but one
    expect(card(text, 'Applications')).toContain('Night Batch');
    expect(card(text, 'What to do next')).toContain('Nothing is due.');
  });

  test('of several teams all is there, with the team’s name; of others’ teams nothing', async () => {
    const someone = await asked({ name: 'Of my own' });
    const second = await aTeam(server.pool, { name: 'Second team', members: [someone.account] });
    const product = await aProduct(server.pool, { name: 'Of the second' });
    await aSubscription(server.pool, { team: second, product });
    await aSubscription(server.pool, {
      product: await aProduct(server.pool, { name: 'Of strangers' }),
    });
    const table = card(await home(someone), 'Subscriptions');
    expect(table).toContain('Of my own');
    expect(table).toContain('Of the second');
    expect(table).toContain('Second team');
    expect(table).toContain('Priya Nair team');
    expect(table).not.toContain('Of strangers');
  });

  test('is filtered by state, with how many there are, and comes in pages', async () => {
    const someone = await asked({ name: 'Current' });
    const { team } = someone;
    for (let n = 10; n < 33; n += 1) {
      const product = await aProduct(server.pool, { name: `Past ${n}` });
      await aSubscription(server.pool, { team, product, state: 'cancelled' });
    }
    const needsApproval = true;
    const product = await aProduct(server.pool, { name: 'Wished for', needsApproval });
    await aSubscription(server.pool, { team, product, state: 'submitted' });

    const all = card(await home(someone), 'Subscriptions');
    expect(all.match(/<strong>(Wished for|Current)/g)).toHaveLength(2); // before all that is over
    for (const words of ['All 25', 'Active 1', 'Waiting 1', 'Ended 23']) {
      expect(all).toContain(words);
    }
    expect(all).not.toContain('Suspended 0');
    expect(all.match(/<tr>/g)).toHaveLength(1 + 20);
    const active = card(await home(someone, '?state=active'), 'Subscriptions');
    expect(active).toContain('<strong>Current</strong>');
    expect(active.match(/<tr>/g)).toHaveLength(1 + 1);
    expect(card(await home(someone, '?state=waiting'), 'Subscriptions')).toContain('Wished for');
    const ended = await home(someone, '?state=ended');
    const older = /href="([^"]+)">Older/.exec(ended)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const rest = card(await home(someone, older.slice(1)), 'Subscriptions');
    expect(rest.match(/<strong>Past \d+/g)).toEqual([
      '<strong>Past 12',
      '<strong>Past 11',
      '<strong>Past 10',
    ]);
    expect((await someone.open('/?state=nonsense&before=none')).status).toBe(200);
    expect(await home(someone, '?state=suspended')).toContain('None here.');
  });

  test('what waits, was rejected or is suspended stands above, until it is dealt with', async () => {
    const waiting = await asked({ name: 'Send Observations', needsApproval: true });
    expect(await todo(waiting)).toContain('Send Observations waits for approval.');
    await decidedBy(server, waiting, 'rejected', 'Name the care sites.');
    const rejected = await todo(waiting);
    expect(rejected).toContain('Send Observations was rejected.');
    expect(rejected).toContain('“Name the care sites.”');
    const again = /href="([^"]+)">Ask again/.exec(rejected)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const { productId } = waiting.subscription;
    await send(
      waiting,
      again,
      { purpose: 'With the care sites now.' },
      `/products/${productId}/subscriptions`,
    );
    const after = await todo(waiting);
    expect(after).not.toContain('was rejected');
    expect(after).toContain('waits for approval');

    const suspended = await asked({ name: 'Read Records' });
    await decidedBy(server, suspended, 'suspended', 'Too many errors.');
    expect(await todo(suspended)).toContain('Read Records is suspended.');
    expect(card(await home(suspended), 'Subscriptions')).toContain('Suspended 1');
  });

  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
  const ends = (table: string, id: string, days: number) =>
    server.pool.query(`update ${table} set expires_at = $2 where id = $1`, [id, inDays(days)]);

  test.each<[string, string, (someone: Subscriber, days: number) => Promise<unknown>]>([
    [
      'a subscription',
      'Read Records ends on',
      ({ subscription }, days) => ends('subscriptions', subscription.id, days),
    ],
    [
      'a key',
      'The primary key of Read Records ends.',
      async ({ subscription }, days) =>
        ends('subscription_keys', (await keysOf(server, subscription.id))[0]?.id ?? '', days),
    ],
    [
      'an old key',
      'Stop using the old secondary key of Read Records.',
      async ({ subscription }, days) => {
        const [, key] = await keysOf(server, subscription.id);
        await ends('subscription_keys', key?.id ?? '', days);
        await server.pool.query('update subscription_keys set replaced_at = now() where id = $1', [
          key?.id,
        ]);
      },
    ],
    [
      'an application’s only secret',
      'Renew the secret of Night Batch.',
      async ({ subscription }, days) => {
        const { id } = await aClient(server.pool, {
          name: 'Night Batch',
          subscriptions: [subscription],
        });
        await server.pool.query('update client_secrets set expires_at = $2 where client_id = $1', [
          id,
          inDays(days),
        ]);
      },
    ],
  ])(
    '%s that ends within a fortnight is named, one that ends later is not',
    async (_, words, make) => {
      const [soon, later] = [
        await asked({ name: 'Read Records' }),
        await asked({ name: 'Read Records' }),
      ];
      await make(soon, 3);
      await make(later, 30);
      expect(await todo(soon)).toContain(words);
      expect(await todo(later)).toContain('Nothing is due.');
    },
  );

  test('a secret that another outlives is no matter', async () => {
    const someone = await asked();
    const { id } = await aClient(server.pool, { subscriptions: [someone.subscription] });
    await server.pool.query(
      `insert into client_secrets (client_id, digest, expires_at) values ($1, 'x', $2)`,
      [id, inDays(2)],
    );
    expect(await todo(someone)).toContain('Nothing is due.');
  });

  test('a product that goes away is named with its day', async () => {
    const someone = await asked({ name: 'Read Records' });
    await server.pool.query(
      `update products set state = 'deprecated', retires_on = '2100-03-31' where id = $1`,
      [someone.subscription.productId],
    );
    expect(await todo(someone)).toContain('Read Records goes away on 31 March 2100.');
  });
});
