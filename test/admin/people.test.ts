import type { AdministratorRole } from '../../src/accounts/account.ts';
import { findAccount } from '../../src/accounts/store.ts';
import { changeRoles } from '../../src/admin/people-service.ts';
import { listActsOf } from '../../src/audit/store.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { removeMember } from '../../src/teams/membership-service.ts';
import { upsertMember } from '../../src/teams/store.ts';
import { lettersTo } from '../accounts/register-support.ts';
import { aPerson, isSignedIn, makeStale, type Person, send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { anAdministrator, sendUnasked } from './support.ts';

describe('people, as administrators see them', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let owner: Person;
  let approver: Person;
  let support: Person;
  let priya: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    owner = await anAdministrator(server, passwords, ['owner'], 'Oda Brandt');
    approver = await anAdministrator(server, passwords, ['approver'], 'Helen Ashby');
    support = await anAdministrator(server, passwords, ['support'], 'Samir Holt');
    priya = await aPerson(server, passwords, { name: 'Priya <Nair>', team: 'Larkfield' });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const at = ({ account }: Person) => `/admin/people/${account.id}`;
  const rolesOf = async ({ account }: Person) =>
    (await findAccount(server.pool, account.id))?.roles;

  test('are a list in pages, newest first, and administrators one of their own', async () => {
    for (let n = 0; n < 55; n += 1) await anAccount(server.pool, { name: `Somebody ${n}` });
    const first = await support.open('/admin/people');
    expect(first.text).toContain('Somebody 54');
    expect(first.text).not.toContain('Oda Brandt');
    const older = /href="(\/admin\/people\?before=[^"]+)"/.exec(first.text)?.[1] ?? '';
    expect((await support.open(older)).text).toContain('Oda Brandt');
    const administrators = await support.open('/admin/people?show=administrators');
    expect(administrators.text).toContain('Oda Brandt');
    expect(administrators.text).not.toContain('Somebody');
  });

  test('one of them: address, teams, browsers, what they did', async () => {
    const page = await support.open(at(priya));
    expect(page.text).toContain('<h1>Priya &lt;Nair&gt;</h1>');
    for (const said of [priya.account.email, 'Larkfield', 'in 1 browser', 'Signed in by Priya']) {
      expect(page.text).toContain(said);
    }
    expect(page.text).not.toContain('<button>Change the roles'); // support only reads
    expect(page.text).not.toContain('name="patient"');
    expect((await support.open('/admin/people/acc_nobody')).status).toBe(404);
  });

  test('one of them: also what others did to them in their teams, and in which', async () => {
    const team = await aTeam(server.pool, { name: 'Ward Rounds', members: [owner.account] });
    const gone = await anAccount(server.pool, { name: 'Grace Gone' });
    await upsertMember(server.pool, { teamId: team.id, accountId: gone.id, role: 'member' });
    const actor = { kind: 'account', id: owner.account.id } as const;
    await removeMember(server, { actor }, { teamId: team.id, accountId: gone.id });
    const { text } = await support.open(`/admin/people/${gone.id}`);
    expect(text).toMatch(/Grace Gone removed by Oda Brandt <span class="muted">\(Ward Rounds\)/);
  });

  test('an owner gives and takes roles; they count at once, and stand in the trail', async () => {
    expect((await priya.open('/admin')).status).toBe(404);
    const given = await send(
      owner,
      at(priya),
      { auditor: 'yes', support: 'yes' },
      `${at(priya)}/roles`,
    );
    expect(given.text).toContain('The roles are changed');
    expect(await rolesOf(priya)).toEqual(['auditor', 'support']);
    expect((await priya.open('/admin/trail')).status).toBe(200);
    const [act] = await listActsOf(server.pool, priya.account.id);
    expect(act).toMatchObject({
      action: 'account.roles_changed',
      role: 'owner',
      detail: { roles: ['support', 'auditor'] },
    });
    expect((await owner.open(at(priya))).text).toContain(
      'Roles as an administrator changed to: support and auditor by you',
    );
    await sendUnasked(owner, `${at(priya)}/roles`);
    expect(await rolesOf(priya)).toEqual([]);
    expect((await priya.open('/admin/trail')).status).toBe(404);
  });

  test('the last owner keeps the role; of two who take each other’s at once one is refused', async () => {
    const refused = await sendUnasked(owner, `${at(owner)}/roles`, { support: 'yes' });
    expect([refused.status, refused.text]).toEqual([
      409,
      expect.stringContaining('needs an owner'),
    ]);
    expect(await rolesOf(owner)).toEqual(['owner']);

    const { pool } = server;
    const other = await anAdministrator(server, passwords, ['owner'], 'Joan Whitlock');
    const none: AdministratorRole[] = [];
    for (let round = 0; round < 5; round += 1) {
      const pair = [owner, other] as const;
      const outcomes = await Promise.allSettled(
        pair.map(({ account }, index) =>
          changeRoles(
            pool,
            { actor: { kind: 'account', id: pair[1 - index]?.account.id ?? '', role: 'owner' } },
            { accountId: account.id, roles: none },
          ),
        ),
      );
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      for (const { account } of pair) {
        await changeRoles(
          pool,
          { actor: { kind: 'system' } },
          {
            accountId: account.id,
            roles: ['owner'],
          },
        );
      }
    }
    await changeRoles(
      pool,
      { actor: { kind: 'system' } },
      { accountId: other.account.id, roles: none },
    );
  });

  test('whoever has not proven their address gets no role', async () => {
    const stranger = await anAccount(server.pool, { emailVerified: false });
    const answer = await sendUnasked(owner, `/admin/people/${stranger.id}/roles`, { owner: 'yes' });
    expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('not proven')]);
  });

  test('a session that was left open long ago gives no role', async () => {
    const late = await anAdministrator(server, passwords, ['owner'], 'Late Owner');
    await makeStale(server.pool, late.account.id);
    const answer = await sendUnasked(late, `${at(priya)}/roles`, { owner: 'yes' });
    expect(answer.status).toBe(401);
    expect(await rolesOf(priya)).toEqual([]);
    await server.pool.query('delete from account_roles where account_id = $1', [late.account.id]);
  });

  test('an approver says who they are to applications, in each environment', async () => {
    await aProduct(server.pool, { environment: 'live' }); // knows the role gp
    const form = `${at(priya)}/profiles/live`;
    const reason = 'Is a GP there';
    const page = await send(approver, at(priya), { role: 'gp', patient: ' nhs-1 ', reason }, form);
    expect(page.text).toContain('The profile is changed');
    expect(page.text).toContain('value="nhs-1"');
    const profiles = async () =>
      (
        await server.pool.query(
          'select environment, role, patient from profiles where account_id = $1',
          [priya.account.id],
        )
      ).rows;
    expect(await profiles()).toEqual([{ environment: 'live', role: 'gp', patient: 'nhs-1' }]);
    for (const [wrong, sentence] of [
      [{ role: '', reason: ' ' }, 'Say why'],
      [{ role: 'king', reason }, 'Choose one of the roles'],
    ] as const) {
      const answer = await sendUnasked(approver, form, wrong);
      expect([answer.status, answer.text]).toEqual([422, expect.stringContaining(sentence)]);
    }
    await send(approver, at(priya), { role: '', patient: '', reason }, form);
    expect(await profiles()).toEqual([]);
    expect((await listActsOf(server.pool, priya.account.id))[0]).toMatchObject({
      action: 'account.profile_changed',
      environment: 'live',
      reason,
      detail: { role: 'none', before: 'gp' },
    });
    const nowhere = await sendUnasked(approver, `${at(priya)}/profiles/test`, { role: 'gp' });
    expect(nowhere.status).toBe(404);
  });

  test('an approver does not say who they are themselves, nor in a session left open long ago', async () => {
    await aProduct(server.pool, { environment: 'live' });
    const wish = { role: 'gp', reason: 'I would like to' };
    const own = await sendUnasked(approver, `${at(approver)}/profiles/live`, wish);
    expect(own.status).toBe(403);
    await makeStale(server.pool, approver.account.id);
    const late = await sendUnasked(approver, `${at(priya)}/profiles/live`, wish);
    expect(late.status).toBe(401);
    await server.pool.query('update account_sessions set authenticated_at = now()');
  });

  test('an owner removes a lost second factor with a reason, never their own', async () => {
    const lost = await aPerson(server, passwords, { name: 'Lost Phone' });
    for (const { account } of [lost, owner]) {
      await server.pool.query(
        `insert into second_factors (account_id, sealed_seed, last_step) values ($1, 'x', 0)`,
        [account.id],
      );
    }
    await server.pool.query('update account_sessions set authenticated_at = now()');
    const path = `${at(lost)}/second-factor/remove`;
    const empty = await sendUnasked(owner, path, { reason: ' ' });
    expect([empty.status, empty.text]).toEqual([422, expect.stringContaining('Say why')]);
    const done = await sendUnasked(owner, path, { reason: 'Came to the desk with a passport.' });
    expect(done.text).toContain('The second factor is removed');
    expect(await isSignedIn(lost.browser, server)).toBe(false);
    expect((await lettersTo(server.pool, lost.account.email)).at(-1)?.template).toBe(
      'second-factor-changed',
    );
    expect((await listActsOf(server.pool, lost.account.id))[0]).toMatchObject({
      action: 'second_factor.removed',
      actorId: owner.account.id,
      role: 'owner',
      reason: 'Came to the desk with a passport.',
    });
    const own = await sendUnasked(owner, `${at(owner)}/second-factor/remove`, { reason: 'x' });
    expect(own.status).toBe(403);
  });

  test('a team: its people, subscriptions, applications, and the way to the switch', async () => {
    const team = await aTeam(server.pool, { name: 'Fernhill', members: [priya.account] });
    const product = await aProduct(server.pool, { name: 'Read Records' });
    const subscription = await aSubscription(server.pool, { team, product });
    const client = await aClient(server.pool, {
      subscriptions: [subscription],
      name: 'Night Batch',
    });
    const path = `/admin/teams/${team.id}`;
    const page = await support.open(path);
    for (const said of ['Fernhill', 'Priya &lt;Nair&gt;', 'Read Records', 'Night Batch']) {
      expect(page.text).toContain(said);
    }
    expect(page.text).not.toContain('/admin/switch/'); // support only reads
    for (const stop of [`team/${team.id}`, `client/${client.id}`]) {
      expect((await approver.open(path)).text).toContain(`/admin/switch/${stop}`);
    }
    await server.pool.query(
      `insert into suspensions (kind, id, reason) values ('client', $1, 'x')`,
      [client.id],
    );
    expect((await support.open(path)).text).toContain('Suspended</span>');
    expect((await support.open('/admin/teams/team_none')).status).toBe(404);
  });
});
