import { createPasswords } from '../../src/base/passwords.ts';
import { mostPerTeam } from '../../src/test-users/own-service.ts';
import { actsOf, aPerson, type Person, send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, type Page, post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const typed = {
  name: 'Ines <b>Okafor</b>',
  title: 'Locum GP',
  about: 'Sees everybody on Tuesdays.',
  username: 'ines.okafor',
  password: 'tuesdays only please',
  role: 'gp',
  patient: '',
  claims: 'given_name: Ines\nemail: ines@larkfield.example\nemail_verified: true',
};

describe('a team’s own test users', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await aTestUser(server.pool, {
      id: 'tu_nurse',
      username: 'tomasz.lind',
      name: 'Tomasz Lind',
      title: 'Ward nurse',
      password: 'tea-round-on-ward-four',
      role: 'nurse',
      patient: 'NM-0007',
      claims: { name: 'Tomasz Lind', given_name: 'Tomasz' },
    });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const person = () => aPerson(server, passwords);
  const teamOf = async ({ account }: Person) =>
    (
      await server.pool.query<{ id: string; name: string }>(
        'select id, name from teams join team_members m on m.team_id = id where m.account_id = $1',
        [account.id],
      )
    ).rows[0] as { id: string; name: string };
  const idOf = ({ url }: Page): string => /tu_[\w-]+/.exec(url)?.[0] ?? '';

  /** A new one, made on the page; answers its id. */
  const made = async (someone: Person, more: Partial<typeof typed> = {}): Promise<string> => {
    const page = await send(someone, '/test-users/new', { ...typed, ...more });
    expect(page.url).toContain('?done=made');
    return idOf(page);
  };

  /** An application of that team with a product that a GP may read. */
  const application = async (team: { id: string }) => {
    const subscription = await aSubscription(server.pool, {
      product: await aProduct(server.pool),
      team: team as Awaited<ReturnType<typeof aTeam>>,
    });
    return aClient(server.pool, { subscriptions: [subscription] });
  };
  const ask = (client: { id: string; secret: string }, username: string, password: string) =>
    post(`${server.sandbox}/token`, client, {
      ...{ grant_type: 'password', username, password, scope: 'openid profile email read' },
    });

  test('everybody sees the shared ones; their passwords, whoever is signed in', async () => {
    const someone = await person();
    await made(someone);
    const { status, text } = await newBrowser(server.baseUrl).open(`${server.baseUrl}/test-users`);
    expect(status).toBe(200);
    expect(text).toContain('Tomasz Lind');
    expect(text).not.toContain('tea-round-on-ward-four');
    expect(text).not.toContain('ines.okafor');
    const page = await (await person()).open('/test-users');
    expect(page.text).toContain('tea-round-on-ward-four');
    expect(page.text).toContain('No test user of your own yet');
    expect(page.text).not.toContain('ines.okafor');
  });

  test('is made from scratch, and works through any application of the team and no other', async () => {
    const someone = await person();
    const team = await teamOf(someone);
    const id = await made(someone);
    const list = await someone.open('/test-users');
    expect(list.text).toContain('Ines &lt;b&gt;Okafor&lt;/b&gt;');
    expect(list.text).toContain('tuesdays only please');

    for (const client of [await application(team), await application(team)]) {
      const { status, body } = await ask(client, 'ines.okafor', 'tuesdays only please');
      expect([status, body.scope]).toEqual([200, 'read']);
      const me = await fetch(`${server.sandbox}/me`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      });
      expect(await me.json()).toMatchObject({
        sub: id,
        name: 'Ines <b>Okafor</b>',
        email: 'ines@larkfield.example',
        email_verified: true,
      });
    }
    const stranger = await application(await teamOf(await person()));
    const refused = await ask(stranger, 'ines.okafor', 'tuesdays only please');
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant']);
    expect(await actsOf(server.pool, someone.account.id)).toEqual(['test_user.made']);
  });

  test('is made as a copy of a shared one, or of one’s own, and is a subject of its own', async () => {
    const someone = await person();
    const form = await someone.open('/test-users/new?clone=tu_nurse');
    expect(form.text).toMatch(/value="tomasz\.lind\.copy"/);
    expect(form.text).toMatch(/name="patient"[^>]*value="NM-0007"/);
    expect(form.text).toContain('given_name: Tomasz');
    expect(form.text).not.toContain('name: Tomasz Lind');
    expect(form.text).not.toContain('tea-round-on-ward-four');
    const copy = await made(someone);
    expect(copy).not.toBe('tu_nurse');
    const again = await someone.open(`/test-users/new?clone=${copy}`);
    expect(again.text).toMatch(/value="ines\.okafor\.copy"/);
    const others = await (await person()).open(`/test-users/new?clone=${copy}`);
    expect(others.status).toBe(200);
    expect(others.text).not.toContain('ines');
  });

  test('changes; whoever typed something wrong keeps what they typed', async () => {
    const someone = await person();
    const id = await made(someone);
    const client = await application(await teamOf(someone));
    const wrong = await send(someone, `/test-users/${id}`, {
      ...typed,
      name: '',
      password: 'short',
      claims: 'favourite_colour: blue',
    });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('<title>Error: ');
    expect(wrong.text).toContain('favourite_colour: blue');
    expect(wrong.text.match(/aria-invalid="true"/g)).toHaveLength(3);

    const page = await send(someone, `/test-users/${id}`, {
      ...typed,
      username: 'ines',
      role: 'porter',
    });
    expect(page.text).toContain('Saved.');
    expect(page.text).toContain('Changed (username and role) by you');
    expect((await ask(client, 'ines.okafor', typed.password)).status).toBe(400);
    const answer = await ask(client, 'ines', typed.password);
    expect(answer.body.scope ?? '').not.toContain('read');
    await send(someone, `/test-users/${id}`, { ...typed, username: 'ines', role: 'porter' });
    expect(await actsOf(server.pool, someone.account.id)).toEqual([
      'test_user.made',
      'test_user.changed',
    ]);
  });

  test('a username is the team’s only one, whatever other teams and shared ones are called', async () => {
    const someone = await person();
    await made(someone, { username: 'tomasz.lind' });
    await made(await person(), { username: 'tomasz.lind' });
    const again = await send(someone, '/test-users/new', { ...typed, username: 'tomasz.lind' });
    expect(again.status).toBe(422);
    expect(again.text).toContain('Your team has a test user with this username already.');
    const client = await application(await teamOf(someone));
    expect((await ask(client, 'tomasz.lind', typed.password)).status).toBe(200);
    expect((await ask(client, 'tomasz.lind', 'tea-round-on-ward-four')).status).toBe(400);
  });

  test('another team’s is not found, whatever one does to it', async () => {
    const victim = await person();
    const id = await made(victim);
    const thief = await person();
    await made(thief);
    for (const path of [id, 'tu_nurse', 'tu_nobody', '%27']) {
      expect((await thief.open(`/test-users/${path}`)).status).toBe(404);
    }
    const mine = await thief.open('/test-users/new');
    const csrf = /name="csrf" value="([^"]+)"/.exec(mine.text)?.[1] ?? '';
    const { id: teamId } = await teamOf(victim);
    for (const [path, fields] of [
      [id, typed],
      [`${id}/behaviour`, { behaviour: 'slow' }],
      [`${id}/reset`, {}],
      [`${id}/delete`, {}],
      ['reset', { team: teamId }],
      ['new', { ...typed, team: teamId }],
    ] as const) {
      const page = await thief.browser.open(`${server.baseUrl}/test-users/${path}`, {
        method: 'POST',
        body: new URLSearchParams({ ...fields, csrf }),
        headers: { origin: server.baseUrl },
      });
      expect([path, page.status]).toEqual([path, 404]);
    }
    expect(await actsOf(server.pool, thief.account.id)).toEqual(['test_user.made']);
    expect((await victim.open(`/test-users/${id}`)).text).toContain('Nothing out of the ordinary');
  });

  test('a form of ours is demanded, and a sign-in', async () => {
    const someone = await person();
    const id = await made(someone);
    for (const path of ['new', id, `${id}/behaviour`, `${id}/reset`, `${id}/delete`, 'reset']) {
      const fields = new URLSearchParams({ ...typed, behaviour: 'slow', csrf: 'forged' });
      const init = { method: 'POST', body: fields, headers: { origin: server.baseUrl } };
      const url = `${server.baseUrl}/test-users/${path}`;
      expect([path, (await someone.browser.open(url, init)).status]).toEqual([path, 403]);
      expect([path, (await newBrowser(server.baseUrl).open(url, init)).status]).toEqual([
        path,
        401,
      ]);
    }
  });

  test(`a team has no more than ${mostPerTeam}, and says so with the form as it was`, async () => {
    const someone = await person();
    const team = await teamOf(someone);
    await server.pool.query(
      `with made as (
         insert into test_users (team_id, username, name, sealed_password)
         select $1, 'bulk' || n, 'Bulk', '' from generate_series(1, ${mostPerTeam - 2}) n returning id
       )
       insert into profiles (environment, test_user_id, role) select 'sandbox', id, 'gp' from made`,
      [team.id],
    );
    const form = await someone.open('/test-users/new');
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        someone.browser.open(`${server.baseUrl}/test-users/new`, {
          method: 'POST',
          body: new URLSearchParams({ ...typed, username: `at-once-${n}`, team: team.id, csrf }),
          headers: { origin: server.baseUrl },
        }),
      ),
    );
    const refused = answers.filter(({ status }) => status === 422);
    expect(refused).toHaveLength(2);
    expect(refused[0]?.text).toContain(`A team can have ${mostPerTeam} test users.`);
    expect(refused[0]?.text).toContain('Sees everybody on Tuesdays.');
  });

  test('whoever is in two teams says for which one it is, and sees both', async () => {
    const someone = await person();
    const second = await aTeam(server.pool, { name: 'Fernbank', members: [someone.account] });
    const form = await someone.open('/test-users/new');
    expect(form.text).toContain(`<option value="${second.id}">Fernbank</option>`);
    const made = await send(someone, '/test-users/new', { ...typed, team: second.id });
    expect(made.text).toContain('Fernbank');
    const list = await someone.open('/test-users');
    expect(list.text).toContain('Fernbank’s own');
    expect(list.text.match(/No test user of your own yet/g)).toHaveLength(1);
    const { rows } = await server.pool.query('select team_id from test_users where id = $1', [
      idOf(made),
    ]);
    expect(rows).toEqual([{ team_id: second.id }]);
  });

  test('is deleted for good', async () => {
    const someone = await person();
    const id = await made(someone);
    const client = await application(await teamOf(someone));
    const page = await send(someone, `/test-users/${id}`, {}, `/test-users/${id}/delete`);
    expect(page.url).toBe(`${server.baseUrl}/test-users?done=deleted`);
    expect((await ask(client, 'ines.okafor', typed.password)).status).toBe(400);
    expect((await someone.open(`/test-users/${id}`)).status).toBe(404);
  });

  test('its behaviour is set, shown and taken back; a shared one has none', async () => {
    const someone = await person();
    const id = await made(someone);
    const set = (behaviour: string) =>
      send(someone, `/test-users/${id}`, { behaviour }, `/test-users/${id}/behaviour`);
    const page = await set('token_expired');
    expect(page.text).toContain('The behaviour is set.');
    expect(page.text).toMatch(/value="token_expired" checked/);
    expect((await someone.open('/test-users')).text).toContain('Token already expired</span>');
    expect((await set('none')).text).toMatch(/value="none" checked/);
    expect((await set('on fire')).status).toBe(422);
    const shared = server.pool.query(
      `update test_users set behaviour = 'slow' where id = 'tu_nurse'`,
    );
    await expect(shared).rejects.toThrow(/test_users_own_behaves/);
  });
});
