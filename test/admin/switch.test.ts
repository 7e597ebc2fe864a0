import { type IncomingHttpHeaders, request } from 'node:http';
import { lift, suspend } from '../../src/admin/switch-service.ts';
import { listActsAbout } from '../../src/audit/store.ts';
import { historyOf } from '../../src/audit/words.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import type { Client } from '../../src/clients/client.ts';
import type { Product } from '../../src/products/product.ts';
import type { Stopped } from '../../src/suspensions/suspension.ts';
import { deleteTeam } from '../../src/teams/store.ts';
import type { Team } from '../../src/teams/team.ts';
import { lettersTo } from '../accounts/register-support.ts';
import type { Person } from '../portal/profile-support.ts';
import { send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asTestUser, authorizationUrl, buyCode, newBrowser, pkce, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';
import { anAdministrator, sendUnasked } from './support.ts';

type Answer = { status: number; headers: IncomingHttpHeaders; body: Record<string, unknown> };
type Setting = { product: Product; team: Team; client: Client & { secret: string } };

describe('the kill switch', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let second: TestServer & { address: string };
  let owner: Person;
  let approver: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    second = await startInstance({ databaseUrl, baseUrl: server.baseUrl });
    owner = await anAdministrator(server, passwords, ['owner'], 'Oda Brandt');
    approver = await anAdministrator(server, passwords, ['approver'], 'Helen Ashby');
    await aTestUser(server.pool, { id: 'tu_gp', username: 'gp', password: 'the password of gp' });
  });
  afterEach(() => server.pool.query('delete from suspensions'));
  afterAll(async () => {
    await second.close();
    await server.close();
    await passwords.close();
  });

  const redirectUri = 'https://client.example/callback';
  async function aSetting(kind: 'application' | 'first_party' = 'application'): Promise<Setting> {
    const product = await aProduct(server.pool);
    const team = await aTeam(server.pool, { name: 'Larkfield' });
    const subscription = await aSubscription(server.pool, { team, product });
    const client = await aClient(
      server.pool,
      kind === 'application' ? { subscriptions: [subscription] } : { products: [product] },
    );
    return { product, team, client };
  }
  const thing = (kind: Stopped['kind'], { product, team, client }: Setting): Stopped => ({
    kind,
    id: { client: client.id, team: team.id, product: product.id, environment: 'sandbox' }[kind],
  });

  /** To one of the two instances, in the name of the public address. */
  function call(instance: 0 | 1, client: Setting['client'], path: string, form: object) {
    const { hostname, port } = new URL(instance === 0 ? server.baseUrl : second.address);
    const authorization = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      host: new URL(server.baseUrl).host,
      authorization,
    };
    return new Promise<Answer>((resolve, reject) => {
      const sent = request({ hostname, port, path, method: 'POST', headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        answer.on('end', () => {
          const body = text.startsWith('{') ? JSON.parse(text) : {};
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
        });
      });
      sent.on('error', reject);
      sent.end(String(new URLSearchParams(form as Record<string, string>)));
    });
  }
  const token = (instance: 0 | 1, { client }: Setting, form: object) =>
    call(instance, client, '/sandbox/token', form);
  const withCode = ({ client }: Setting) => ({ ...client, redirectUri });
  const scope = 'openid offline_access read';
  const codeOf = (setting: Setting) =>
    buyCode(server.sandbox, withCode(setting), asTestUser('tu_gp'), { scope, prompt: 'consent' });
  const tokensOf = async (setting: Setting) =>
    (await post(`${server.sandbox}/token`, withCode(setting), await codeOf(setting))).body;

  describe.each([
    ['client', 'application'],
    ['client', 'first_party'],
    ['team', 'application'],
    ['product', 'application'],
    ['environment', 'application'],
    ['environment', 'first_party'],
  ] as const)('for a %s of an %s', (kind, of) => {
    test('stops both instances at once, and lifting brings all of it back', async () => {
      const setting = await aSetting(of);
      const stopped = thing(kind, setting);
      const tokens = await tokensOf(setting);
      const code = await codeOf(setting);
      const machine = { grant_type: 'client_credentials' };
      const own = (await token(0, setting, machine)).body.access_token;
      const password = { grant_type: 'password', username: 'gp', password: 'the password of gp' };
      const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens.refresh_token) };
      const active = async (instance: 0 | 1, value: unknown) =>
        (
          await call(instance, setting.client, '/sandbox/token/introspection', {
            token: String(value),
          })
        ).body.active ?? false;
      expect(await active(1, own)).toBe(true);

      const doer = { actor: { kind: 'account', id: owner.account.id, role: 'owner' } } as const;
      await suspend(server, doer, { ...stopped, reason: 'Its secret is on a forum.' });
      for (const instance of [0, 1] as const) {
        for (const form of [machine, code, password, refresh]) {
          const answer = await token(instance, setting, form);
          expect(answer.status).toBeGreaterThanOrEqual(400);
          expect(answer.body.access_token).toBeUndefined();
        }
        for (const value of [own, tokens.access_token, tokens.refresh_token]) {
          expect(await active(instance, value)).toBe(false);
        }
      }

      await lift(second, doer, { ...stopped, reason: 'It has a new one.' });
      for (const instance of [0, 1] as const) {
        expect((await token(instance, setting, machine)).status).toBe(200);
        expect((await token(instance, setting, password)).status).toBe(200);
        expect(await active(instance, tokens.access_token)).toBe(true);
      }
      expect((await token(1, setting, refresh)).status).toBe(200);
    });
  });

  test('the pop-up says in words that it cannot be used', async () => {
    const setting = await aSetting();
    const url = authorizationUrl(server.sandbox, withCode(setting), pkce().challenge);
    const doer = { actor: { kind: 'system' } } as const;
    await suspend(server, doer, { ...thing('client', setting), reason: 'A test.' });
    const page = await newBrowser(server.baseUrl).open(url);
    expect(page.status).toBe(400);
    expect(page.text).toContain('This application cannot be used now');
    expect(page.text).toContain('an administrator has suspended it');
  });

  test('what is deleted and made again under its id stays suspended', async () => {
    const { pool } = server;
    const setting = await aSetting('first_party');
    const machine = { grant_type: 'client_credentials' };
    const doer = { actor: { kind: 'system' } } as const;
    await suspend(server, doer, { ...thing('client', setting), reason: 'A test.' });
    const refused = await token(0, setting, machine);
    expect(refused.body.access_token).toBeUndefined();
    await pool.query('delete from clients where id = $1', [setting.client.id]);
    const { client } = setting;
    const again = await aClient(pool, { id: client.id, products: [setting.product] });
    expect((await token(0, { ...setting, client: again }, machine)).body).toEqual(refused.body);

    const team = await aSetting();
    await suspend(server, doer, { ...thing('team', team), reason: 'A test.' });
    await deleteTeam(pool, team.team.id);
    await pool.query(`insert into teams (id, name) values ($1, 'Larkfield')`, [team.team.id]);
    const subscription = await aSubscription(pool, { team: team.team, product: team.product });
    const remade = await aClient(pool, { subscriptions: [subscription] });
    expect((await token(0, { ...team, client: remade }, machine)).body).toEqual(refused.body);
  });

  describe('on its pages', () => {
    const at = ({ kind, id }: Stopped) => `/admin/switch/${kind}/${id}`;

    test('a reason is asked for, kept while something is wrong, told to the team’s owners, and in the trail', async () => {
      const setting = await aSetting();
      await server.pool.query(
        `insert into team_members (team_id, account_id, role) values ($1, $2, 'owner')`,
        [setting.team.id, approver.account.id],
      );
      const stopped = thing('client', setting);
      const form = `${at(stopped)}/suspend`;
      const empty = await send(approver, at(stopped), { reason: '  ' }, form);
      expect([empty.status, empty.text]).toEqual([422, expect.stringContaining('Say why')]);
      const done = await send(approver, at(stopped), { reason: 'Its secret\nis out.' }, form);
      expect(done.text).toContain('It is suspended');
      expect(done.text).toContain('Its secret is out.');
      expect((await lettersTo(server.pool, approver.account.email)).at(-1)).toEqual({
        template: 'access-suspended',
        data: {
          name: 'Helen Ashby',
          what: 'the application Example application',
          reason: 'Its secret is out.',
          link: `${server.baseUrl}/teams/${setting.team.id}`,
        },
      });

      const twice = await sendUnasked(approver, form, { reason: 'again' });
      expect(twice.status).toBe(409);
      const lifted = await send(
        approver,
        at(stopped),
        { reason: 'New one.' },
        `${at(stopped)}/lift`,
      );
      expect(lifted.text).toContain('The suspension is lifted.');
      expect((await lettersTo(server.pool, approver.account.email)).at(-1)).toMatchObject({
        template: 'access-restored',
      });
      const acts = await listActsAbout(server.pool, { kind: 'client', id: setting.client.id });
      expect(historyOf(acts).map(({ sentence }) => sentence)).toEqual([
        'Suspension lifted by Helen Ashby: New one.',
        'Suspended at once by Helen Ashby: Its secret is out.',
      ]);
      expect(acts[0]).toMatchObject({ role: 'approver', environment: 'sandbox' });
      expect((await sendUnasked(approver, `${at(stopped)}/lift`, { reason: 'x' })).status).toBe(
        409,
      );
    });

    test('an environment goes by its typed name only, and every page says so', async () => {
      const stopped = { kind: 'environment', id: 'sandbox' } as const;
      const form = `${at(stopped)}/suspend`;
      const wrong = await send(owner, at(stopped), { reason: 'A leak.', name: 'live' }, form);
      expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('Type sandbox')]);
      expect(wrong.text).toContain('A leak.</textarea>');
      await send(owner, at(stopped), { reason: 'A leak.', name: ' Sandbox' }, form);
      for (const path of ['/', '/teams', '/admin/switch']) {
        expect((await owner.open(path)).text).toContain(
          'The sandbox is suspended: it gives no tokens. A leak.',
        );
      }
      const visitor = newBrowser(server.baseUrl);
      expect((await visitor.open(`${server.baseUrl}/sign-in`)).text).toContain('A leak.');
      expect((await owner.open('/admin/switch')).text).toMatch(
        /Suspended<\/span><br>.*by Oda Brandt: A leak\./,
      );
    });

    test('a product says so where developers look at it', async () => {
      const { product } = await aSetting();
      const doer = { actor: { kind: 'system' } } as const;
      await suspend(server, doer, { kind: 'product', id: product.id, reason: 'It is too slow.' });
      const page = await newBrowser(server.baseUrl).open(
        `${server.baseUrl}/products/${product.id}`,
      );
      expect(page.text).toContain('This product is suspended');
      expect(page.text).toContain('It is too slow.');
    });

    test.each([
      ['client', 200],
      ['team', 200],
      ['product', 403],
      ['environment', 403],
    ] as const)('an approver who suspends a %s is answered %i', async (kind, status) => {
      const stopped = thing(kind, await aSetting());
      const page = await approver.open(at(stopped));
      expect(page.text.includes('<button class="danger wide">')).toBe(status === 200);
      const fields = { reason: 'A test.', name: 'sandbox' };
      const answer = await sendUnasked(approver, `${at(stopped)}/suspend`, fields);
      expect(answer.status).toBe(status);
      const { rowCount } = await server.pool.query('select from suspensions');
      expect(rowCount).toBe(status === 200 ? 1 : 0);
    });

    test.each([
      '/admin/switch/client/nobody',
      '/admin/switch/environment/test',
      '/admin/switch/api/x',
    ])('%s is not found', async (path) => {
      expect((await owner.open(path)).status).toBe(404);
      expect((await sendUnasked(owner, `${path}/suspend`, { reason: 'x' })).status).toBe(404);
    });
  });
});
