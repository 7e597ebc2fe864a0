import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { submitTo } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser } from '../support/flow.ts';
import { aClient, anAccount, aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { actsOf, send } from './profile-support.ts';
import { aSubscriber, decidedBy, type Subscriber } from './subscriber.ts';

describe('a subscription’s page', () => {
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
  const waiting = () => asked({ needsApproval: true, name: 'Send Observations' });
  const say = async ({ open, path }: Subscriber) => (await open(path)).text;
  const stateOf = async ({ subscription }: Subscriber) =>
    (await server.pool.query('select state from subscriptions where id = $1', [subscription.id]))
      .rows[0].state;

  test('says what it is, whose, since when, and what it allows', async () => {
    const text = await say(await asked({ name: 'Read Records', rate: { calls: 10, seconds: 1 } }));
    for (const words of [
      '<h1>Read Records</h1>',
      'data-state="active">Active',
      '<dd>Priya Nair team</dd>',
      'Today, by Priya Nair',
      '10 calls a second',
      'Showing a ward round who needs what.',
      'Read examples',
    ]) {
      expect(text).toContain(words);
    }
    expect(text).toMatch(/Asked[^<]* by you/);
  });

  test('lists its applications, and the two clients that come with it', async () => {
    const someone = await asked();
    const [night] = await Promise.all([
      aClient(server.pool, { name: 'Night Batch', subscriptions: [someone.subscription] }),
      aClient(server.pool, { name: 'Of others' }),
    ]);
    const text = await say(someone);
    expect(text).toContain(`href="/applications/${night.id}"><strong>Night Batch</strong>`);
    expect(text).toContain(`<code>console_${someone.subscription.id}</code>`);
    expect(text).toContain(`<code>test_${someone.subscription.id}</code>`);
    expect(text).not.toContain('Of others');
    expect(text).toContain(`/applications/new?subscription=${someone.subscription.id}`);
    expect(text).toContain('those of <strong>Night Batch</strong>');
  });

  test('while it waits: what was asked can be said better, and there are no keys', async () => {
    const someone = await waiting();
    expect(await say(someone)).not.toContain('id="keys"');
    const purpose = 'Ward devices send blood pressures; live in March.';
    const short = await send(someone, someone.path, { purpose: 'no' }, `${someone.path}/purpose`);
    expect(short.status).toBe(422);
    expect(short.text).toContain('>no</textarea>');
    expect(short.text).toContain('Too short');
    const page = await send(someone, someone.path, { purpose }, `${someone.path}/purpose`);
    expect(page.text).toContain('Your request says so now.');
    expect(page.text).toContain(`>${purpose}</textarea>`);
  });

  test('while it waits it is withdrawn, and can be asked for again from what was said', async () => {
    const someone = await waiting();
    const page = await send(someone, someone.path, {}, `${someone.path}/cancel`);
    expect(page.text).toContain('Your request is withdrawn.');
    expect(await stateOf(someone)).toBe('cancelled');
    const again = /href="([^"]+)">Ask again/.exec(page.text)?.[1] ?? '';
    const form = await someone.open(again.replaceAll('&amp;', '&'));
    expect(form.text).toContain('>Showing a ward round who needs what.</textarea>');
  });

  test('rejected, it says by whom, when and why, and how to ask again', async () => {
    const someone = await waiting();
    await decidedBy(server, someone, 'rejected', 'Name the care sites.');
    const text = await say(someone);
    expect(text).toContain('Rejected by Helen Ashby today.');
    expect(text).toContain('“Name the care sites.”');
    expect(text).toContain(`?again=${someone.subscription.id}#ask`);
    expect(text).not.toContain('Cancel this subscription');
  });

  test('suspended, it says why, keeps its keys in sight, and says that they do not work', async () => {
    const someone = await asked();
    await decidedBy(server, someone, 'suspended', 'Too many errors.');
    const text = await say(someone);
    expect(text).toContain('Suspended by Helen Ashby.');
    expect(text).toContain('“Too many errors.”');
    expect(text).toContain('They do not work while the subscription is suspended.');
  });

  test('whose end has come is expired, also before anything has noted it', async () => {
    const someone = await asked();
    await server.pool.query(
      `update subscriptions set expires_at = now() - interval '1 minute' where id = $1`,
      [someone.subscription.id],
    );
    const text = await say(someone);
    expect(text).toContain('data-state="expired"');
    expect(text).not.toContain('id="keys"');
    expect(text).toContain('Its keys have stopped');
  });

  test('narrowed, it says what is left and what was left out', async () => {
    const someone = await aSubscriber(server, passwords, {
      product: await aProduct(server.pool, {
        needsApproval: true,
        scopes: [
          { scope: 'user/Observation.rs', description: 'Read observations', isDefault: true },
          { scope: 'user/Observation.c', description: 'Record observations', isDefault: false },
        ],
        roleScopes: {},
      }),
    });
    await decidedBy(server, someone, 'active', 'For reading only.', ['user/Observation.rs']);
    const [may, mayNot] = (await say(someone)).split('Left out when it was approved');
    expect(may).toContain('<li>Read observations');
    expect(may).not.toContain('<li>Record observations');
    expect(mayNot).toContain('<li>Record observations');
  });

  test('stopped by the kill switch, it says so with the reason', async () => {
    const someone = await asked();
    await server.pool.query(
      `insert into suspensions (kind, id, reason) values ('team', $1, 'Keys were found in public.')`,
      [someone.team.id],
    );
    const text = await say(someone);
    expect(text).toContain('The programme has stopped it for now.');
    expect(text).toContain('“Keys were found in public.”');
  });

  test('of a product that goes away, it says until when', async () => {
    const product = await aProduct(server.pool);
    const someone = await aSubscriber(server, passwords, { product });
    await server.pool.query(
      `update products set state = 'deprecated', retires_on = '2100-03-31',
         deprecation_notice = 'Move to version 2.' where id = $1`,
      [product.id],
    );
    const text = await say(someone);
    expect(text).toContain('it ends on 31 March 2100');
    expect(text).toContain('Move to version 2.');
    await server.pool.query(`update products set state = 'retired' where id = $1`, [product.id]);
    const after = await say(someone);
    expect(after).toContain('This product has ended.');
    expect(after).not.toContain(`href="/products/${product.id}"`);
  });

  test('is cancelled after saying what stops, and opens nothing from then on', async () => {
    const someone = await asked();
    const client = await aClient(server.pool, { subscriptions: [someone.subscription] });
    const token = () =>
      fetch(`${server.sandbox}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
    expect((await token()).status).toBe(200);
    const page = await send(someone, someone.path, {}, `${someone.path}/cancel`);
    expect(page.url).toContain('?done=cancelled');
    expect(page.text).toContain('data-state="cancelled"');
    expect(page.text).toContain('Cancelled by you');
    expect((await token()).status).toBeGreaterThanOrEqual(400);
    const twice = await someone.browser.open(`${server.baseUrl}${someone.path}/cancel`, {
      method: 'POST',
      headers: { origin: server.baseUrl },
      body: new URLSearchParams({
        csrf: /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '',
      }),
    });
    expect(twice.status).toBe(409);
  });

  test('tells its history in pages', async () => {
    const someone = await asked();
    await server.pool.query(
      `insert into audit (actor_kind, actor_id, action, subject_kind, subject_id)
       select 'account', $1, 'subscription.warned', 'subscription', $2 from generate_series(1, 25)`,
      [someone.account.id, someone.subscription.id],
    );
    const first = await someone.open(someone.path);
    expect(first.text.match(/<time/g)).toHaveLength(20);
    const older = /href="([^"]+)">Older/.exec(first.text)?.[1] ?? '';
    const second = await someone.open(older);
    expect(second.text.match(/<time/g)).toHaveLength(6);
    expect(second.text).toMatch(/Asked[^<]* by you/);
    expect((await someone.open(`${someone.path}?before=x%27y`)).status).toBe(200);
  });

  test.each([
    ['cancel', 'another team’s', 404],
    ['purpose', 'another team’s', 404],
    ['cancel', 'nobody’s', 401],
    ['cancel', 'a forged form’s', 403],
  ])('lets no one %s it by a form that is %s', async (deed, whose, status) => {
    const someone = await waiting();
    const other = await aSubscriber(server, passwords, {
      product: await aProduct(server.pool, { needsApproval: true }),
    });
    const page = await (whose === 'another team’s' ? other : someone).open(
      whose === 'another team’s' ? other.path : someone.path,
    );
    const browser = {
      'another team’s': other.browser,
      'nobody’s': newBrowser(server.baseUrl),
      'a forged form’s': someone.browser,
    }[whose];
    const from = whose === 'another team’s' ? other.path : someone.path;
    const text = page.text.replaceAll(`${from}/${deed}`, `${someone.path}/${deed}`);
    const answer = await submitTo(
      browser ?? someone.browser,
      { ...page, text },
      `${someone.path}/${deed}`,
      {
        purpose: 'Something else altogether.',
        ...(whose === 'a forged form’s' && { csrf: 'forged' }),
      },
    );
    expect(answer.status).toBe(status);
    expect(await stateOf(someone)).toBe('submitted');
    expect(await actsOf(server.pool, other.account.id)).toEqual(['subscription.asked']);
  });

  test('is not found where there is none, and a decision by somebody unknown needs no name', async () => {
    const someone = await waiting();
    expect((await someone.open('/subscriptions/none')).status).toBe(404);
    const helen = await anAccount(server.pool, { roles: ['approver'] });
    await decidedBy(server, someone, 'rejected', 'No.', undefined, helen.id);
    await server.pool.query('delete from accounts where id = $1', [helen.id]);
    expect(await say(someone)).toContain('<strong>Rejected today.</strong> “No.”');
  });
});
