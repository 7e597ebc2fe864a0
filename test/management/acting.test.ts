import { findOwnSubscription, findRequest } from '../../src/subscriptions/overview-store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aCaller, aStage, type Caller, type Stage } from './stage.ts';

describe('a program acts by the rules of the pages', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let stage: Stage;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    stage = await aStage(server.pool);
  });
  afterAll(() => server.close());

  const acts = async (subject: string) =>
    (
      await server.pool.query(
        `select actor_kind, actor_id, role, action from audit where subject_id = $1 order by id`,
        [subject],
      )
    ).rows;
  const lettersTo = async (email: string) =>
    (
      await server.pool.query('select template from letters where recipient = $1 order by number', [
        email,
      ])
    ).rows;

  test('a team’s client sees and touches nothing of another team, nor of the other environment', async () => {
    const mine = await aCaller(server, stage, { on: 'sandbox' });
    const theirs = await aTeam(server.pool);
    const live = await aProduct(server.pool, { environment: 'live' });
    const foreign = [
      await aSubscription(server.pool, { team: theirs }),
      await aSubscription(server.pool, { team: mine.team, product: live }),
    ];
    for (const subscription of foreign) {
      const client = await aClient(server.pool, { subscriptions: [subscription] });
      const body = {
        name: 'X',
        grant_types: ['client_credentials'],
        subscriptions: [subscription.id],
      };
      const tried = [
        await mine.call('GET', `/subscriptions/${subscription.id}`),
        await mine.call('POST', `/subscriptions/${subscription.id}/cancel`),
        await mine.call('GET', `/subscriptions/${subscription.id}/keys`),
        await mine.call('GET', `/clients/${client.id}`),
        await mine.call('PATCH', `/clients/${client.id}`, { body: { name: 'Taken' } }),
        await mine.call('POST', `/clients/${client.id}/secrets`, { body: {} }),
        await mine.call('DELETE', `/clients/${client.id}`),
        await mine.call('POST', '/clients', { body }),
      ];
      expect(tried.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 404, 422]);
      const own = await aClient(server.pool, {
        subscriptions: [await aSubscription(server.pool, { team: mine.team })],
      });
      const moved = await mine.call('PATCH', `/clients/${own.id}`, {
        body: { subscriptions: [subscription.id] },
      });
      expect(moved.body.errors).toEqual([expect.objectContaining({ pointer: '#/subscriptions' })]);
    }
    const lists = await Promise.all(
      ['/subscriptions', '/clients'].map((path) => mine.call('GET', `${path}?limit=100`)),
    );
    for (const { body } of lists) {
      for (const { team_id, environment } of body.items) {
        expect({ team_id, environment }).toEqual({ team_id: mine.team.id, environment: 'sandbox' });
      }
    }
    const asked = await mine.call('POST', '/subscriptions', {
      body: { product_id: live.id, purpose: 'Live from a sandbox token.' },
    });
    expect(asked.body.errors).toEqual([expect.objectContaining({ pointer: '#/product_id' })]);
  });

  test('what it asks for waits for an approver, who is told; the trail says which client it was', async () => {
    const approver = await anAccount(server.pool, { roles: ['approver'] });
    const caller = await aCaller(server, stage, { on: 'sandbox' });
    const product = await aProduct(server.pool, {
      needsApproval: true,
      terms: 'Invented data only.',
    });
    const body = { product_id: product.id, purpose: 'Our pipeline tries what it builds.' };
    const unread = await caller.call('POST', '/subscriptions', { body });
    expect(unread.body.errors).toEqual([expect.objectContaining({ pointer: '#/terms_version' })]);
    const shown = await caller.call('GET', `/products/${product.id}`);
    const asked = await caller.call('POST', '/subscriptions', {
      body: { ...body, terms_version: shown.body.terms_version },
    });
    expect(asked.body).toMatchObject({ state: 'submitted', team_id: caller.team.id });
    const actor = { actor_kind: 'client', actor_id: caller.clientId, role: null };
    expect(await acts(asked.body.id)).toEqual([{ ...actor, action: 'subscription.asked' }]);
    expect(await lettersTo(approver.email)).toEqual([{ template: 'approval-requested' }]);
    const request = await findRequest(server.pool, asked.body.id);
    expect(request?.askedBy).toBe('Example application');
    const twice = await caller.call('POST', '/subscriptions', {
      body: { ...body, terms_version: shown.body.terms_version },
    });
    expect({ status: twice.status, code: twice.body.code }).toEqual({
      status: 409,
      code: 'already_subscribed',
    });
    const itself = await caller.call('POST', `/programme/subscriptions/${asked.body.id}/approve`, {
      body: { reason: 'Mine.', purpose_mark: 'x' },
    });
    expect(itself.status).toBe(403);
  });

  test('an open product is active at once, with keys that are renewed: the value is told once', async () => {
    const caller = await aCaller(server, stage, { on: 'sandbox' });
    const product = await aProduct(server.pool);
    const { body: made } = await caller.call('POST', '/subscriptions', {
      body: {
        product_id: product.id,
        purpose: 'Our pipeline tries what it builds.',
        name: 'Nightly',
      },
    });
    expect(made).toMatchObject({ state: 'active', name: 'Nightly', decided_as: 'open' });
    const at = `/subscriptions/${made.id}/keys`;
    const [primary] = (await caller.call('GET', at)).body.items;
    const renewed = await caller.call('POST', `${at}/${primary.id}/regenerate`, {
      body: { overlap: '1h' },
    });
    expect(renewed.body.value).toMatch(/^sg_test_/);
    expect(renewed.body.value.slice(-4)).toBe(renewed.body.last_four);
    const after = await caller.call('GET', at);
    expect(after.body.items).toHaveLength(3);
    expect(JSON.stringify(after.body)).not.toContain(renewed.body.value);
    expect((await caller.call('DELETE', `${at}/${primary.id}`)).status).toBe(204);
    expect((await caller.call('DELETE', `${at}/${primary.id}`)).body.code).toBe('key_stopped');
    expect((await caller.call('GET', at)).body.items).toHaveLength(2);
  });

  describe('the programme’s client decides', () => {
    let programme: Caller;
    beforeAll(async () => {
      programme = await aCaller(server, stage, { on: 'programme' });
    });

    const aRequest = async (given: { members?: Awaited<ReturnType<typeof anAccount>>[] } = {}) => {
      const team = await aTeam(server.pool, given);
      const product = await aProduct(server.pool, {
        needsApproval: true,
        scopes: ['read', 'write'].map((scope) => ({ scope, description: scope, isDefault: true })),
      });
      return aSubscription(server.pool, { team, product, state: 'submitted' });
    };
    const approve = async (id: string, more: object = {}) => {
      const { body } = await programme.call('GET', `/programme/subscriptions/${id}`);
      return programme.call('POST', `/programme/subscriptions/${id}/approve`, {
        body: { reason: 'It fits.', purpose_mark: body.purpose_mark, ...more },
      });
    };

    test('until a day and for some scopes; the team is told, and the trail names it', async () => {
      const member = await anAccount(server.pool);
      const { id } = await aRequest({ members: [member] });
      const told = await approve(id, { expires_at: '2099-01-01T00:00:00+02:00', scopes: ['read'] });
      expect(told.body).toMatchObject({
        state: 'active',
        decided_as: 'client',
        expires_at: '2098-12-31T22:00:00.000Z',
        scopes: ['read'],
      });
      const actor = { actor_kind: 'client', actor_id: programme.clientId, role: 'approver' };
      expect(await acts(id)).toEqual([{ ...actor, action: 'subscription.approved' }]);
      expect(await lettersTo(member.email)).toEqual([{ template: 'subscription-approved' }]);
      const overview = await findOwnSubscription(server.pool, { owner: member.id, id });
      expect(overview).toMatchObject({ state: 'active', decidedByName: 'Example application' });
      const twice = await approve(id);
      expect({ status: twice.status, code: twice.body.code }).toEqual({
        status: 409,
        code: 'unlawful_move',
      });
    });

    test('not for another purpose than it read, nor until a day that is past', async () => {
      const { id } = await aRequest();
      const { body } = await programme.call('GET', `/programme/subscriptions/${id}`);
      await server.pool.query(`update subscriptions set purpose = 'another' where id = $1`, [id]);
      const at = `/programme/subscriptions/${id}/approve`;
      const other = await programme.call('POST', at, {
        body: { reason: 'It fits.', purpose_mark: body.purpose_mark },
      });
      expect(other.body.code).toBe('purpose_changed');
      const past = await approve(id, { expires_at: '2001-01-01T00:00:00Z', scopes: [] });
      expect(past.body.errors).toEqual([
        { detail: expect.any(String), pointer: '#/scopes' },
        { detail: expect.any(String), pointer: '#/expires_at' },
      ]);
    });

    test('not for a team of whoever registered it, while others could', async () => {
      await anAccount(server.pool, { roles: ['approver'] });
      const maker = await anAccount(server.pool, { roles: ['owner'] });
      await server.pool.query('update clients set created_by = $2 where id = $1', [
        programme.clientId,
        maker.id,
      ]);
      const { id } = await aRequest({ members: [maker] });
      const told = await approve(id);
      expect({ status: told.status, code: told.body.code }).toEqual({
        status: 403,
        code: 'own_request',
      });
      // nor by a statement that goes around the use case
      await expect(
        server.pool.query(
          `update subscriptions set state = 'active', reason = 'x', decided_as = 'client',
             decided_by_client = $2 where id = $1`,
          [id, programme.clientId],
        ),
      ).rejects.toMatchObject({ constraint: 'subscriptions_four_eyes' });
      await server.pool.query('update clients set created_by = null where id = $1', [
        programme.clientId,
      ]);
      const team = await aCaller(server, stage, { on: 'live' });
      await expect(
        server.pool.query(
          `update subscriptions set state = 'active', reason = 'x', decided_as = 'client',
             decided_by_client = $2 where id = $1`,
          [id, team.clientId],
        ),
      ).rejects.toMatchObject({ constraint: 'subscriptions_decided' });
    });

    test('it suspends and resumes, rejects, and reads what all of that was', async () => {
      const { id } = await aRequest();
      await approve(id);
      const body = { reason: 'Too many of its calls fail.' };
      const states = [];
      for (const deed of ['suspend', 'resume']) {
        const told = await programme.call('POST', `/programme/subscriptions/${id}/${deed}`, {
          body,
        });
        states.push(told.body.state);
      }
      const other = await aRequest();
      const rejected = await programme.call('POST', `/programme/subscriptions/${other.id}/reject`, {
        body,
      });
      expect([...states, rejected.body.state]).toEqual(['suspended', 'active', 'rejected']);
      const trail = await programme.call('GET', `/programme/audit?subject=${id}&limit=2`);
      expect(trail.body.items.map((one: { action: string }) => one.action)).toEqual([
        'subscription.resumed',
        'subscription.suspended',
      ]);
      expect(trail.headers.get('link')).toMatch(
        /^<\/api\/v1\/programme\/audit\?.*cursor=.*>; rel="next"$/,
      );
      const next = `/programme/audit?subject=${id}&limit=2&cursor=${trail.body.next}`;
      expect((await programme.call('GET', next)).body.items).toEqual([
        expect.objectContaining({ action: 'subscription.approved', reason: 'It fits.' }),
      ]);
    });
  });

  test('a pipeline makes a test user, signs in as it, makes it misbehave, and resets it', async () => {
    const caller = await aCaller(server, stage, { on: 'sandbox' });
    const shared = await aTestUser(server.pool, { role: 'gp', name: 'Ada Vale' });
    const product = await aProduct(server.pool);
    const app = await aClient(server.pool, {
      subscriptions: [await aSubscription(server.pool, { team: caller.team, product })],
    });
    const { body: made } = await caller.call('POST', '/test-users', { body: { clone: shared.id } });
    expect(made).toMatchObject({ name: 'Ada Vale', role: 'gp', shared: false });
    const signIn = () =>
      post(`${server.sandbox}/token`, app, {
        grant_type: 'password',
        username: made.username,
        password: made.password,
      });
    const token = (await signIn()).body.access_token;
    expect(token).toBeDefined();
    const active = async () =>
      (await post(`${server.sandbox}/token/introspection`, app, { token: String(token) })).body
        .active;
    expect(await active()).toBe(true);
    const changed = await caller.call('PATCH', `/test-users/${made.id}`, {
      body: { behaviour: 'sign_in_fails', claims: { given_name: 'Ada', email: 'ada@example.com' } },
    });
    expect(changed.body).toMatchObject({ behaviour: 'sign_in_fails', name: 'Ada Vale' });
    expect((await signIn()).status).toBe(400);
    expect((await caller.call('POST', '/test-users/reset')).body).toEqual({ reset: 1 });
    expect(await active()).toBe(false);
    const wrong = await caller.call('PATCH', `/test-users/${made.id}`, {
      body: { role: 'no spaces please', password: 'short' },
    });
    expect(wrong.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '#/password',
      '#/role',
    ]);
    for (const [method, path] of [
      ['PATCH', `/test-users/${shared.id}`],
      ['DELETE', `/test-users/${shared.id}`],
    ] as const) {
      expect((await caller.call(method, path, { body: {} })).status).toBe(404);
    }
    const { body: listed } = await caller.call('GET', '/test-users');
    expect(listed.items.map(({ id }: { id: string }) => id).sort()).toEqual(
      expect.arrayContaining([made.id, shared.id]),
    );
  });

  test('with a token of live there are no test users', async () => {
    const live = await aCaller(server, stage, { on: 'live' });
    const shared = await aTestUser(server.pool);
    const own = await aTestUser(server.pool, { team: live.team });
    const told = [
      await live.call('GET', `/test-users/${shared.id}`),
      await live.call('GET', `/test-users/${own.id}`),
      await live.call('DELETE', `/test-users/${own.id}`),
      await live.call('POST', '/test-users', { body: { clone: own.id } }),
      await live.call('POST', '/test-users/reset'),
    ];
    expect(told.map(({ status }) => status)).toEqual([404, 404, 404, 422, 404]);
    expect((await live.call('GET', '/test-users')).body.items).toEqual([]);
  });

  test('pages of a list lead through all of it, once each', async () => {
    const caller = await aCaller(server, stage, { on: 'sandbox' });
    const product = await aProduct(server.pool);
    const { rows } = await server.pool.query(
      `insert into subscriptions (team_id, product_id, environment, name, state, created_at, decided_as, reason)
       select $1, $2, 'sandbox', 'Old ' || n, 'cancelled', '2026-01-01T00:00:00.123456Z', 'open', ''
       from generate_series(1, 7) n returning id`,
      [caller.team.id, product.id],
    );
    const found: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const told = await caller.call(
        'GET',
        `/subscriptions?limit=3${cursor && `&cursor=${cursor}`}`,
      );
      found.push(...told.body.items.map(({ id }: { id: string }) => id));
      cursor = told.body.next;
      if (found.length === 3) {
        await server.pool.query('delete from subscriptions where id = $1', [found[2]]);
      }
    }
    expect(found).toHaveLength(8);
    expect(new Set(found)).toEqual(new Set([...rows.map(({ id }) => id), found[7]]));
    const filtered = await caller.call('GET', '/subscriptions?state=active');
    expect(filtered.body.items).toHaveLength(1);
  });
});
