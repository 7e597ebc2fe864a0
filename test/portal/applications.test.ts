import { createPasswords } from '../../src/base/passwords.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asTestUser, buyTokens, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aDeveloper, clientIdOn, fill, secretOn } from './application-support.ts';
import { actsOf, aPerson, type Person, send } from './profile-support.ts';

describe('the applications of a team', () => {
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

  const developer = (product: Parameters<typeof aProduct>[1] = {}) =>
    aDeveloper(server, passwords, product);
  const all = { on_behalf: 'yes', as_system: 'yes', by_password: 'yes' };
  const callback = 'https://client.example/callback';

  /** Makes one by the page; answers its id and secret. */
  async function made(person: Person, fields: Record<string, string> = {}) {
    const page = await fill(person, '/applications/new', {
      name: 'Ward Round Helper',
      redirect_uris: callback,
      ...all,
      ...fields,
    });
    const id = clientIdOn(page) || /applications\/(app_[\w-]+)/.exec(page.url)?.[1] || '';
    return { page, id, secret: secretOn(page), redirectUri: callback };
  }
  const machine = (client: { id: string; secret: string }) =>
    post(`${server.sandbox}/token`, client, { grant_type: 'client_credentials' });

  test('who has none is told how to come by one', async () => {
    const newcomer = await aPerson(server, passwords);
    expect((await newcomer.open('/applications')).text).toContain('Find a product');
    expect((await newcomer.open('/applications/new')).text).toContain('Subscribe first');
    const { person } = await developer();
    expect((await person.open('/applications')).text).toContain('No application yet');
  });

  test('one is made for a subscription, its secret is shown once, and it gets tokens in every way', async () => {
    const { person, colleague, subscription } = await developer();
    const { page, id, secret, redirectUri } = await made(person);
    expect(page.status).toBe(201);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(secret).toHaveLength(43);
    expect((await person.open(`/applications/${id}`)).text).not.toContain(secret);

    const testUser = await aTestUser(server.pool);
    const client = { id, secret, redirectUri };
    const tokens = await buyTokens(server.sandbox, client, asTestUser(testUser.id));
    expect([tokens.status, tokens.body.scope]).toEqual([200, 'read']);
    const machineTokens = await machine(client);
    expect([machineTokens.status, machineTokens.body.scope]).toEqual([200, 'read']);
    const { username, password } = testUser;
    const byPassword = { grant_type: 'password', username, password };
    expect((await post(`${server.sandbox}/token`, client, byPassword)).status).toBe(200);

    expect(await actsOf(server.pool, person.account.id)).toEqual([
      'client.made',
      'client.secret_made',
    ]);
    const [letter] = await lettersTo(server.pool, colleague.account.email);
    expect(letter).toMatchObject({
      template: 'application-changed',
      data: { application: 'Ward Round Helper', link: `${server.baseUrl}/applications/${id}` },
    });
    expect(JSON.stringify(letter)).not.toContain(secret);
    const list = (await colleague.open('/applications')).text;
    expect(list).toContain(id);
    expect(list).toContain('on behalf of a user, with a test user’s password and as a system');
    expect((await person.open(`/subscriptions/${subscription.id}`)).text).toContain(id);
    const shown = await person.open(`/applications/${id}`);
    expect(shown.text).toMatch(/Last used today/);
    expect(shown.text).toContain('New secret, ending');
  });

  test('the form of a product for systems begins with that', async () => {
    const { person } = await developer({ grantTypes: ['client_credentials'] });
    const { text } = await person.open('/applications/new');
    expect(text).toContain('name="as_system" value="yes" checked');
    expect(text).not.toContain('name="on_behalf" value="yes" checked');
  });

  test('a public one has no secret, and gets tokens with PKCE alone', async () => {
    const { person } = await developer();
    const fields = { proof: 'none', as_system: '', by_password: '' };
    const { page, id, redirectUri } = await made(person, fields);
    expect([page.status, page.text.includes('new-secret')]).toEqual([200, false]);
    const testUser = await aTestUser(server.pool);
    const tokens = await buyTokens(server.sandbox, { id, redirectUri }, asTestUser(testUser.id));
    expect(tokens.status).toBe(200);
    expect((await person.open(`/applications/${id}`)).text).toContain('public, with PKCE');
  });

  test('the known tools can be ticked', async () => {
    const { person } = await developer();
    const ticked = { 'preset:Postman': 'yes', 'preset:Bruno': 'yes' };
    const { id } = await made(person, ticked);
    const { text } = await person.open(`/applications/${id}`);
    for (const uri of [
      callback,
      'https://oauth.pstmn.io/v1/browser-callback',
      'bruno://app/oauth2/callback',
    ]) {
      expect(text).toContain(`<code>${uri}</code>`);
    }
  });

  test('Azure’s capitals are warned of', async () => {
    const { person } = await developer();
    const uri = 'https://developer.example.com/signin-oauth/code/callback/Server';
    const { page } = await made(person, { redirect_uris: uri });
    expect(page.status).toBe(201);
    expect(page.text).toContain('small letters');
  });

  test('a secret is renewed with an overlap: both work, then the old one is refused', async () => {
    const { person, colleague } = await developer();
    const { id, secret } = await made(person);
    const renewed = await send(
      person,
      `/applications/${id}`,
      { old: '1h' },
      `/applications/${id}/secrets#secrets`,
    );
    expect(renewed.status).toBe(201);
    const second = secretOn(renewed);
    expect((await machine({ id, secret })).status).toBe(200);
    expect((await machine({ id, secret: second })).status).toBe(200);
    await server.pool.query(
      `update client_secrets set expires_at = expires_at - interval '1 hour' where client_id = $1`,
      [id],
    );
    expect((await machine({ id, secret })).status).toBe(401);
    expect((await machine({ id, secret: second })).status).toBe(200);
    const letters = await lettersTo(server.pool, colleague.account.email);
    expect(letters.at(-1)?.data.next).toMatch(/ends: \d+ \w+ \d{4}, \d\d:\d\d UTC/);
  });

  test.each([
    ['now', 401],
    ['24h', 200],
    ['7d', 200],
    ['keep', 200],
  ])('the old secret with "%s" answers %i', async (old, status) => {
    const { person } = await developer();
    const { id, secret } = await made(person);
    await send(person, `/applications/${id}`, { old }, `/applications/${id}/secrets#secrets`);
    expect((await machine({ id, secret })).status).toBe(status);
  });

  test('a name that reads like an address is kept, and stands in no letter', async () => {
    const { person, colleague } = await developer();
    const { id } = await made(person, { name: 'Node.js Batch' });
    expect((await person.open(`/applications/${id}`)).text).toContain('Node.js Batch');
    const letters = await lettersTo(server.pool, colleague.account.email);
    expect(letters).not.toHaveLength(0);
    expect(JSON.stringify(letters)).not.toContain('Node.js');
  });

  test('a third secret is refused, also when two ask at once', async () => {
    const { person, colleague } = await developer();
    const { id } = await made(person);
    const action = `/applications/${id}/secrets#secrets`;
    const both = await Promise.all(
      [person, colleague].map((one) => send(one, `/applications/${id}`, { old: 'keep' }, action)),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    const { rows } = await server.pool.query('select 1 from client_secrets where client_id = $1', [
      id,
    ]);
    expect(rows).toHaveLength(2);
    expect((await person.open(`/applications/${id}`)).text).not.toContain(action);
  });

  test('a secret is ended, at once or later, and its team is told', async () => {
    const { person, colleague } = await developer();
    const { id, secret } = await made(person);
    const page = await person.open(`/applications/${id}`);
    const end = /action="(\/applications\/[^"]*\/end)"/.exec(page.text)?.[1] ?? '';
    await send(person, `/applications/${id}`, { overlap: '24h' }, end);
    expect((await machine({ id, secret })).status).toBe(200);
    const ended = await send(person, `/applications/${id}`, { overlap: 'now' }, end);
    expect(ended.text).toContain('The secret has ended');
    expect((await machine({ id, secret })).status).toBe(401);
    expect(ended.text).toContain('No secret works');
    const letters = await lettersTo(server.pool, colleague.account.email);
    expect(letters.map(({ data }) => data.deed)).toEqual([
      expect.stringContaining('has made an application'),
      expect.stringContaining('has ended the secret'),
      expect.stringContaining('has ended the secret'),
    ]);
  });

  test('a change counts from the next request on, and the trail names what changed', async () => {
    const { person } = await developer();
    const { id, secret } = await made(person);
    expect((await machine({ id, secret })).status).toBe(200);
    const change = `/applications/${id}/change`;
    await fill(person, change, { name: 'Night Batch', as_system: '' });
    expect(await machine({ id, secret })).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    });
    const { text } = await person.open(`/applications/${id}`);
    expect(text).toContain('Changed: name and how it gets tokens');
    const same = await actsOf(server.pool, person.account.id);
    await fill(person, change, {});
    expect(await actsOf(server.pool, person.account.id)).toEqual(same);
  });

  test('whoever becomes public loses the secrets', async () => {
    const { person } = await developer();
    const { id } = await made(person);
    await fill(person, `/applications/${id}/change`, { proof: 'none', as_system: '' });
    const { rows } = await server.pool.query('select 1 from client_secrets where client_id = $1', [
      id,
    ]);
    expect(rows).toEqual([]);
  });

  test('deleted, it gets nothing more, and what it was given has ended', async () => {
    const { person, colleague } = await developer();
    const { id, secret, redirectUri } = await made(person);
    const client = { id, secret, redirectUri };
    const testUser = await aTestUser(server.pool);
    const more = { scope: 'openid offline_access read', prompt: 'consent' };
    const { body } = await buyTokens(server.sandbox, client, asTestUser(testUser.id), more);
    const asked = { token: String(body.access_token) };
    expect((await post(`${server.sandbox}/token/introspection`, client, asked)).body.active).toBe(
      true,
    );

    const gone = await fill(person, `/applications/${id}/delete`, {});
    expect(gone.text).toContain('The application is deleted');
    const refresh = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    expect((await post(`${server.sandbox}/token`, client, refresh)).status).toBe(401);
    expect((await person.open(`/applications/${id}`)).status).toBe(404);
    const { rows } = await server.pool.query(
      `select kind from oidc_records where payload ->> 'clientId' = $1`,
      [id],
    );
    expect(rows).toEqual([]);
    expect((await lettersTo(server.pool, colleague.account.email)).at(-1)?.data.deed).toBe(
      'has deleted',
    );

    // not even one of the same id, as a programme file could make it, inherits anything
    const { product, subscription } = await developer();
    const again = await aClient(server.pool, { id, subscriptions: [subscription] });
    expect(product).toBeDefined();
    expect((await post(`${server.sandbox}/token`, again, refresh)).body.error).toBe(
      'invalid_grant',
    );
    expect((await post(`${server.sandbox}/token/introspection`, again, asked)).body).toEqual({
      active: false,
    });
  });

  test('what the programme has stopped says so, and why', async () => {
    const { person } = await developer();
    const { id, secret } = await made(person);
    await server.pool.query(
      `insert into suspensions (kind, id, reason) values ('client', $1, 'Its secret was on a forum.')`,
      [id],
    );
    expect((await machine({ id, secret })).status).toBe(401);
    expect((await person.open(`/applications/${id}`)).text).toContain('Its secret was on a forum.');
    expect((await person.open('/applications')).text).toContain('Stopped');
  });

  test('all that is wrong is said at once', async () => {
    const { person, subscription } = await developer();
    const fields = { name: '', redirect_uris: '', [`for:${subscription.id}`]: '' };
    const { page } = await made(person, fields);
    expect(page.text).toContain('3 things to correct');
  });

  test('many are read in pages, back and forth', async () => {
    const { person, subscription } = await developer();
    const ids: string[] = [];
    for (let n = 0; n < 60; n += 1) {
      const client = await aClient(server.pool, {
        id: `page_${n}_${subscription.id.slice(4)}`,
        subscriptions: [subscription],
      });
      ids.unshift(client.id);
    }
    const idsOn = (text: string) => [...text.matchAll(/<code>(page_[^<]*)</g)].map(([, id]) => id);
    const linkOn = (text: string, word: string) =>
      new RegExp(`href="(/applications\\?[^"]*)">${word}<`).exec(text)?.[1] ?? '';
    const first = await person.open('/applications');
    const second = await person.open(linkOn(first.text, 'Older'));
    const third = await person.open(linkOn(second.text, 'Older'));
    expect([first, second, third].flatMap(({ text }) => idsOn(text))).toEqual(ids);
    expect(linkOn(first.text, 'Newer') + linkOn(third.text, 'Older')).toBe('');
    const back = await person.open(linkOn(third.text, 'Newer'));
    expect(idsOn(back.text)).toEqual(idsOn(second.text));
    const start = await person.open(linkOn(back.text, 'Newer'));
    expect(idsOn(start.text)).toEqual(idsOn(first.text));
    expect(linkOn(start.text, 'Newer')).toBe('');
    expect((await person.open("/applications?after=' or 1=1")).status).toBe(200);
  });

  describe('refused', () => {
    let someone: Awaited<ReturnType<typeof developer>>;
    let stranger: Awaited<ReturnType<typeof developer>>;
    beforeAll(async () => {
      someone = await developer();
      stranger = await developer();
    });

    test.each<[what: string, fields: Record<string, string>, words: string]>([
      ['without a name', { name: '' }, 'Fill this in'],
      ['with a name of two lines', { name: 'Ward\u2028Round' }, 'in one line'],
      ['with a name that is too long', { name: 'x'.repeat(81) }, 'at most 80'],
      [
        'without a way to get tokens',
        { on_behalf: '', as_system: '', by_password: '' },
        'Choose how',
      ],
      ['public, as a system', { proof: 'none' }, 'choose a secret or a key'],
      ['without a redirect URI', { redirect_uris: '' }, 'Write at least one'],
      ['javascript:', { redirect_uris: 'javascript:alert(1)' }, 'would run or show'],
      ['data:', { redirect_uris: 'data:text/html,x' }, 'would run or show'],
      [
        'http elsewhere',
        { redirect_uris: `${callback}\nhttp://client.example/` },
        'Line 2: Use https',
      ],
      ['an origin with a path', { allowed_origins: 'https://a.example/x' }, 'Write an origin'],
      [
        'javascript: after signing out',
        { post_logout_redirect_uris: 'javascript:alert(1)' },
        'would run',
      ],
      ['a key without a key', { proof: 'key' }, 'Paste its public keys'],
      ['keys that are none', { proof: 'key', jwks: '{}' }, 'list named'],
      [
        'a place of keys with http',
        { proof: 'key', jwks_uri: 'http://client.example/jwks' },
        'Use https',
      ],
    ])('%s: nothing is made, and what was typed stays', async (_, fields, words) => {
      const before = await server.pool.query('select count(*) from clients');
      const { page } = await made(someone.person, fields);
      expect(page.status).toBe(422);
      expect(page.text).toContain('<title>Error: ');
      expect(page.text).toContain(words);
      const kept = fields.name ?? 'Ward Round Helper';
      expect(page.text).toContain(`value="${kept}"`);
      expect((await server.pool.query('select count(*) from clients')).rows).toEqual(before.rows);
    });

    test('a grant that the product does not allow', async () => {
      const machineOnly = await developer({
        name: 'Machine Only',
        grantTypes: ['client_credentials'],
      });
      const { page } = await made(machineOnly.person);
      expect(page.status).toBe(422);
      expect(page.text).toContain('Machine Only gives no tokens on behalf of a user');
    });

    test('no subscription at all', async () => {
      const { page } = await made(someone.person, { [`for:${someone.subscription.id}`]: '' });
      expect([page.status, page.text.includes('Choose at least one')]).toEqual([422, true]);
    });

    test('the sandbox and live together', async () => {
      const live = await aProduct(server.pool, { environment: 'live' });
      const other = await aSubscription(server.pool, { team: someone.team, product: live });
      const both = { [`for:${other.id}`]: 'yes', [`for:${someone.subscription.id}`]: 'yes' };
      const { page } = await made(someone.person, { ...both, by_password: '' });
      expect([page.status, page.text.includes('never reaches both')]).toEqual([422, true]);
      const own = { [`for:${someone.subscription.id}`]: 'yes' };
      const { id } = await made(someone.person, own);
      const path = `/applications/${id}/change`;
      const changed = await fill(someone.person, path, both);
      expect(changed.status).toBe(422);
      await server.pool.query('delete from subscriptions where id = $1', [other.id]);
    });

    test('two teams together', async () => {
      const team = await aTeam(server.pool, { name: 'Another', members: [someone.person.account] });
      const other = await aSubscription(server.pool, { team });
      const both = { [`for:${other.id}`]: 'yes', [`for:${someone.subscription.id}`]: 'yes' };
      const { page } = await made(someone.person, both);
      expect([page.status, page.text.includes('of one team')]).toEqual([422, true]);
      await server.pool.query('delete from subscriptions where id = $1', [other.id]);
    });

    test('another team’s subscription, and one that is over', async () => {
      const { page } = await made(someone.person, { [`for:${stranger.subscription.id}`]: 'yes' });
      expect(page.status).toBe(404);
      const over = await aSubscription(server.pool, { team: someone.team, state: 'cancelled' });
      expect((await made(someone.person, { [`for:${over.id}`]: 'yes' })).page.status).toBe(404);
    });

    test('everything of another team’s application, of a console client, and of nobody’s', async () => {
      const theirs = await made(stranger.person);
      const consoleId = 'console_of_mine';
      await aClient(server.pool, {
        id: consoleId,
        kind: 'console',
        authMethod: 'none',
        subscriptions: [someone.subscription],
      });
      const mine = await someone.person.open(`/applications/${(await made(someone.person)).id}`);
      const csrf = /name="csrf" value="([^"]+)"/.exec(mine.text)?.[1] ?? '';
      const secret = await server.pool.query('select id from client_secrets where client_id = $1', [
        theirs.id,
      ]);
      for (const id of [theirs.id, consoleId, 'nobody', '%00', 'ward-round-helper']) {
        for (const path of ['', '/change', '/delete']) {
          const { status } = await someone.person.open(`/applications/${id}${path}`);
          expect([id, path, status < 500 && status >= 400]).toEqual([id, path, true]);
        }
        for (const path of [
          '/change',
          '/delete',
          '/secrets',
          `/secrets/${secret.rows[0]?.id}/end`,
          '/assertion',
        ]) {
          const body = new URLSearchParams({
            csrf,
            name: 'Mine now',
            on_behalf: 'yes',
            redirect_uris: callback,
          });
          const url = `${server.baseUrl}/applications/${id}${path}`;
          const headers = { origin: server.baseUrl };
          const { status } = await someone.person.browser.open(url, {
            method: 'POST',
            body,
            headers,
          });
          expect([id, path, status]).toEqual([id, path, id === '%00' ? 400 : 404]);
        }
      }
      expect((await machine(theirs)).status).toBe(200);
    });

    test('another application’s secret under my own', async () => {
      const theirs = await made(stranger.person);
      const own = await made(someone.person);
      const { rows } = await server.pool.query(
        'select id from client_secrets where client_id = $1',
        [theirs.id],
      );
      const page = await someone.person.open(`/applications/${own.id}`);
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
      const url = `${server.baseUrl}/applications/${own.id}/secrets/${rows[0].id}/end`;
      const body = new URLSearchParams({ csrf, overlap: 'now' });
      const headers = { origin: server.baseUrl };
      expect(
        (await someone.person.browser.open(url, { method: 'POST', body, headers })).status,
      ).toBe(404);
      expect((await machine(theirs)).status).toBe(200);
    });

    test('forms without a token, and people who are not signed in', async () => {
      const { id } = await made(someone.person);
      for (const path of [
        '/new',
        `/${id}/change`,
        `/${id}/delete`,
        `/${id}/secrets`,
        `/${id}/assertion`,
      ]) {
        const url = `${server.baseUrl}/applications${path}`;
        const body = new URLSearchParams({ name: 'x' });
        const headers = { origin: server.baseUrl };
        const answer = await someone.person.browser.open(url, { method: 'POST', body, headers });
        expect([path, answer.status]).toEqual([path, 403]);
        expect([path, (await fetch(url, { method: 'POST', body, headers })).status]).toEqual([
          path,
          401,
        ]);
      }
    });

    test('a member who has left', async () => {
      const { id } = await made(someone.person);
      await server.pool.query('delete from team_members where account_id = $1', [
        someone.colleague.account.id,
      ]);
      expect((await someone.colleague.open(`/applications/${id}`)).status).toBe(404);
      expect((await someone.colleague.open('/applications')).text).not.toContain(id);
    });

    test('the database ties no client to a subscription of another team or environment', async () => {
      const { id } = await made(someone.person);
      const tie = server.pool.query(
        `insert into client_subscriptions (client_id, subscription_id, environment, team_id)
         values ($1, $2, 'sandbox', $3)`,
        [id, stranger.subscription.id, someone.team.id],
      );
      await expect(tie).rejects.toThrow(/foreign key/);
    });
  });
});
