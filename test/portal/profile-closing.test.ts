import type { AdministratorRole } from '../../src/accounts/account.ts';
import { saveRoles } from '../../src/accounts/store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { opens, submitTo } from '../accounts/register-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asAccount, buyTokens, newBrowser, type Page, post } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aPerson, isSignedIn, type Person, password, send, signInAs } from './profile-support.ts';

describe('deleting an account', () => {
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

  const person = (team?: string) => aPerson(server, passwords, { name: 'Priya Nair', team });
  const leave = (someone: Person, email = someone.account.email) =>
    send(someone, '/profile/delete', { email });
  const rows = async (text: string, values: unknown[] = []) =>
    (await server.pool.query(text, values)).rows;
  const exists = async ({ account }: Person) =>
    (await rows('select from accounts where id = $1', [account.id])).length === 1;
  const teamNamed = (name: string) => rows('select id from teams where name = $1', [name]);
  const member = (team: { id: string }, { id }: { id: string }, role: 'owner' | 'member') =>
    server.pool.query('insert into team_members (team_id, account_id, role) values ($1, $2, $3)', [
      team.id,
      id,
      role,
    ]);

  test('is no way out of a suspension of its team', async () => {
    const someone = await person('Stopped Software');
    const [team] = await teamNamed('Stopped Software');
    await rows(`insert into suspensions (kind, id, reason) values ('team', $1, 'x')`, [team.id]);
    const stopped = await leave(someone);
    expect([stopped.status, stopped.text]).toEqual([
      409,
      expect.stringContaining('Stopped Software, or something of it, is suspended'),
    ]);
    await rows('delete from suspensions');

    const one = await aSubscription(server.pool, {
      team: { ...team, name: 'Stopped Software', createdAt: new Date() },
      product: await aProduct(server.pool),
    });
    await rows(`update subscriptions set state = 'suspended' where id = $1`, [one.id]);
    expect((await leave(someone)).status).toBe(409);
    await rows(`update subscriptions set state = 'cancelled' where id = $1`, [one.id]);
    expect((await leave(someone)).status).toBe(200);
  });

  test('says beforehand what becomes of a team of one, and takes all of it at once', async () => {
    const someone = await person('Going Software');
    const { account } = someone;
    const [team] = await teamNamed('Going Software');
    const product = await aProduct(server.pool);
    const subscription = await aSubscription(server.pool, { product, team });
    await aSubscription(server.pool, { team, state: 'cancelled' }); // counts no more
    const client = await aClient(server.pool, { subscriptions: [subscription] });
    await aTestUser(server.pool, { team });
    for (const [slot, four] of Object.entries({ primary: 'aaaa', secondary: 'bbbb' })) {
      await server.pool.query(
        `insert into subscription_keys (subscription_id, slot, fingerprint, sealed, last_four)
         values ($1, $2, $3, 'x', $4)`,
        [subscription.id, slot, Buffer.from(`${subscription.id}${slot}`), four],
      );
    }
    const app = { ...client, redirectUri: 'https://client.example/callback' };
    const by = asAccount(account.email, password);
    const scope = 'openid offline_access';
    await buyTokens(server.sandbox, app, by, { scope, prompt: 'consent' });
    const phone = await signInAs(server, account.email);

    const page = await someone.open('/profile/delete');
    expect(page.text).toContain(
      '<strong>Going Software</strong> goes with you, and with it 1 subscription, 2 keys, 1 application and 1 test user. Whatever uses them gets no more tokens; those it has end within 10 minutes.',
    );
    expect(page.text).toContain('What you allowed 1 application ends at once.');

    const gone = await leave(someone, ` ${account.email.toUpperCase()} `);
    expect([gone.status, gone.url]).toEqual([200, `${server.baseUrl}/profile/deleted`]);
    expect(gone.text).toContain('Your account is deleted');
    expect(gone.text).not.toContain('Priya Nair');
    expect(await exists(someone)).toBe(false);
    expect(await isSignedIn(someone.browser, server)).toBe(false);
    expect(await isSignedIn(phone, server)).toBe(false);
    expect(await opens(server.baseUrl, account.email, password)).toBe(false);
    expect(await teamNamed('Going Software')).toEqual([]);
    expect(await rows('select from clients where id = $1', [client.id])).toEqual([]);
    expect(
      await rows(`select from oidc_records where payload ->> 'accountId' = $1`, [account.id]),
    ).toEqual([]);
    const letters = await rows('select template from letters where recipient = $1', [
      account.email,
    ]);
    expect(letters).toContainEqual({ template: 'account-deleted' });
  });

  test('ends what an application of another team may do', async () => {
    const someone = await person();
    const product = await aProduct(server.pool);
    const subscriptions = [await aSubscription(server.pool, { product })];
    const client = await aClient(server.pool, { subscriptions });
    const app = { ...client, redirectUri: 'https://client.example/callback' };
    const by = asAccount(someone.account.email, password);
    const scope = 'openid offline_access';
    const { body } = await buyTokens(server.sandbox, app, by, { scope, prompt: 'consent' });
    await leave(someone);
    const token = String(body.access_token);
    expect((await post(`${server.sandbox}/token/introspection`, app, { token })).body).toEqual({
      active: false,
    });
    const me = { headers: { authorization: `Bearer ${token}` } };
    expect((await fetch(`${server.sandbox}/me`, me)).status).toBe(401);
    const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) };
    expect((await post(`${server.sandbox}/token`, app, form)).body.error).toBe('invalid_grant');
  });

  test('a team that has nothing goes with a sentence that says so', async () => {
    const someone = await person('Empty Software');
    const { text } = await someone.open('/profile/delete');
    expect(text).toContain(
      '<strong>Empty Software</strong> goes with you. It has no subscriptions, keys or applications.',
    );
    expect(text).toContain('No application has access to your account.');
  });

  describe('of an administrator with the role owner', () => {
    const roles = (ofAccount: { id: string }, ...given: AdministratorRole[]) =>
      saveRoles(server.pool, ofAccount.id, given);
    const owners = () =>
      rows(`select account_id from account_roles where role = 'owner'`) as Promise<unknown[]>;
    afterEach(() => server.pool.query('delete from account_roles'));

    test('must hand over first where there is no other, and is told so', async () => {
      const someone = await person();
      const { text: before } = await someone.open('/profile/delete'); // its form is still open
      await roles(someone.account, 'owner', 'auditor');
      await roles(await anAccount(server.pool), 'approver', 'publisher');
      await roles(await anAccount(server.pool, { emailVerified: false }), 'owner'); // cannot sign in
      const { text } = await someone.open('/profile/delete');
      expect(text).toContain('Hand over first');
      expect(text).toContain('You are the last administrator of');
      expect(text).not.toContain('action="/profile/delete"');

      const csrf = /name="csrf" value="([^"]+)"/.exec(before)?.[1] ?? '';
      const refused = await someone.browser.open(`${server.baseUrl}/profile/delete`, {
        method: 'POST',
        body: new URLSearchParams({ csrf, email: someone.account.email }),
        headers: { origin: server.baseUrl },
      });
      expect([refused.status, refused.text.includes('the last administrator of')]).toEqual([
        409,
        true,
      ]);
      expect(await exists(someone)).toBe(true);
    });

    test('goes where there is another', async () => {
      const someone = await person();
      await roles(someone.account, 'owner');
      await roles(await anAccount(server.pool), 'owner');
      expect((await someone.open('/profile/delete')).text).not.toContain('Hand over first');
      expect((await leave(someone)).url).toBe(`${server.baseUrl}/profile/deleted`);
    });

    test('of two last ones who leave at once, one stays', async () => {
      for (let round = 0; round < 3; round += 1) {
        const both = [await person(), await person()];
        for (const { account } of both) await roles(account, 'owner');
        const forms = await Promise.all(both.map((one) => one.open('/profile/delete')));
        const answers = await Promise.all(
          both.map(({ browser, account: { email } }, n) =>
            submitTo(browser, forms[n] as Page, '/profile/delete', { email }),
          ),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
        expect(await owners()).toHaveLength(1);
        await server.pool.query('delete from account_roles');
      }
    });

    test('the other roles leave as everybody', async () => {
      const someone = await person();
      await roles(someone.account, 'auditor');
      expect((await leave(someone)).url).toBe(`${server.baseUrl}/profile/deleted`);
    });
  });

  test('leaves its acts in the trail, under a name that leads to nobody', async () => {
    const someone = await person();
    const { id, email } = someone.account;
    await send(someone, '/profile/name', { name: 'Priya Menon' });
    await leave(someone);
    const trail = await rows('select * from audit');
    expect(JSON.stringify(trail)).not.toContain(id);
    expect(JSON.stringify(trail)).not.toContain(email);
    const deleted = trail.filter(({ action }) => action === 'account.deleted').at(-1);
    expect(deleted).toMatchObject({ actor_id: expect.stringMatching(/^gone_/), address: null });
    const acts = trail.filter(({ actor_id: actor }) => actor === deleted?.actor_id);
    expect(acts.map(({ action }) => action)).toEqual([
      'sign_in.succeeded',
      'account.name_changed',
      'account.deleted',
    ]);
  });

  test('a team with another owner stays as it is', async () => {
    const someone = await person('Staying Software');
    const [team] = await teamNamed('Staying Software');
    await member(team, await anAccount(server.pool), 'owner');
    const subscription = await aSubscription(server.pool, { team });
    const { text } = await someone.open('/profile/delete');
    expect(text).toContain('stays with its 1 other member');
    expect((await leave(someone)).url).toBe(`${server.baseUrl}/profile/deleted`);
    expect(await teamNamed('Staying Software')).toHaveLength(1);
    expect(await rows('select from subscriptions where id = $1', [subscription.id])).toHaveLength(
      1,
    );
  });

  test('the last owner of a team with other members must hand over first', async () => {
    const someone = await person('Orphan Software');
    const [team] = await teamNamed('Orphan Software');
    const { text: before } = await someone.open('/profile/delete'); // its form is still open
    await member(team, await anAccount(server.pool), 'member');
    const { text, status } = await someone.open('/profile/delete');
    expect(status).toBe(200);
    expect(text).toContain('Hand over first');
    expect(text).toContain('You are the last owner of <strong>Orphan Software</strong>');
    expect(text).not.toContain('action="/profile/delete"');

    const csrf = /name="csrf" value="([^"]+)"/.exec(before)?.[1] ?? '';
    const refused = await someone.browser.open(`${server.baseUrl}/profile/delete`, {
      method: 'POST',
      body: new URLSearchParams({ csrf, email: someone.account.email }),
      headers: { origin: server.baseUrl },
    });
    expect([refused.status, refused.text.includes('Hand over first')]).toEqual([409, true]);
    expect(await exists(someone)).toBe(true);
    expect(await isSignedIn(someone.browser, server)).toBe(true);
    expect(await rows(`select from letters where recipient = $1`, [someone.account.email])).toEqual(
      [],
    );
  });

  test('of two owners who leave at once, one stays with the rest', async () => {
    const one = await person('Both Leave');
    const other = await person();
    const [team] = await teamNamed('Both Leave');
    await member(team, other.account, 'owner');
    await member(team, await anAccount(server.pool), 'member');
    const both = [one, other];
    const forms = await Promise.all(both.map(({ open }) => open('/profile/delete')));
    const answers = await Promise.all(
      both.map(({ browser, account: { email } }, at) =>
        submitTo(browser, forms[at] as Page, '/profile/delete', { email }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect([await exists(one), await exists(other)].sort()).toEqual([false, true]);
    const owners = `select from team_members where team_id = $1 and role = 'owner'`;
    expect(await rows(owners, [team.id])).toHaveLength(1);
  });

  test.each(['', 'yes', 'somebody.else@larkfield.example'])(
    '“%s” typed in the place of my address deletes nothing',
    async (typed) => {
      const someone = await person();
      const page = await leave(someone, typed);
      expect([page.status, page.text.includes('id="email-error"')]).toEqual([422, true]);
      expect(await exists(someone)).toBe(true);
    },
  );

  test('the address is free again, and whoever takes it inherits nothing', async () => {
    const someone = await person();
    await leave(someone);
    const next = await anAccount(server.pool, { email: someone.account.email });
    expect(next.id).not.toBe(someone.account.id);
    expect(await rows('select from team_members where account_id = $1', [next.id])).toEqual([]);
  });

  test('the last page is there for strangers, and says nothing about anyone', async () => {
    const page = await newBrowser(server.baseUrl).open(`${server.baseUrl}/profile/deleted`);
    expect(page.status).toBe(200);
  });
});
