import { programmeFiles } from '../../src/admin/programme-export.ts';
import { wholeProgramme } from '../../src/admin/programme-there.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { many } from '../../src/db/pool.ts';
import { listWholeProducts } from '../../src/products/store.ts';
import type { Person } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { sendFrom } from './forms.ts';
import { anAdministrator, sendUnasked } from './support.ts';

describe('products at the desk', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let publisher: Person;
  let other: Person;
  let auditor: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
    publisher = await anAdministrator(server, passwords, ['publisher'], 'Ruth Calder');
    other = await anAdministrator(server, passwords, ['publisher'], 'Noor Haddad');
    auditor = await anAdministrator(server, passwords, ['auditor'], 'Mina Okafor');
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const whole = async (id: string) => (await listWholeProducts(server.pool, [id]))[0];
  /** Opens the page of a product and saves it with these fields changed. */
  const change = async (
    id: string,
    fields: Record<string, string | null>,
    action = `/admin/products/${id}`,
    who = publisher,
  ) => sendFrom(who, await who.open(`/admin/products/${id}`), action, fields);
  const make = async (fields: Record<string, string | null>) =>
    sendFrom(publisher, await publisher.open('/admin/products/new'), '/admin/products/new', {
      id: 'letters',
      name: 'Letters',
      audience: '{base}/letters',
      scopes: 'user/Letter.rs | Read letters | default\nuser/Letter.c | Write letters',
      roles: 'gp: user/Letter.rs user/Letter.c',
      ...fields,
    });
  const trail = (id: string) =>
    many<{ action: string; role: string; detail: object; reason: string | null }>(
      server.pool,
      `select action, role, detail, reason from audit
       where subject_kind = 'product' and subject_id = $1 and actor_kind = 'account' order by id`,
      [id],
    );

  test('the list shows each with its state, who waits, and finds by name', async () => {
    const { text } = await auditor.open('/admin/products');
    expect(text).toMatch(/Submit Records[\s\S]*?1 waiting/);
    expect(text).not.toContain('Make a product'); // an auditor reads
    const found = (await auditor.open('/admin/products?q=LIVE')).text;
    expect(found).toContain('live-read-records');
    expect(found).not.toContain('submit-records');
    expect((await auditor.open('/admin/products?q=%25')).text).toContain('No product is called');
  });

  test('a long list has pages', async () => {
    for (let at = 10; at < 40; at += 1) {
      await aProduct(server.pool, { id: `many-${at}`, name: `Many ${at}` });
    }
    const first = (await auditor.open('/admin/products?q=many-')).text;
    const next = /href="([^"]*after=[^"]*)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = (await auditor.open(next)).text;
    const all = [...`${first}${second}`.matchAll(/<strong>Many (\d+)</g)].map(([, at]) => at);
    expect(all).toEqual(Array.from({ length: 30 }, (_, at) => String(at + 10)));
  });

  test('a publisher makes a product, which is a draft at first', async () => {
    const page = await make({
      environment: 'sandbox',
      description: 'Read and write letters.',
      rateCalls: '10',
      rateSeconds: '1',
      quotaStatus: '429',
      credentials: 'key',
      staleSeconds: '30',
      priceNote: 'Free at first',
      includedCalls: '1000',
      perThousand: '0.50',
      currency: 'eur',
      terms: 'Be kind.\r\nWrite back.',
      visibility: 'signed_in',
      needsApproval: 'yes',
      'grant client_credentials': 'yes',
      'api patient-record sandbox': 'yes',
      'version patient-record sandbox': '1.0.0',
    });
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('as a draft')]);
    expect(await whole('letters')).toEqual({
      id: 'letters',
      environment: 'sandbox',
      name: 'Letters',
      description: 'Read and write letters.',
      audience: `${server.baseUrl}/letters`,
      subjects: 'both',
      needsApproval: true,
      grantTypes: ['authorization_code', 'client_credentials', 'refresh_token'],
      signingAlg: 'RS256',
      tokenTyp: 'at+jwt',
      rate: { calls: 10, seconds: 1 },
      quota: null,
      quotaStatus: 429,
      credentials: 'key',
      staleSeconds: 30,
      consoleRelay: false,
      priceNote: 'Free at first',
      price: { includedCalls: 1000, perThousand: '0.5', currency: 'EUR' },
      terms: 'Be kind.\nWrite back.',
      state: 'draft',
      visibility: 'signed_in',
      invited: [],
      retiresOn: null,
      deprecationNotice: '',
      apis: [{ id: 'patient-record', version: '1.0.0', baseUrl: 'sandbox' }],
      scopes: [
        { scope: 'user/Letter.rs', description: 'Read letters', isDefault: true },
        { scope: 'user/Letter.c', description: 'Write letters', isDefault: false },
      ],
      roleScopes: { gp: ['user/Letter.rs', 'user/Letter.c'] },
    });
    expect(await trail('letters')).toEqual([
      { action: 'product.made', role: 'publisher', detail: {}, reason: null },
    ]);
  });

  test('saving what stands on the page changes nothing, and nothing is noted', async () => {
    for (const id of ['letters', 'live-read-records', 'submit-records', 'read-records']) {
      const before = await whole(id);
      const acts = await trail(id);
      expect((await change(id, {})).text).toContain('Saved.');
      expect(await whole(id)).toEqual(before);
      expect(await trail(id)).toEqual(acts);
    }
  });

  test('what is changed is told in its history, and what it takes from a product is gone', async () => {
    const team = await aTeam(server.pool, { name: 'Fernbank Health' });
    const page = await change('letters', {
      name: 'Letters and notes',
      visibility: 'invited',
      invited: team.id,
      'api patient-record sandbox': null,
      scopes: 'user/Letter.rs | Read letters | default',
      roles: 'gp: user/Letter.rs',
    });
    expect(page.text).toContain('Fernbank Health');
    expect(await whole('letters')).toMatchObject({ invited: [team.id], apis: [] });
    expect((await trail('letters')).at(-1)?.detail).toEqual({
      changes: [
        'name Letters → "Letters and notes"',
        'visibility signed_in → invited',
        'scope user/Letter.c removed',
        'role gp: scopes - user/Letter.c',
        `invited team ${team.id} added`,
        'api patient-record at sandbox removed',
      ].sort((a, b) => order(a) - order(b)),
    });
    expect(page.text).toContain('by you');
  });
  const order = (line: string): number =>
    ['name', 'visib', 'role', 'invit', 'scope', 'api p'].indexOf(line.slice(0, 5).trim());

  test('of two who change it at once the later one is told, and may still save', async () => {
    const path = '/admin/products/letters';
    const [mine, theirs] = [await publisher.open(path), await other.open(path)];
    await sendFrom(other, theirs, path, { priceNote: 'One pound' });

    const told = await sendFrom(publisher, mine, path, { name: 'Post' });
    expect(told.status).toBe(409);
    expect(told.text).toContain('Somebody else changed this product while you did.');
    expect(told.text).toContain('value="Post"'); // nothing typed is lost
    expect(await whole('letters')).toMatchObject({ priceNote: 'One pound' });

    expect((await sendFrom(publisher, told, path)).status).toBe(200);
    expect(await whole('letters')).toMatchObject({ name: 'Post', priceNote: 'Free at first' });
  });

  test.each<[what: string, fields: Record<string, string | null>, field: string, says: string]>([
    ['no name', { name: '' }, 'name', 'Fill this in.'],
    ['an audience that is none', { audience: 'letters' }, 'audience', 'An absolute URI'],
    [
      'an audience of another',
      { audience: '{base}/sandbox-api/fhir' },
      'audience',
      'is already taken by product read-records',
    ],
    ['half a limit', { rateSeconds: '' }, 'rate', 'Write a whole number above 0.'],
    ['a limit of words', { rateCalls: 'many' }, 'rate', 'Write a whole number above 0.'],
    ['no credentials', { credentials: 'none' }, 'credentials', 'Choose one of the options.'],
    ['another status', { quotaStatus: '200' }, 'quotaStatus', 'Choose one of the options.'],
    ['a day without the database', { staleSeconds: '86400' }, 'staleSeconds', 'from 0 to 60'],
    ['half a price', { currency: '' }, 'price', 'Write a currency in three letters'],
    ['a price of words', { perThousand: 'little' }, 'price', 'Write a price such as 0.50.'],
    [
      'the console for a sandbox product',
      { consoleRelay: 'yes' },
      'consoleRelay',
      'A sandbox product is called from the console anyway.',
    ],
    ['a scope without words', { scopes: 'user/Letter.rs' }, 'scopes', 'Line 1: write behind'],
    [
      'a scope twice',
      { scopes: 'a | A\na | B', roles: '' },
      'scopes',
      'Line 2: &#34;a&#34; is already taken by another.',
    ],
    ['a role with a foreign scope', { roles: 'gp: c' }, 'roles', 'gp: there is no &#34;c&#34;.'],
    ['a team that nobody has', { invited: 'team_x' }, 'invited', 'Line 1: there is no team'],
    [
      'a base URL that is not there',
      { 'api patient-record nowhere': 'yes' },
      'apis',
      'Line 1: there is no &#34;nowhere&#34;.',
    ],
    [
      'the password grant for accounts',
      { subjects: 'accounts', 'grant password': 'yes' },
      'grantTypes',
      'The password grant is for test users only.',
    ],
    ['no choice', { visibility: 'nobody' }, 'visibility', 'Choose one of the options.'],
  ])('%s is told beside the field, and changes nothing', async (_, fields, field, says) => {
    const before = await whole('letters');
    const page = await change('letters', fields);
    expect(page.status).toBe(422);
    expect(page.text).toContain(`<a href="#${field}">`);
    expect(new RegExp(`id="${field}-error">([^<]*)<`).exec(page.text)?.[1]).toContain(says);
    expect(page.text).toContain('<title>Error: ');
    expect(await whole('letters')).toEqual(before);
  });

  test('an id that is taken is refused, and all that was typed stays', async () => {
    const page = await make({ id: 'read-records', terms: 'Long <terms> & conditions' });
    expect(page.status).toBe(422);
    expect(page.text).toContain('Another product has this id');
    expect(page.text).toContain('Long &lt;terms&gt; &amp; conditions');
  });

  test('a product does not move to the other environment, whatever a form says', async () => {
    await change('letters', { environment: 'live', id: 'read-records', state: 'retired' });
    expect(await whole('letters')).toMatchObject({ environment: 'sandbox', state: 'draft' });
  });

  describe('its end', () => {
    const state = (id: string, fields: Record<string, string>) =>
      change(id, fields, `/admin/products/${id}/state`);
    const letters = () =>
      many<{ recipient: string }>(
        server.pool,
        `select recipient from letters where template = 'product-deprecated' order by 1`,
      );

    test('a deprecated product needs a day and a notice', async () => {
      const page = await state('submit-records', { state: 'deprecated' });
      expect(page.status).toBe(422);
      expect(page.text).toContain('id="retiresOn-error"');
      expect(page.text).toContain('id="deprecationNotice-error"');
      expect(await whole('submit-records')).toMatchObject({ state: 'published' });
      expect(await letters()).toEqual([]);
    });

    test('deprecated it writes to its subscribers, once; retired it opens nothing', async () => {
      const product = await aProduct(server.pool, { name: 'Ending' });
      const subscription = await aSubscription(server.pool, { product });
      const client = await aClient(server.pool, { subscriptions: [subscription] });
      await server.pool.query(
        `insert into team_members (team_id, account_id, role) values ($1, $2, 'owner')`,
        [subscription.teamId, auditor.account.id],
      );
      const machine = () =>
        post(`${server.sandbox}/token`, client, { grant_type: 'client_credentials' });

      const end = { retiresOn: '2099-03-31', deprecationNotice: 'Letters 2 is better.' };
      const page = await state(product.id, { state: 'deprecated', ...end });
      expect(page.text).toContain('ends 31 March 2099');
      await state(product.id, { state: 'deprecated', ...end, retiresOn: '2099-04-30' });
      expect(await letters()).toEqual([{ recipient: auditor.account.email }]);
      expect((await machine()).status).toBe(200);

      await state(product.id, { state: 'retired' });
      expect((await machine()).status).toBe(401);
      expect((await trail(product.id)).map(({ action, reason }) => [action, reason])).toEqual([
        ['product.changed', null],
        ['product.deprecated', 'Letters 2 is better.'],
        ['product.changed', null],
        ['product.changed', null],
      ]);
    });

    test('published again it has no last day', async () => {
      await state('letters', { state: 'published', retiresOn: '2099-03-31' });
      expect(await whole('letters')).toMatchObject({ state: 'published', retiresOn: null });
    });
  });

  test('the page says how many subscriptions a change concerns', async () => {
    expect((await publisher.open('/admin/products/read-records')).text).toContain(
      '1 subscription is active. What you change here counts for it at once.',
    );
    expect((await auditor.open('/admin/products/read-records')).text).toContain(
      'You can read this. A publisher changes it.',
    );
  });

  test('whoever only reads changes nothing, and nobody without a token of the form does', async () => {
    const before = await whole('letters');
    for (const path of ['/admin/products/letters', '/admin/products/letters/state']) {
      expect((await sendUnasked(auditor, path, { name: 'X' })).status).toBe(403);
    }
    expect((await change('letters', { csrf: 'x' })).status).toBe(403);
    expect((await sendUnasked(publisher, '/admin/products/nothing', {})).status).toBe(404);
    expect((await publisher.open('/admin/products/nothing')).status).toBe(404);
    expect(await whole('letters')).toEqual(before);
  });

  test('what pages make is what a programme file says', async () => {
    const files = programmeFiles(await wholeProgramme(server.pool, keyring), server.baseUrl);
    expect(files.get('products/letters.yaml')).toContain('audience: "{base}/letters"');
  });
});
