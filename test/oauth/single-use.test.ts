import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { CryptoKey } from 'jose';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { useDatabaseUrl } from '../support/database.ts';
import { answerOf, authorizationUrl, newBrowser, pkce, post, submit } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';

type Client = Awaited<ReturnType<typeof aClient>> & { redirectUri: string };
type Answer = { status: number; headers: Record<string, unknown>; body: Record<string, unknown> };

const twenty = Array.from({ length: 20 }, (_, index) => index);
const rounds = Array.from({ length: 4 }, (_, index) => index + 1);

describe('what counts once, used twenty times at once on two instances', () => {
  const databaseUrl = useDatabaseUrl();
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  let first: TestServer;
  let second: TestServer & { address: string };
  let client: Client;
  let consoleClient: Client;
  let keyClient: Client;
  let privateKey: CryptoKey;

  beforeAll(async () => {
    first = await startServer({ databaseUrl });
    second = await startInstance({ databaseUrl, baseUrl: first.baseUrl });
    const { pool } = first;
    const subscription = await aSubscription(pool, { product: await aProduct(pool) });
    const subscriptions = [subscription];
    const withRedirect = (made: Awaited<ReturnType<typeof aClient>>): Client => ({
      ...made,
      redirectUri: made.redirectUris[0] ?? '',
    });
    client = withRedirect(await aClient(pool, { subscriptions }));
    const given = {
      id: `console_${subscription.id}`,
      kind: 'console',
      authMethod: 'none',
    } as const;
    consoleClient = {
      ...withRedirect(await aClient(pool, { subscriptions, ...given })),
      secret: '',
    };
    const pair = await generateKeyPair('ES256');
    privateKey = pair.privateKey;
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256' }] };
    const assertion = { authMethod: 'private_key_jwt', jwks } as const;
    keyClient = withRedirect(await aClient(pool, { subscriptions, ...assertion }));
    await aTestUser(pool, { id: 'tu_gp' });
    await openConnections();
  });
  afterAll(async () => {
    agent.destroy();
    await second.close();
    await first.close();
  });

  /** Or the first call of each kind would wait for a connection, and nothing would race. */
  async function openConnections(): Promise<void> {
    for (const { pool } of [first, second]) {
      await Promise.all(twenty.map(() => pool.query('select pg_sleep(0.05)')));
    }
    await Promise.all(
      twenty.flatMap(() => [0, 1].map((instance) => call(instance, 'GET', '/sandbox/jwks', {}))),
    );
  }

  /** To the instance's own address, in the name of the public one, as a balancer sends it. */
  function call(
    instance: number,
    method: string,
    path: string,
    headers: Record<string, string>,
    body = '',
  ): Promise<Answer> {
    const { hostname, port } = new URL(instance % 2 === 0 ? first.baseUrl : second.address);
    const { host } = new URL(first.baseUrl);
    return new Promise((resolve, reject) => {
      const sent = request(
        { agent, hostname, port, method, path, headers: { ...headers, host } },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part) => {
            text += part;
          });
          answer.on('end', () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              body: text.startsWith('{') ? JSON.parse(text) : {},
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  const tokenCall = (instance: number, form: Record<string, string>, by?: Client) =>
    call(
      instance,
      'POST',
      '/sandbox/token',
      {
        'content-type': 'application/x-www-form-urlencoded',
        ...(by && {
          authorization: `Basic ${Buffer.from(`${by.id}:${by.secret}`).toString('base64')}`,
        }),
      },
      String(new URLSearchParams(form)),
    );

  /** The one winner of twenty at once; every other must have been refused like `loser`. */
  async function race(loser: Partial<Answer>, go: (instance: number) => Promise<Answer>) {
    const answers = await Promise.all(twenty.map(go));
    const won = answers.filter(({ status }) => status === 200);
    const lost = answers.filter(({ status }) => status !== 200);
    expect([won.length, lost.length]).toEqual([1, 19]);
    for (const answer of lost) expect(answer).toMatchObject(loser);
    return won[0]?.body as Record<string, string>; // exactly one: a line above
  }

  const usedUp = { status: 400, body: { error: 'invalid_grant' } };

  async function newCode(): Promise<Record<string, string>> {
    const browser = newBrowser(first.baseUrl);
    const { verifier, challenge } = pkce();
    const url = authorizationUrl(first.sandbox, client, challenge, {
      scope: 'openid offline_access read',
    });
    const chosen = { decision: 'authorize', use_test_user: 'yes', test_user: 'tu_gp' };
    const back = answerOf(await submit(browser, await browser.open(url), chosen));
    return {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: client.redirectUri,
      code_verifier: verifier,
    };
  }

  const newTokens = async () =>
    (await tokenCall(0, await newCode(), client)).body as Record<string, string>;

  const refreshed = (refresh_token = '') => ({ grant_type: 'refresh_token', refresh_token });

  /** Asks each instance in each way that there is. */
  async function isAlive(tokens: Record<string, string>): Promise<unknown[]> {
    const token = tokens.access_token ?? '';
    const introspected = await post(`${first.sandbox}/token/introspection`, client, { token });
    const ofRefresh = await post(`${first.sandbox}/token/introspection`, client, {
      token: tokens.refresh_token ?? '',
    });
    const me = await call(1, 'GET', '/sandbox/me', { authorization: `Bearer ${token}` });
    return [introspected.body.active, ofRefresh.body.active, me.status];
  }

  test('while nobody races, a family lives', async () => {
    const tokens = await newTokens();
    expect(await isAlive(tokens)).toEqual([true, true, 200]);
    const next = await tokenCall(1, refreshed(tokens.refresh_token), client);
    expect(next.status).toBe(200);
    expect(await isAlive(next.body as Record<string, string>)).toEqual([true, true, 200]);
  });

  test.each(rounds)(
    'a code: one wins, and its tokens die with the replays (round %i)',
    async () => {
      const form = await newCode();
      const tokens = await race(usedUp, (instance) => tokenCall(instance, form, client));
      expect(await isAlive(tokens)).toEqual([false, false, 401]);
      const again = await tokenCall(0, refreshed(tokens.refresh_token), client);
      expect(again).toMatchObject(usedUp);
    },
  );

  test.each(rounds)('a refresh token: one wins, and the family ends (round %i)', async () => {
    const before = await newTokens();
    const form = refreshed(before.refresh_token);
    const tokens = await race(usedUp, (instance) => tokenCall(instance, form, client));
    expect(await isAlive(tokens)).toEqual([false, false, 401]);
    expect(await isAlive(before)).toEqual([false, false, 401]);
    const again = await tokenCall(1, refreshed(tokens.refresh_token), client);
    expect(again).toMatchObject(usedUp);
  });

  test('whoever starts over after a race succeeds, and nothing is doubled', async () => {
    const form = await newCode();
    await race(usedUp, (instance) => tokenCall(instance, form, client));
    const tokens = await newTokens();
    expect(await isAlive(tokens)).toEqual([true, true, 200]);
    const { rows } = await first.pool.query(
      `select count(*)::int as alive from oidc_records
       where kind = 'RefreshToken' and consumed_at is null
         and grant_key = (select grant_key from oidc_records where kind = 'RefreshToken'
           order by expires_at desc limit 1)`,
    );
    expect(rows).toEqual([{ alive: 1 }]);
  });

  test.each(rounds)('a client assertion (RFC 7523): one wins (round %i)', async () => {
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(keyClient.id)
      .setSubject(keyClient.id)
      .setAudience(first.sandbox)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    };
    await race({ status: 401, body: { error: 'invalid_client' } }, (instance) =>
      tokenCall(instance, form),
    );
  });

  /** Up to where the page was sent: a jar of cookies and the address that ends the interaction. */
  async function submittedPage(asking: Client): Promise<{ cookie: string; resume: string }> {
    const jar = new Map<string, string>();
    const step = async (method: string, url: URL, body = '') => {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { cookie, accept: 'text/html', origin: first.baseUrl };
      const answer = await fetch(url, {
        method,
        redirect: 'manual',
        headers: {
          ...headers,
          ...(body && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(body && { body }),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
      }
      return answer;
    };
    const { challenge } = pkce();
    const asked = await step('GET', new URL(authorizationUrl(first.sandbox, asking, challenge)));
    const address = new URL(asked.headers.get('location') ?? '', first.baseUrl);
    const html = await (await step('GET', address)).text();
    const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
    const form = { csrf, decision: 'authorize', use_test_user: 'yes', test_user: 'tu_gp' };
    const body = String(new URLSearchParams(form));
    const [sent] = await Promise.all([step('POST', address, body), step('POST', address, body)]);
    const resume = new URL(sent?.headers.get('location') ?? '', first.baseUrl).pathname;
    return { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '), resume };
  }

  test.each(rounds)('one page, sent again and again, gives one code (round %i)', async () => {
    for (const asking of [client, consoleClient]) {
      const { cookie, resume } = await submittedPage(asking);
      const answers = await Promise.all(
        twenty.map((instance) => call(instance, 'GET', resume, { cookie, accept: 'text/html' })),
      );
      const codes = answers.filter(({ headers }) => String(headers.location).includes('code='));
      expect(codes).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 400)).toHaveLength(19);
    }
  });
});
