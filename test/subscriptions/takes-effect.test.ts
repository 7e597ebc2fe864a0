import { request } from 'node:http';
import type { Client } from '../../src/clients/client.ts';
import type { Product } from '../../src/products/product.ts';
import { approve, resume, suspend } from '../../src/subscriptions/decision-service.ts';
import { cancel } from '../../src/subscriptions/service.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { asTestUser, buyTokens } from '../support/flow.ts';
import { aClient, aProduct, aTestUser } from '../support/seed.ts';
import { startInstance, startServer, type TestServer } from '../support/server.ts';
import { aDeveloper, anApprover, askFor, partsOf } from './support.ts';

const reason = 'Because.';

describe('what is decided about a subscription takes effect at once, on every instance', () => {
  const databaseUrl = useDatabaseUrl();
  let first: TestServer;
  let second: TestServer & { address: string };
  let approver: Awaited<ReturnType<typeof anApprover>>;
  let product: Product;

  beforeAll(async () => {
    first = await startServer({ databaseUrl });
    second = await startInstance({ databaseUrl, baseUrl: first.baseUrl });
    approver = await anApprover(first.pool);
    product = await aProduct(first.pool, {
      needsApproval: true,
      scopes: ['read', 'write'].map((scope) => ({ scope, description: scope, isDefault: true })),
      roleScopes: { gp: ['read', 'write'] },
    });
  });
  afterAll(async () => {
    await second.close();
    await first.close();
  });

  type Confidential = Client & { secret: string };

  /** A client of that subscription alone, and one that has another, which stays, beside it. */
  async function stage(scopes: string[] | null = null) {
    const { pool } = first;
    const developer = await aDeveloper(pool);
    const { id } = await askFor(pool, developer, product);
    const decision = { id, reason, scopes };
    const subscription = await approve(partsOf(pool), approver.doer, decision);
    const staying = await askFor(pool, developer, await aProduct(pool));
    const lone = await aClient(pool, { subscriptions: [subscription] });
    const both = await aClient(pool, {
      subscriptions: [subscription, staying],
      defaultProductId: product.id,
    });
    return { id, developer, lone, both };
  }

  /** To one of the two, in the name of the public address. */
  function call(
    instance: TestServer | typeof second,
    path: string,
    client: Confidential,
    form: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const { hostname, port } = new URL('address' in instance ? instance.address : first.baseUrl);
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      host: new URL(first.baseUrl).host,
      authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`,
    };
    return new Promise((resolve, reject) => {
      const to = { hostname, port, path: `/sandbox/${path}`, method: 'POST', headers };
      const sent = request(to, async (answer) => {
        const chunks = await answer.toArray();
        resolve({
          status: answer.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString()),
        });
      });
      sent.on('error', reject);
      sent.end(String(new URLSearchParams(form)));
    });
  }

  async function tokensOf(client: Confidential) {
    const { id } = await aTestUser(first.pool);
    const redirectUri = client.redirectUris[0] ?? '';
    const more = { scope: 'openid offline_access read', prompt: 'consent' };
    const bought = await buyTokens(first.sandbox, { ...client, redirectUri }, asTestUser(id), more);
    expect(bought.status).toBe(200);
    return {
      access: String(bought.body.access_token),
      refresh: String(bought.body.refresh_token),
    };
  }

  /** What both instances say to: a new token, a refresh, and whether the old token is good. */
  async function ask(client: Confidential, tokens: { access: string; refresh: string }) {
    const outcomes: Record<string, unknown>[] = [];
    for (const instance of [first, second]) {
      const fresh = await call(instance, 'token', client, { grant_type: 'client_credentials' });
      const refreshed = await call(instance, 'token', client, {
        grant_type: 'refresh_token',
        refresh_token: tokens.refresh,
      });
      tokens.refresh = String(refreshed.body.refresh_token ?? tokens.refresh);
      const seen = await call(instance, 'token/introspection', client, { token: tokens.access });
      outcomes.push({
        fresh: fresh.body.scope ?? fresh.body.error,
        refreshed: refreshed.body.scope ?? refreshed.body.error,
        active: seen.body.active ?? seen.body.error,
      });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    return outcomes[0];
  }

  const working = { fresh: 'read write', refreshed: 'read', active: true };
  /** A client that reaches nothing is none. */
  const refused = {
    fresh: 'invalid_client',
    refreshed: 'invalid_client',
    active: 'invalid_client',
  };

  test('suspended: no token, no refresh, nothing active; resumed: all as before', async () => {
    const parts = partsOf(first.pool);
    const { id, lone } = await stage();
    const tokens = await tokensOf(lone);
    expect(await ask(lone, tokens)).toEqual(working);
    await suspend(parts, approver.doer, { id, reason });
    expect(await ask(lone, tokens)).toEqual(refused);
    await resume(parts, approver.doer, { id, reason });
    expect(await ask(lone, tokens)).toEqual(working);
  });

  test('a client that has another subscription keeps that one and loses this', async () => {
    const parts = partsOf(first.pool);
    const { id, both } = await stage();
    const tokens = await tokensOf(both);
    expect(await ask(both, tokens)).toEqual(working);
    await suspend(parts, approver.doer, { id, reason });
    const left = { fresh: 'read', refreshed: 'invalid_target', active: false };
    expect(await ask(both, tokens)).toEqual(left);
    await resume(parts, approver.doer, { id, reason });
    expect(await ask(both, tokens)).toEqual(working);
  });

  test.each(['cancelled', 'expired by its date'])('%s', async (how) => {
    const { id, developer, lone } = await stage();
    const tokens = await tokensOf(lone);
    if (how === 'cancelled') await cancel(partsOf(first.pool), developer.doer, id);
    else await first.pool.query('update subscriptions set expires_at = now() where id = $1', [id]);
    expect(await ask(lone, tokens)).toEqual(refused);
  });

  test('narrowed: tokens have what the approver left, whoever asks for more', async () => {
    const { lone } = await stage(['read']);
    for (const instance of [first, second]) {
      const machine = { grant_type: 'client_credentials' };
      expect((await call(instance, 'token', lone, machine)).body.scope).toBe('read');
      const more = await call(instance, 'token', lone, { ...machine, scope: 'read write' });
      expect(more.body).toMatchObject({ error: 'invalid_scope' });
    }
  });
});
