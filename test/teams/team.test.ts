import type { Doer } from '../../src/audit/act.ts';
import { listActsAbout } from '../../src/audit/store.ts';
import { historyOf } from '../../src/audit/words.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { changeRole, leaveTeam, removeMember } from '../../src/teams/membership-service.ts';
import { upsertMember } from '../../src/teams/store.ts';
import type { MemberRole, Team } from '../../src/teams/team.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { aPerson, makeStale, type Person, send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('a team', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let helen: Person; // an owner of most teams here
  let priya: Person;
  let stranger: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    helen = await aPerson(server, passwords, { name: 'Helen Ashby' });
    priya = await aPerson(server, passwords, { name: 'Priya Nair' });
    stranger = await aPerson(server, passwords, { name: 'Samir Holt' });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  async function teamOf(people: [Person, MemberRole][], name = 'Larkfield'): Promise<Team> {
    const team = await aTeam(server.pool, { name });
    for (const [{ account }, role] of people) {
      await upsertMember(server.pool, { teamId: team.id, accountId: account.id, role });
    }
    return team;
  }
  const rolesIn = async ({ id }: Team): Promise<Record<string, string>> => {
    const { rows } = await server.pool.query<{ name: string; role: string }>(
      `select a.name, m.role from team_members m join accounts a on a.id = m.account_id
       where m.team_id = $1 order by a.name`,
      [id],
    );
    return Object.fromEntries(rows.map(({ name, role }) => [name, role]));
  };
  const historyOfTeam = async ({ id }: Team): Promise<string[]> =>
    historyOf(await listActsAbout(server.pool, { kind: 'team', id })).map((one) => one.sentence);
  const doer = ({ account }: Person): Doer & { actor: { kind: 'account'; id: string } } => ({
    actor: { kind: 'account', id: account.id },
  });
  const member = ({ id }: Team, { account }: Person) => `/teams/${id}/members/${account.id}`;

  test('is made by anybody, who owns it; a name is asked for, and kept while it is wrong', async () => {
    const wrong = await send(helen, '/teams/new', { name: 'see www.example.com' });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('without a web address');
    expect(wrong.text).toContain('value="see www.example.com"');
    const made = await send(helen, '/teams/new', { name: 'Ward <Rounds>' });
    expect(made.text).toContain('The team is made');
    expect(made.text).toContain('Ward &lt;Rounds&gt;');
    expect((await helen.open('/teams')).text).toContain('Ward &lt;Rounds&gt;');
  });

  test('is renamed by an owner', async () => {
    const team = await teamOf([[helen, 'owner']]);
    expect((await send(helen, `/teams/${team.id}/name`, { name: ' ' })).status).toBe(422);
    const page = await send(helen, `/teams/${team.id}/name`, { name: 'Fernhill' });
    expect(page.text).toContain('<h1>Fernhill</h1>');
    expect(await historyOfTeam(team)).toEqual(['Renamed to Fernhill by Helen Ashby']);
  });

  test('shows its people to each of them, and says who may change what', async () => {
    const team = await teamOf([
      [helen, 'owner'],
      [priya, 'member'],
    ]);
    const asOwner = (await helen.open(`/teams/${team.id}`)).text;
    const asMember = (await priya.open(`/teams/${team.id}`)).text;
    for (const page of [asOwner, asMember]) {
      expect(page).toContain('Helen Ashby');
      expect(page).toContain(priya.account.email);
    }
    expect(asOwner).toContain(member(team, priya));
    expect(asMember).not.toContain('/members/');
    expect(asMember).not.toContain('/invite');
  });

  test('an owner makes another; the new one is told, and the history says so', async () => {
    const team = await teamOf([
      [helen, 'owner'],
      [priya, 'member'],
    ]);
    const page = await send(helen, member(team, priya), { role: 'owner' });
    expect(page.text).toContain('The role is changed');
    expect(await rolesIn(team)).toEqual({ 'Helen Ashby': 'owner', 'Priya Nair': 'owner' });
    expect(await lettersTo(server.pool, priya.account.email)).toContainEqual({
      template: 'team-owner',
      data: {
        name: 'Priya Nair',
        by: 'Helen Ashby',
        team: 'Larkfield',
        link: `${server.baseUrl}/teams/${team.id}`,
      },
    });
    expect(await historyOfTeam(team)).toEqual(['Priya Nair made owner by Helen Ashby']);
  });

  test('a member is removed: sees nothing any more, is told, and the team keeps all it has', async () => {
    const team = await teamOf([
      [helen, 'owner'],
      [priya, 'member'],
    ]);
    const subscription = await aSubscription(server.pool, { team });
    expect((await priya.open(`/teams/${team.id}`)).status).toBe(200);
    const page = await send(helen, member(team, priya), {}, `${member(team, priya)}/remove`);
    expect(page.text).toContain('They are removed');
    expect((await priya.open(`/teams/${team.id}`)).status).toBe(404);
    expect((await priya.open('/teams')).text).not.toContain(team.id);
    const letters = await lettersTo(server.pool, priya.account.email);
    expect(letters.at(-1)).toMatchObject({ template: 'team-removed', data: { team: 'Larkfield' } });
    const { rows } = await server.pool.query('select state from subscriptions where id = $1', [
      subscription.id,
    ]);
    expect(rows).toEqual([{ state: 'active' }]);
    expect(await historyOfTeam(team)).toEqual(['Priya Nair removed by Helen Ashby']);
  });

  test('a member leaves; the last owner cannot, be demoted or be removed, until they hand over', async () => {
    const team = await teamOf([
      [helen, 'owner'],
      [priya, 'member'],
      [stranger, 'member'],
    ]);
    const left = await send(stranger, `/teams/${team.id}/leave`);
    expect(left.text).toContain('You have left the team.');

    const refused = [
      await send(helen, `/teams/${team.id}/leave`),
      await send(helen, member(team, helen), { role: 'member' }),
      await send(helen, member(team, helen), {}, `${member(team, helen)}/remove`),
    ];
    for (const page of refused) {
      expect(page.status).toBe(409);
      expect(page.text).toContain('would be left without an owner');
    }
    expect(await rolesIn(team)).toEqual({ 'Helen Ashby': 'owner', 'Priya Nair': 'member' });

    expect((await send(helen, `/teams/${team.id}/hand-over`)).status).toBe(422);
    await send(helen, `/teams/${team.id}/hand-over`, { to: priya.account.id });
    expect(await rolesIn(team)).toEqual({ 'Helen Ashby': 'member', 'Priya Nair': 'owner' });
    expect((await send(helen, `/teams/${team.id}/leave`)).text).toContain('You have left');
    expect(await historyOfTeam(team)).toEqual([
      'Left by Helen Ashby',
      'Handed over to Priya Nair by Helen Ashby',
      'Left by Samir Holt',
    ]);
  });

  test.each(['leave', 'demote each other', 'remove each other'])(
    'of two owners who %s at once one is refused',
    async (what) => {
      const { pool, baseUrl } = server;
      for (let round = 0; round < 5; round += 1) {
        const team = await teamOf([
          [helen, 'owner'],
          [priya, 'owner'],
        ]);
        const deed = (self: Person, other: Person): Promise<void> => {
          const place = { teamId: team.id, accountId: other.account.id };
          if (what === 'leave') return leaveTeam(pool, doer(self), team.id);
          if (what === 'remove each other') return removeMember({ pool }, doer(self), place);
          return changeRole({ pool, baseUrl }, doer(self), { ...place, role: 'member' });
        };
        const outcomes = await Promise.allSettled([deed(helen, priya), deed(priya, helen)]);
        expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
        expect(Object.values(await rolesIn(team))).toContain('owner');
      }
    },
  );

  test('is deleted by its typed name only, with all that is its; the page says what that is', async () => {
    const team = await teamOf([
      [helen, 'owner'],
      [priya, 'member'],
    ]);
    const product = await aProduct(server.pool);
    const subscription = await aSubscription(server.pool, { team, product });
    await aClient(server.pool, { subscriptions: [subscription] });
    await aTestUser(server.pool, { team });
    const page = await helen.open(`/teams/${team.id}/delete`);
    expect(page.text).toContain('1 subscription, 1 application and 1 test user go with the team');
    expect(page.text).toContain('1 other person lose it too');

    const wrong = await send(helen, `/teams/${team.id}/delete`, { name: 'Larkfeld' });
    expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('value="Larkfeld"')]);
    const gone = await send(helen, `/teams/${team.id}/delete`, { name: ' Larkfield ' });
    expect(gone.text).toContain('The team is deleted');
    const { rows } = await server.pool.query(
      `select id from teams where id = $1 union all select id from subscriptions where team_id = $1
       union all select id from clients where team_id = $1
       union all select id from test_users where team_id = $1`,
      [team.id],
    );
    expect(rows).toEqual([]);
    expect((await lettersTo(server.pool, priya.account.email)).at(-1)).toMatchObject({
      template: 'team-deleted',
    });
    expect(await historyOfTeam(team)).toEqual(['Team deleted by Helen Ashby']);
  });

  test('that is suspended is not deleted', async () => {
    const team = await teamOf([[helen, 'owner']]);
    await server.pool.query(
      `insert into suspensions (kind, id, reason) values ('team', $1, 'Sells its tokens.')`,
      [team.id],
    );
    expect((await helen.open(`/teams/${team.id}`)).text).toContain('Sells its tokens.');
    const page = await send(helen, `/teams/${team.id}/delete`, { name: 'Larkfield' });
    expect([page.status, page.text]).toEqual([
      409,
      expect.stringContaining('until that is lifted'),
    ]);
  });

  test.each(['client', 'subscription'])(
    'of which a %s is suspended is not deleted',
    async (what) => {
      const team = await teamOf([[helen, 'owner']]);
      const product = await aProduct(server.pool);
      const subscription = await aSubscription(server.pool, { team, product });
      const client = await aClient(server.pool, { subscriptions: [subscription] });
      const { pool } = server;
      if (what === 'client') {
        await pool.query(`insert into suspensions (kind, id, reason) values ('client', $1, 'x')`, [
          client.id,
        ]);
      } else {
        await pool.query(
          `update subscriptions set state = 'suspended', reason = 'x' where id = $1`,
          [subscription.id],
        );
      }
      const end = () => send(helen, `/teams/${team.id}/delete`, { name: 'Larkfield' });
      const page = await end();
      expect([page.status, page.text]).toEqual([
        409,
        expect.stringContaining('until that is lifted'),
      ]);
      await pool.query(`delete from suspensions where id = $1`, [client.id]);
      await pool.query(`update subscriptions set state = 'expired' where state = 'suspended'`);
      expect((await end()).status).toBe(200);
    },
  );

  describe('is nothing to others', () => {
    const pages = ['', '/name', '/leave', '/delete', '/invite', '/hand-over', '/members/acc_x'];
    const posts = [
      ...pages.slice(1),
      '/members/acc_x/remove',
      '/invitations/x/resend',
      '/invitations/x/withdraw',
    ];

    test.each(pages)('GET %s is not found, as for a team that is not there', async (path) => {
      const team = await teamOf([[helen, 'owner']]);
      const foreign = await stranger.open(`/teams/${team.id}${path}`);
      const none = await stranger.open(`/teams/team_none${path}`);
      expect([foreign.status, none.status]).toEqual([404, 404]);
      expect(foreign.text).not.toContain('Larkfield');
    });

    test.each(posts)('POST %s is not found', async (path) => {
      const team = await teamOf([[helen, 'owner']]);
      const form = await stranger.open('/teams/new');
      const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
      const answer = await stranger.browser.open(`${server.baseUrl}/teams/${team.id}${path}`, {
        method: 'POST',
        headers: { origin: server.baseUrl },
        body: new URLSearchParams({
          csrf,
          name: 'Larkfield',
          role: 'member',
          email: 'x@example.com',
          to: stranger.account.id,
        }),
      });
      expect(answer.status).toBe(404);
      expect(await rolesIn(team)).toEqual({ 'Helen Ashby': 'owner' });
    });

    test.each(['/invite', '/hand-over', '/members/acc_x'])(
      'GET %s is for owners, not for members',
      async (path) => {
        const team = await teamOf([
          [helen, 'owner'],
          [priya, 'member'],
        ]);
        expect((await priya.open(`/teams/${team.id}${path}`)).status).toBe(403);
      },
    );

    test('a member who sends an owner’s form is refused', async () => {
      const team = await teamOf([
        [helen, 'owner'],
        [priya, 'member'],
      ]);
      for (const [path, fields] of [
        ['name', { name: 'Mine' }],
        ['delete', { name: 'Larkfield' }],
      ] as const) {
        const answer = await send(priya, `/teams/${team.id}/${path}`, fields);
        expect(answer.status).toBe(403);
      }
      expect((await helen.open(`/teams/${team.id}`)).status).toBe(200);
    });
  });

  test('a session that was left open long ago cannot give it away', async () => {
    const late = await aPerson(server, passwords, { name: 'Oda Brandt' });
    const team = await teamOf([
      [late, 'owner'],
      [priya, 'member'],
    ]);
    await makeStale(server.pool, late.account.id);
    for (const path of ['invite', 'hand-over', 'delete', `members/${priya.account.id}`]) {
      const page = await late.open(`/teams/${team.id}/${path}`);
      expect([page.status, page.text]).toEqual([401, expect.stringContaining('password again')]);
    }
    expect((await late.open(`/teams/${team.id}`)).status).toBe(200);
  });

  test('whoever is in none is told what a team is', async () => {
    const alone = await aPerson(server, passwords, {});
    await server.pool.query('delete from team_members where account_id = $1', [alone.account.id]);
    expect((await alone.open('/teams')).text).toContain('You are in no team.');
  });

  test('the history of an account that is deleted names nobody', async () => {
    const gone = await anAccount(server.pool, { name: 'Grace Gone' });
    const team = await teamOf([[helen, 'owner']]);
    await upsertMember(server.pool, { teamId: team.id, accountId: gone.id, role: 'member' });
    await removeMember(server, doer(helen), { teamId: team.id, accountId: gone.id });
    await server.pool.query(`select pseudonymise_audit($1, 'gone_1')`, [gone.id]);
    await server.pool.query('delete from accounts where id = $1', [gone.id]);
    const acts = await listActsAbout(server.pool, { kind: 'team', id: team.id });
    expect(JSON.stringify(acts)).not.toContain(gone.id);
    expect(historyOf(acts)[0]?.sentence).toBe('Somebody removed by Helen Ashby');
  });
});
