import { createPasswords } from '../../src/base/passwords.ts';
import { transaction } from '../../src/db/pool.ts';
import { usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import type { Product, ProductScope } from '../../src/products/product.ts';
import { saveProductApis } from '../../src/products/store.ts';
import { listTeamsOf } from '../../src/teams/store.ts';
import type { Team } from '../../src/teams/team.ts';
import { lettersTo, submitTo } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, type Page } from '../support/flow.ts';
import { anAccount, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { actsOf, aPerson, type Person, send } from './profile-support.ts';

const purpose = 'Showing a ward round who needs what.';

/** Three products that open one API: two of the sandbox, of which one is guarded, and a live one. */
async function offer({ pool }: TestServer): Promise<void> {
  const verb = { responses: {} };
  const paths = {
    '/Patient': { get: verb, parameters: [] },
    '/Observation': { get: verb, post: verb },
  };
  const api = { id: 'patient-record', name: 'Patient record', version: '1.0', description: '' };
  await transaction(pool, (tx) =>
    upsertApi(tx, { ...api, ...usualCalls, document: { paths }, otherVersions: [], baseUrls: [] }),
  );
  for (const name of ['sandbox', 'live']) {
    await upsertBaseUrl(pool, api.id, { name, url: `https://${name}.northmoor.example/fhir` });
  }
  const open = async (given: Partial<Product> & { id: string }, scopes: ProductScope[]) => {
    await aProduct(pool, { ...given, scopes, roleScopes: {} });
    await saveProductApis(pool, given.id, [{ id: api.id, baseUrl: 'sandbox', version: null }]);
  };
  const read = [
    { scope: 'user/Patient.rs', description: 'Read names and addresses', isDefault: true },
    { scope: 'user/Observation.rs', description: 'Read observations', isDefault: true },
    { scope: 'patient/Observation.rs', description: 'Read observations', isDefault: true },
  ];
  const [rate, quota] = [
    { calls: 60, seconds: 60 },
    { calls: 10_000, seconds: 86_400 },
  ];
  await open({ id: 'read-records', name: 'Read Records', rate, quota }, read);
  const submit = { id: 'submit-records', name: 'Submit Records', needsApproval: true };
  await open({ ...submit, description: 'Write observations.' }, read.slice(1, 2));
  const live = { id: 'live-records', name: 'Read Records (live)', environment: 'live' } as const;
  await open({ ...live, needsApproval: true }, read);
}

describe('what there is to subscribe to', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let priya: Person;
  let team: Team;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await offer(server);
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });
  beforeEach(async () => {
    priya = await aPerson(server, passwords, { name: 'Priya Nair', team: 'Larkfield Labs' });
    [team] = (await listTeamsOf(server.pool, priya.account.id)) as [Team];
  });

  const visit = (path: string) => newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);
  const rows = async (productId: string) =>
    (
      await server.pool.query(
        'select state, purpose, team_id as team, terms_version as terms from subscriptions where product_id = $1',
        [productId],
      )
    ).rows;
  const askFor = (productId: string, fields: Record<string, string> = { purpose }) =>
    send(priya, `/products/${productId}`, fields, `/products/${productId}/subscriptions`);

  test('is open to visitors: products, what each is for, and the way to sign in', async () => {
    const list = await visit('/products');
    expect(list.status).toBe(200);
    for (const name of ['Read Records', 'Submit Records', 'Read Records (live)']) {
      expect(list.text).toContain(`>${name}</a>`);
    }
    const page = await visit('/products/read-records');
    expect(page.text).toContain('<li>Read observations<br>');
    expect(page.text).toContain(
      '<code class="muted">user/Observation.rs</code> <code class="muted">patient/Observation.rs</code>',
    );
    expect(page.text).toContain('Patient record');
    expect(page.text).toContain('60 calls a minute, 10,000 calls a day');
    expect(page.text).toContain('href="/sign-in?return_to=%2Fproducts%2Fread-records"');
    expect(page.text).not.toContain('<textarea');
  });

  test('is found by its words, its environment, and the names of its APIs', async () => {
    const names = async (query: string) =>
      [...(await visit(`/products?${query}`)).text.matchAll(/<h2><a href="[^"]+">([^<]+)/g)].map(
        ([, name]) => name,
      );
    expect(await names('q=WRITE+observations')).toEqual(['Submit Records']);
    expect(await names('environment=live')).toEqual(['Read Records (live)']);
    expect(await names('q=patient+record&environment=sandbox')).toEqual([
      'Read Records',
      'Submit Records',
    ]);
    expect(await names('q=100%25')).toEqual([]);
    expect(await names('environment=nowhere&q=a&q=b')).toHaveLength(3);
    expect((await visit('/products?q=unicorn')).text).toContain('Nothing fits.');
  });

  test('comes in pages', async () => {
    const word = 'Paginated';
    for (let n = 10; n < 45; n += 1) await aProduct(server.pool, { name: `${word} ${n}` });
    const seen: string[] = [];
    for (let path = `/products?q=${word}`; path; ) {
      const { text } = await visit(path);
      seen.push(...[...text.matchAll(/">(Paginated \d+)<\/a>/g)].map(([, name]) => String(name)));
      path = /href="([^"]+)">More products/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    }
    expect(seen).toEqual(Array.from({ length: 35 }, (_, n) => `${word} ${n + 10}`));
  });

  test.each([
    ['a draft', { state: 'draft' }, [404, 404]],
    ['a retired one', { state: 'retired' }, [404, 404]],
    ['one whose day has passed', { state: 'deprecated', retiresOn: '2020-01-01' }, [404, 404]],
    ['one for whoever is signed in', { visibility: 'signed_in' }, [404, 200]],
    ['one for invited teams', { visibility: 'invited' }, [404, 404]],
    ['a deprecated one', { state: 'deprecated', retiresOn: '2100-03-31' }, [200, 200]],
  ] as const)('%s shows to whom it should', async (_, given, [visitor, member]) => {
    const product = await aProduct(server.pool, { name: `Seen by ${given}`, ...given });
    const path = `/products/${product.id}`;
    expect((await visit(path)).status).toBe(visitor);
    expect((await priya.open(path)).status).toBe(member);
    const listed = async ({ text }: Page) => text.includes(`href="${path}"`);
    expect(await listed(await visit('/products?q=seen+by'))).toBe(visitor === 200);
    expect(await listed(await priya.open('/products?q=seen+by'))).toBe(member === 200);
  });

  test('an invited team sees its product, and asks as that team only', async () => {
    const product = await aProduct(server.pool, { visibility: 'invited' });
    const other = await aTeam(server.pool, { name: 'Uninvited', members: [priya.account] });
    await server.pool.query('insert into product_invitations values ($1, $2)', [
      product.id,
      team.id,
    ]);
    const page = await priya.open(`/products/${product.id}`);
    expect(page.text).toContain('Larkfield Labs');
    expect(page.text).not.toContain('Uninvited');
    const stranger = await aPerson(server, passwords);
    expect((await stranger.open(`/products/${product.id}`)).status).toBe(404);
    expect((await stranger.open('/products?q=example')).text).not.toContain(product.id);
    expect((await askFor(product.id, { purpose, team: other.id })).status).toBe(404);
    expect(await rows(product.id)).toEqual([]);
    await askFor(product.id);
    expect(await rows(product.id)).toMatchObject([{ state: 'active', team: team.id }]);
  });

  test('a product that goes away says when and why, and takes no one new', async () => {
    const product = await aProduct(server.pool, {
      state: 'deprecated',
      retiresOn: '2100-03-31',
      deprecationNotice: 'Move to Read Records 2.',
    });
    const page = await priya.open(`/products/${product.id}`);
    expect(page.text).toContain('it ends on 31 March 2100');
    expect(page.text).toContain('Move to Read Records 2.');
    expect(page.text).not.toContain('<textarea');
  });

  test('an open one is active at once, and the page says that one has it', async () => {
    const page = await askFor('read-records');
    expect(page.url).toMatch(/\/subscriptions\/sub_\w+\?done=subscribed$/);
    expect((await rows('read-records')).filter((row) => row.team === team.id)).toEqual([
      { state: 'active', purpose, team: team.id, terms: null },
    ]);
    expect(await actsOf(server.pool, priya.account.id)).toEqual(['subscription.asked']);
    const again = await priya.open('/products/read-records');
    expect(again.text).toContain('You have it');
    expect(again.text).toContain(new URL(page.url).pathname);
    expect(again.text).not.toContain('<textarea');
    expect((await priya.open('/products?q=read+records')).text).toContain('data-state="active"');
  });

  test('where an administrator limited what the team had, the page of an open one says that it waits', async () => {
    const { id } = await aProduct(server.pool, { name: 'Read Waiting Lists' });
    const path = `/products/${id}`;
    expect((await priya.open(path)).text).toContain('It is active at once');
    await askFor(id);
    for (const state of ['suspended', 'cancelled']) {
      await server.pool.query(
        'update subscriptions set state = $2, reason = $3 where product_id = $1',
        [id, state, 'It hammers the API.'],
      );
    }
    const page = await priya.open(path);
    expect(page.text).toContain('A person of the programme looks at this request first.');
    expect(page.text).toContain('<button>Ask for Read Waiting Lists</button>');
    expect((await askFor(id)).url).toMatch(/\?done=asked$/);
  });

  test('a guarded one waits, and an administrator gets a letter', async () => {
    const helen = await anAccount(server.pool, { roles: ['approver'] });
    const page = await askFor('submit-records');
    expect(page.url).toMatch(/\?done=asked$/);
    expect((await lettersTo(server.pool, helen.email)).map(({ template }) => template)).toEqual([
      'approval-requested',
    ]);
    expect((await priya.open('/products/submit-records')).text).toContain('You asked for it');
  });

  test('terms are shown, and have to be accepted in the version that was shown', async () => {
    const terms = 'Be kind.\n\nTell us <b>before</b> you leave.';
    const product = await aProduct(server.pool, { terms });
    const page = await priya.open(`/products/${product.id}`);
    expect(page.text).toContain('<p class="wrap">Be kind.</p>');
    expect(page.text).toContain('Tell us &lt;b&gt;before&lt;/b&gt; you leave.');
    const unticked = await askFor(product.id);
    expect(unticked.status).toBe(422);
    expect(unticked.text).toContain('tick the box to accept them');
    expect(unticked.text).toContain(`>${purpose}</textarea>`);

    await server.pool.query('update products set terms = $2 where id = $1', [
      product.id,
      'Others.',
    ]);
    const stale = await submitTo(priya.browser, page, `/products/${product.id}/subscriptions`, {
      purpose,
      terms: '1',
    });
    expect(stale.status).toBe(422);
    expect(stale.text).toContain('The terms have changed');
    expect(stale.text).not.toMatch(/type="checkbox"[^>]*checked/);
    await askFor(product.id, { purpose, terms: '2' });
    expect(await rows(product.id)).toMatchObject([{ state: 'active', terms: 2 }]);
  });

  test('who was turned down starts from what they said before', async () => {
    const product = await aProduct(server.pool, { needsApproval: true });
    const second = await aTeam(server.pool, { name: 'Second team', members: [priya.account] });
    const before = await aSubscription(server.pool, { team: second, product, state: 'rejected' });
    await server.pool.query(`update subscriptions set purpose = 'As before.' where id = $1`, [
      before.id,
    ]);
    const page = await priya.open(`/products/${product.id}?again=${before.id}`);
    expect(page.text).toContain('>As before.</textarea>');
    expect(page.text).toContain(`<option value="${second.id}" selected>`);
    const stranger = await aPerson(server, passwords);
    const theirs = await stranger.open(`/products/${product.id}?again=${before.id}`);
    expect(theirs.text).not.toContain('As before.');
  });

  test('the form of a page that is old meets a clean conflict', async () => {
    const page = await priya.open('/products/read-records');
    await askFor('read-records');
    const twice = await submitTo(priya.browser, page, '/products/read-records/subscriptions', {
      purpose,
    });
    expect(twice.status).toBe(409);
    expect(twice.text).toContain('Your team has a subscription to this product already');
  });

  type Attempt = (page: Page) => Promise<Page>;
  const at = '/products/read-records/subscriptions';
  test.each<[string, Attempt, number]>([
    ['no purpose', (page) => submitTo(priya.browser, page, at, { purpose: ' ' }), 422],
    [
      'another’s team',
      async (page) =>
        submitTo(priya.browser, page, at, { purpose, team: (await aTeam(server.pool)).id }),
      404,
    ],
    ['no token', (page) => submitTo(priya.browser, page, at, { purpose, csrf: '' }), 403],
    [
      'nobody signed in',
      (page) => submitTo(newBrowser(server.baseUrl), page, at, { purpose }),
      401,
    ],
    [
      'a product that is none',
      (page) =>
        submitTo(
          priya.browser,
          { ...page, text: page.text.replaceAll(at, '/products/none/subscriptions') },
          '/products/none/subscriptions',
          { purpose },
        ),
      404,
    ],
  ])('is refused with %s, and nothing is made', async (_, attempt, status) => {
    const page = await priya.open('/products/read-records');
    expect((await attempt(page)).status).toBe(status);
    const mine = (await rows('read-records')).filter((row) => row.team === team.id);
    expect(mine).toEqual([]);
  });

  test('an API stands under the name and the address at which the product opens it', async () => {
    const product = await aProduct(server.pool);
    await saveProductApis(server.pool, product.id, [
      { id: 'patient-record', baseUrl: 'live', version: null },
    ]);
    const { text } = await visit(`/products/${product.id}`);
    expect(text).toMatch(/Patient record<\/strong>.*, 3 operations/);
    expect(text).toContain('https://live.northmoor.example/fhir');
  });
});
