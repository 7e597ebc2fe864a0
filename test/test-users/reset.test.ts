import { request } from 'node:http';
import type { Doer } from '../../src/audit/act.ts';
import { endAccess } from '../../src/oauth/consents.ts';
import type { Team } from '../../src/teams/team.ts';
import {
  removeTestUser,
  resetTestUser,
  resetTestUsersOf,
  setBehaviour,
} from '../../src/test-users/own-service.ts';
import { useDatabaseUrl } from '../support/database.ts';
import {
  asAccount,
  authorizationUrl,
  buyCode,
  type CodeClient,
  newBrowser,
  pkce,
  post,
  sentBack,
} from '../support/flow.ts';
import {
  aClient,
  anAccount,
  aProduct,
  aSubscription,
  aTeam,
  aTestUser,
  keyring,
} from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';
const password = 'a password of the team';
const scope = 'openid offline_access read';

type Client = CodeClient & { id: string; secret: string };
type Tokens = { access_token: string; refresh_token: string };

describe('resetting a team’s own test users', () => {
  const databaseUrl = useDatabaseUrl();
  let first: TestServer;
  let second: TestServer & { address: string };
  let team: Team;
  let doer: Doer;
  let owner: string;
  let client: Client;
  const parts = () => ({ pool: first.pool, keyring, endAccess });

  beforeAll(async () => {
    first = await startServer({ databaseUrl });
    second = await startInstance({ databaseUrl, baseUrl: first.baseUrl });
    const account = await anAccount(first.pool);
    owner = account.id;
    doer = { actor: { kind: 'account', id: owner } };
    team = await aTeam(first.pool, { members: [account] });
    const product = await aProduct(first.pool);
    const subscriptions = [await aSubscription(first.pool, { product, team })];
    client = { ...(await aClient(first.pool, { subscriptions })), redirectUri };
  });
  afterAll(async () => {
    await second.close();
    await first.close();
  });

  const credentials = ({ username }: { username: string }) => asAccount(username, password);
  const tokensOf = async ({ username }: { username: string }): Promise<Tokens> =>
    (await onSecond('/token', { grant_type: 'password', username, password, scope }))
      .body as Tokens;

  /** To the other instance, as a balancer sends it. */
  function onSecond(path: string, form: Record<string, string>) {
    const { hostname, port } = new URL(second.address);
    const { host } = new URL(first.baseUrl);
    const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64');
    const headers = {
      host,
      authorization: `Basic ${basic}`,
      'content-type': 'application/x-www-form-urlencoded',
    };
    return new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const sent = request(
        { hostname, port, method: 'POST', path: `/sandbox${path}`, headers },
        async (answer) => {
          const text = (await answer.toArray()).join('');
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) });
        },
      );
      sent.on('error', reject);
      sent.end(String(new URLSearchParams(form)));
    });
  }

  const isActive = async (token: string) =>
    (await onSecond('/token/introspection', { token })).body.active;
  const refresh = ({ refresh_token }: Tokens) =>
    onSecond('/token', { grant_type: 'refresh_token', refresh_token });
  const me = async ({ access_token }: Tokens) => {
    const headers = { authorization: `Bearer ${access_token}` };
    return (await fetch(`${first.sandbox}/me`, { headers })).status;
  };

  test('ends its tokens, codes, sessions and consents on every instance; its sub stays', async () => {
    const own = await aTestUser(first.pool, { team, password });
    const bystander = await aTestUser(first.pool, { team, password });
    const tokens = await tokensOf(own);
    const others = await tokensOf(bystander);
    const browser = newBrowser(first.baseUrl);
    const url = (more = {}) =>
      authorizationUrl(first.sandbox, client, pkce().challenge, { scope: 'openid read', ...more });
    await sentBack(browser, url(), credentials(own));
    const code = await buyCode(first.sandbox, client, credentials(own), { scope });
    expect([await isActive(tokens.access_token), await me(tokens)]).toEqual([true, 200]);

    await resetTestUser(parts(), doer, { owner, id: own.id });
    const begun = Date.now();
    expect(await isActive(tokens.access_token)).toBe(false);
    expect(await isActive(tokens.refresh_token)).toBe(false);
    expect((await refresh(tokens)).body.error).toBe('invalid_grant');
    expect((await post(`${first.sandbox}/token`, client, code)).body.error).toBe('invalid_grant');
    expect(await me(tokens)).toBe(401);
    expect(Date.now() - begun).toBeLessThan(1000);
    const silent = await sentBack(browser, url({ prompt: 'none' }), {});
    expect(silent.searchParams.get('error')).toBe('login_required');

    expect((await refresh(others)).status).toBe(200);
    const again = await tokensOf(own);
    const seen = await onSecond('/token/introspection', { token: again.access_token });
    expect(seen.body).toMatchObject({ active: true, sub: own.id });
  });

  test('all at once: every one of this team, and nobody of another', async () => {
    const mine = [
      await aTestUser(first.pool, { team, password }),
      await aTestUser(first.pool, { team, password }),
    ];
    const shared = await aTestUser(first.pool, { password });
    const held = await Promise.all(mine.map(tokensOf));
    const sharedTokens = await tokensOf(shared);
    const theirs = await aTeam(first.pool);
    const foreign = { owner, teamId: theirs.id };
    await expect(resetTestUsersOf(parts(), doer, foreign)).rejects.toThrow('not a team of yours');

    const reset = await resetTestUsersOf(parts(), doer, { owner, teamId: team.id });
    expect(reset).toBeGreaterThanOrEqual(2);
    for (const tokens of held) {
      expect(await isActive(tokens.access_token)).toBe(false);
      expect((await refresh(tokens)).status).toBe(400);
    }
    expect((await refresh(sharedTokens)).status).toBe(200);
    const { rows } = await first.pool.query(
      `select count(*)::int as acts from audit where action = 'test_user.reset' and subject_id = any ($1)`,
      [mine.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ acts: 2 }]);
  });

  test('one that is deleted is gone everywhere at once', async () => {
    const own = await aTestUser(first.pool, { team, password });
    const tokens = await tokensOf(own);
    await removeTestUser(parts(), doer, { owner, id: own.id });
    expect(await isActive(tokens.access_token)).toBe(false);
    expect((await refresh(tokens)).status).toBe(400);
    expect((await tokensOf(own)).access_token).toBeUndefined();
  });

  test('a team itself may be the owner who asks; another’s, a shared one and a stranger are not found', async () => {
    const own = await aTestUser(first.pool, { team, password });
    await resetTestUser(parts(), doer, { owner: team.id, id: own.id });
    const shared = await aTestUser(first.pool);
    const stranger = await anAccount(first.pool);
    const other = await aTeam(first.pool, { members: [stranger] });
    for (const which of [
      { owner: stranger.id, id: own.id },
      { owner: other.id, id: own.id },
      { owner, id: shared.id },
      { owner: team.id, id: shared.id },
    ]) {
      const tries = [
        () => resetTestUser(parts(), doer, which),
        () => removeTestUser(parts(), doer, which),
        () => setBehaviour(parts(), doer, { ...which, behaviour: 'slow' }),
      ];
      for (const attempt of tries) await expect(attempt()).rejects.toThrow('no such test user');
    }
  });
});
