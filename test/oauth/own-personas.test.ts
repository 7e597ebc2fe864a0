import type { Account } from '../../src/accounts/account.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { upsertMember } from '../../src/teams/store.ts';
import type { Team } from '../../src/teams/team.ts';
import type { Behaviour } from '../../src/test-users/behaviour.ts';
import { password, signInAs } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  answerOf,
  asTestUser,
  authorizationUrl,
  type Browser,
  type CodeClient,
  newBrowser,
  pkce,
  submit,
} from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';

describe('a team’s own test users in the pop-up', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let team: Team;
  let members: Account[];
  let outsider: Account;
  let client: CodeClient;
  let own: string;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const { pool } = server;
    const passwordHash = await passwords.hash(password);
    members = [await anAccount(pool, { passwordHash }), await anAccount(pool, { passwordHash })];
    outsider = await anAccount(pool, { passwordHash });
    team = await aTeam(pool, { members: members.slice(0, 1) });
    const accountId = String(members[1]?.id);
    await upsertMember(pool, { teamId: team.id, accountId, role: 'member' });
    const theirs = await aTeam(pool, { members: [outsider] });
    await aTestUser(pool, { id: 'tu_shared', name: 'Shared Sam' });
    own = (await aTestUser(pool, { team, name: 'Own Olive' })).id;
    await aTestUser(pool, { team: theirs, name: 'Foreign Fred' });
    client = await application(team);
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });
  beforeEach(() => behave(null));

  const behave = (behaviour: Behaviour | null) =>
    server.pool.query('update test_users set behaviour = $2 where id = $1', [own, behaviour]);

  async function application(of: Team): Promise<CodeClient> {
    const product = await aProduct(server.pool, { subjects: 'test_users' });
    const subscriptions = [await aSubscription(server.pool, { product, team: of })];
    return { ...(await aClient(server.pool, { subscriptions })), redirectUri };
  }
  const open = (browser: Browser, as: CodeClient = client, issuer = server.sandbox) =>
    browser.open(authorizationUrl(issuer, as, pkce().challenge, { scope: 'openid read' }));
  const names = ['Shared Sam', 'Own Olive', 'Foreign Fred'];
  const shownIn = ({ text }: { text: string }) => names.filter((name) => text.includes(name));

  test('every member who is signed in here is shown them, beside the shared ones', async () => {
    for (const { email } of members) {
      const page = await open(await signInAs(server, email));
      expect(shownIn(page)).toEqual(['Shared Sam', 'Own Olive']);
    }
  });

  test('a stranger, another team’s member and whoever signed out are shown the shared ones only', async () => {
    const stranger = newBrowser(server.baseUrl);
    const another = await signInAs(server, outsider.email);
    const gone = await signInAs(server, String(members[0]?.email));
    await submit(gone, await gone.open(`${server.baseUrl}/profile`), {});
    for (const browser of [stranger, another, gone]) {
      const page = await open(browser);
      expect(shownIn(page)).toEqual(['Shared Sam']);
      const forced = await submit(browser, page, asTestUser(own));
      expect(forced.status).toBe(422);
      expect(forced.text).toContain('Choose one of the test users.');
    }
    expect(shownIn(await open(another, await application(await aTeam(server.pool))))).toEqual([
      'Shared Sam',
    ]);
  });

  test('nor are they shown by an application of no team', async () => {
    const product = await aProduct(server.pool);
    const firstParty = { ...(await aClient(server.pool, { products: [product] })), redirectUri };
    const page = await open(await signInAs(server, String(members[0]?.email)), firstParty);
    expect(shownIn(page)).toEqual(['Shared Sam']);
  });

  test('the live issuer does not ask, and the developer is no subject of either', async () => {
    const live = await aProduct(server.pool, { environment: 'live' });
    const subscriptions = [await aSubscription(server.pool, { product: live, team })];
    const liveClient = { ...(await aClient(server.pool, { subscriptions })), redirectUri };
    const browser = await signInAs(server, String(members[0]?.email));
    const seen = await server.pool.query('select id, seen_at from account_sessions order by id');
    const page = await open(browser, liveClient, server.live);
    expect(page.text).toContain('name="password"');
    expect(shownIn(page)).toEqual([]);
    expect((await open(browser)).text).not.toContain('You are signed in as');
    const after = await server.pool.query('select id, seen_at from account_sessions order by id');
    expect(after.rows).toEqual(seen.rows); // only looked at
  });

  test('chosen there, one is the subject, and the developer stays signed in as themselves', async () => {
    const browser = await signInAs(server, String(members[0]?.email));
    const back = await submit(browser, await open(browser), asTestUser(own));
    expect(answerOf(back).get('code')).toBeTruthy();
    const { rows } = await server.pool.query(
      `select payload ->> 'accountId' as sub from oidc_records where kind = 'AuthorizationCode'`,
    );
    expect(rows).toEqual([{ sub: own }]);
    expect((await browser.open(`${server.baseUrl}/profile`)).status).toBe(200);
  });

  test('chosen there, one denies its consent or fails to sign in where it was told to', async () => {
    const browser = await signInAs(server, String(members[0]?.email));
    await behave('consent_denied');
    const page = await open(browser);
    expect(page.text).toContain('Consent denied.');
    const denied = answerOf(await submit(browser, page, asTestUser(own)));
    expect(denied.get('error')).toBe('access_denied');

    await behave('sign_in_fails');
    const failed = await submit(browser, await open(browser), asTestUser(own));
    expect(failed.status).toBe(422);
    expect(failed.text).toContain('Username or password is wrong.');
    const { rows } = await server.pool.query(
      `select count(*)::int as failures from audit where action = 'sign_in.failed'`,
    );
    expect(rows[0].failures).toBeGreaterThan(0);
  });
});
