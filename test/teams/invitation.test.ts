import type { Doer } from '../../src/audit/act.ts';
import { listActsAbout } from '../../src/audit/store.ts';
import { historyOf } from '../../src/audit/words.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { acceptInvitation, invite as sendInvitation } from '../../src/teams/invitation-service.ts';
import { removeMember } from '../../src/teams/membership-service.ts';
import { upsertMember } from '../../src/teams/store.ts';
import type { Team } from '../../src/teams/team.ts';
import {
  fromLetter,
  goodPassword,
  lettersTo,
  registerAt,
  submitTo,
} from '../accounts/register-support.ts';
import { aPerson, type Person, send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { newBrowser, type Page, submit } from '../support/flow.ts';
import { aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('an invitation to a team', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let helen: Person;
  let team: Team;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  beforeEach(async () => {
    helen = await aPerson(server, passwords, { name: 'Helen Ashby' });
    team = await aTeam(server.pool, { name: 'Larkfield', members: [helen.account] });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  let people = 0;
  const anAddress = () => `someone.${++people}@larkfield.example`;
  const invite = (email: string, role = 'member', by = helen): Promise<Page> =>
    send(by, `/teams/${team.id}/invite`, { email, role });
  const linkTo = async (email: string): Promise<string> =>
    new URL(await fromLetter(server.pool, email, 'link')).pathname;
  const roleOf = async ({ account }: Person): Promise<string | undefined> =>
    (
      await server.pool.query<{ role: string }>(
        'select role from team_members where team_id = $1 and account_id = $2',
        [team.id, account.id],
      )
    ).rows[0]?.role;
  const waiting = async (): Promise<{ id: string; email: string }[]> =>
    (
      await server.pool.query('select id, email from team_invitations where team_id = $1', [
        team.id,
      ])
    ).rows;
  const doer = ({ account }: Person): Doer & { actor: { kind: 'account'; id: string } } => ({
    actor: { kind: 'account', id: account.id },
  });

  test('is a letter; whoever has the address joins by its button, once, and the team reads who came', async () => {
    const email = anAddress();
    const priya = await aPerson(server, passwords, { name: 'Priya Nair', email });
    const sent = await invite(` ${email.toUpperCase()} `);
    expect(sent.text).toContain('The invitation is on its way');
    expect(sent.text).toMatch(/by Helen Ashby/);
    const [letter] = (await lettersTo(server.pool, email)).slice(-1);
    expect(letter).toMatchObject({
      template: 'team-invitation',
      data: { by: 'Helen Ashby', team: 'Larkfield', role: 'a member' },
    });

    const link = await linkTo(email);
    expect((await priya.open(link)).text).toContain('Join Larkfield');
    expect(await roleOf(priya)).toBeUndefined(); // looking changed nothing
    const joined = await send(priya, link);
    expect([joined.url, joined.text]).toEqual([
      `${server.baseUrl}/teams/${team.id}?done=joined`,
      expect.stringContaining('You are in the team now.'),
    ]);
    expect(await roleOf(priya)).toBe('member');
    expect((await priya.open(link)).status).toBe(410);
    expect(await waiting()).toEqual([]);
    const acts = await listActsAbout(server.pool, { kind: 'team', id: team.id });
    expect(historyOf(acts).map(({ sentence }) => sentence)).toEqual([
      'Joined as member by Priya Nair',
      'S…@LARKFIELD.EXAMPLE invited as member by Helen Ashby',
    ]);
  });

  test('makes an owner where it says so', async () => {
    const email = anAddress();
    const priya = await aPerson(server, passwords, { email });
    await invite(email, 'owner');
    await send(priya, await linkTo(email));
    expect(await roleOf(priya)).toBe('owner');
  });

  test('is answered alike whether the address has an account or not', async () => {
    const known = anAddress();
    await aPerson(server, passwords, { email: known });
    const unknown = anAddress();
    const [one, other] = [await invite(known), await invite(unknown)];
    const plain = ({ text }: Page): string =>
      text.replaceAll(/someone\.\d+@|csrf" value="[^"]+|invitations\/[0-9a-f-]+/g, '');
    expect([one.status, one.url]).toEqual([other.status, other.url]);
    const [first, second] = await Promise.all(
      [known, unknown].map((email) => lettersTo(server.pool, email)),
    );
    expect({ ...first?.at(-1), data: null }).toEqual({ ...second?.at(-1), data: null });
    expect(plain(other)).toContain('The invitation is on its way');
    expect(await waiting()).toHaveLength(2);
  });

  test('leads whoever has no account through registration, and back to it', async () => {
    const email = anAddress();
    await invite(email);
    const link = await linkTo(email);
    const browser = newBrowser(server.baseUrl);
    const signedOut = await browser.open(`${server.baseUrl}${link}`);
    expect(signedOut.status).toBe(200);
    expect(signedOut.text).not.toContain('<button>Join');
    const register = /href="(\/register\?[^"]+)"/.exec(signedOut.text)?.[1] ?? '';
    const returnTo = new URLSearchParams(register.split('?')[1]).get('return_to') ?? '';
    expect(returnTo).toBe(link);

    await registerAt(server.baseUrl, { email }, { browser, returnTo });
    const verify = await browser.open(await fromLetter(server.pool, email, 'link'));
    const back = await submit(browser, verify, {});
    const there = back.url.endsWith(link) ? back : await browser.open(`${server.baseUrl}${link}`);
    expect(back.url).toBe(`${server.baseUrl}${link}`);
    const joined = await submitTo(browser, there, link);
    expect(joined.text).toContain('You are in the team now.');
  });

  test('leads whoever is signed out through signing in, and back to it', async () => {
    const email = anAddress();
    const priya = await aPerson(server, passwords, { email });
    await invite(email);
    const link = await linkTo(email);
    const browser = newBrowser(server.baseUrl);
    const page = await browser.open(`${server.baseUrl}${link}`);
    const signIn = /href="(\/sign-in\?return_to=%2Finvitations[^"]+)"/.exec(page.text)?.[1] ?? '';
    const form = await browser.open(`${server.baseUrl}${signIn}`);
    const back = await submit(browser, form, { email, password: goodPassword });
    expect(back.url).toBe(`${server.baseUrl}${link}`);
    await submitTo(browser, back, link);
    expect(await roleOf(priya)).toBe('member');
  });

  test('is nothing to another account, even to one that sends the form', async () => {
    const email = anAddress();
    await invite(email, 'owner');
    const link = await linkTo(email);
    const other = await aPerson(server, passwords, { name: 'Samir Holt' });
    const page = await other.open(link);
    expect(page.text).toContain('This is not your invitation');
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const answer = await other.browser.open(`${server.baseUrl}${link}`, {
      method: 'POST',
      headers: { origin: server.baseUrl },
      body: new URLSearchParams({ csrf }),
    });
    expect(answer.status).toBe(403);
    expect(await roleOf(other)).toBeUndefined();
    expect(await waiting()).toHaveLength(1);
    // whoever had the address and changed it has it no more
    await server.pool.query('update accounts set email = $2 where id = $1', [
      other.account.id,
      `${email}.old`,
    ]);
    expect(await acceptInvitation(server, doer(other), link.split('/')[2] ?? '')).toBeUndefined();
  });

  test('that two accept at once is taken by one', async () => {
    const email = anAddress();
    const priya = await aPerson(server, passwords, { email });
    await invite(email);
    const token = (await linkTo(email)).split('/')[2] ?? '';
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => acceptInvitation(server, doer(priya), token)),
    );
    expect(outcomes.filter(Boolean)).toEqual([team.id]);
  });

  test('ends after 7 days, and when it is withdrawn; sent again, only the new link works', async () => {
    const email = anAddress();
    const priya = await aPerson(server, passwords, { email });
    await invite(email);
    const first = await linkTo(email);
    const [row] = await waiting();
    const at = `/teams/${team.id}`;
    const resent = await send(helen, at, {}, `${at}/invitations/${row?.id}/resend`);
    expect(resent.text).toContain('sent again');
    const second = await linkTo(email);
    expect((await priya.open(first)).status).toBe(410);
    expect((await priya.open(second)).status).toBe(200);

    await server.pool.query(
      `update team_invitations set expires_at = now() - interval '1 second' where team_id = $1`,
      [team.id],
    );
    expect((await priya.open(second)).status).toBe(410);
    expect((await helen.open(at)).text).toContain('The link has ended.');
    const [again] = await waiting();
    await send(helen, at, {}, `${at}/invitations/${again?.id}/resend`);
    const third = await linkTo(email);
    expect((await priya.open(third)).status).toBe(200);

    const [last] = await waiting();
    const page = await send(helen, at, {}, `${at}/invitations/${last?.id}/withdraw`);
    expect(page.text).toContain('The invitation is withdrawn');
    expect((await priya.open(third)).status).toBe(410);
    expect(await roleOf(priya)).toBeUndefined();
  });

  test('of somebody who is removed, or owns no more, ends with that', async () => {
    const other = await aPerson(server, passwords, {});
    await upsertMember(server.pool, {
      teamId: team.id,
      accountId: other.account.id,
      role: 'owner',
    });
    const email = anAddress();
    await invite(email, 'owner', other);
    await invite(anAddress());
    const member = `/teams/${team.id}/members/${other.account.id}`;
    await send(helen, member, {}, `${member}/remove`);
    expect((await waiting()).map((one) => one.email)).not.toContain(email);
    expect(await waiting()).toHaveLength(1);
  });

  test.each(['leaves', 'hands over', 'deletes their account'])(
    'of somebody who %s ends with that',
    async (how) => {
      const other = await aPerson(server, passwords, {});
      const place = { teamId: team.id, accountId: other.account.id };
      await upsertMember(server.pool, { ...place, role: 'owner' });
      const email = anAddress();
      const guest = await aPerson(server, passwords, { email });
      await invite(email, 'owner', other);
      const link = await linkTo(email);
      if (how === 'leaves') await send(other, `/teams/${team.id}/leave`);
      if (how === 'hands over') {
        await send(other, `/teams/${team.id}/hand-over`, { to: helen.account.id });
      }
      if (how === 'deletes their account') {
        await send(other, '/profile/delete', { email: other.account.email });
      }
      expect(await waiting()).toEqual([]);
      const token = link.split('/').at(-1) ?? '';
      expect(await acceptInvitation(server, doer(guest), token)).toBeUndefined();
      expect(await roleOf(guest)).toBeUndefined();
    },
  );

  test('by an owner who is removed in the same moment is sent before, or refused', async () => {
    const { pool, baseUrl } = server;
    const none = { attempt: async () => {}, succeeded: async () => {}, clear: async () => {} };
    const parts = { pool, baseUrl, throttles: { recipient: none, sender: none } };
    for (let round = 0; round < 12; round += 1) {
      const other = await aPerson(server, passwords, {});
      const place = { teamId: team.id, accountId: other.account.id };
      await upsertMember(pool, { ...place, role: 'owner' });
      const [sent, removed] = await Promise.allSettled([
        sendInvitation(parts, doer(other), { ...place, email: anAddress(), role: 'owner' }),
        new Promise((resolve) => setTimeout(resolve, round % 5)).then(() =>
          removeMember(parts, doer(helen), place),
        ),
      ]);
      expect(removed.status).toBe('fulfilled');
      if (sent.status === 'rejected') expect(sent.reason.code).toBe('no_team');
      expect(await waiting()).toEqual([]);
    }
  });

  test.each([
    ['no address', 'nonsense', 422, 'Write an email address'],
    ['a member’s', '', 422, 'in the team already'],
  ])('to %s is refused, and what was typed stays', async (_, typed, status, said) => {
    const page = await invite(typed || helen.account.email.toUpperCase(), 'owner');
    expect([page.status, page.text]).toEqual([status, expect.stringContaining(said)]);
    expect(page.text).toMatch(/value="owner" checked/);
    expect(await waiting()).toEqual([]);
  });

  test('is kept as a digest, and its letter forgets it once it is sent', async () => {
    const email = anAddress();
    await invite(email);
    const token = (await linkTo(email)).split('/')[2] ?? '';
    const { rows } = await server.pool.query('select i::text as row from team_invitations i');
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('one recipient gets ten at most for a while, from whichever team', async () => {
    const email = anAddress();
    const answers: number[] = [];
    for (let round = 0; round < 11; round += 1) answers.push((await invite(email)).status);
    expect(answers.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect(answers[0]).toBe(200);
    const page = await invite(email);
    expect([page.status, page.text]).toEqual([429, expect.stringContaining(`value="${email}"`)]);
    expect((await invite(anAddress())).status).toBe(200); // others still do
  });

  test('a team and a person send twenty a day', async () => {
    const answers: number[] = [];
    for (let round = 0; round < 21; round += 1) answers.push((await invite(anAddress())).status);
    expect(answers.slice(0, 20)).toEqual(Array(20).fill(200));
    expect(answers[20]).toBe(429);
  });
});
