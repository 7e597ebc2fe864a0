import { deleteOldWrites } from '../../src/management/idempotency-store.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aProduct, aSubscription, aTestUser } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aCaller, aStage, type Caller, type Stage } from './stage.ts';

describe('a write that names a key is done once', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let stage: Stage;
  let caller: Caller;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    stage = await aStage(server.pool);
    caller = await aCaller(server, stage, { on: 'sandbox' });
  });
  afterAll(() => server.close());

  const clientsOf = async () => (await caller.call('GET', '/clients?limit=100')).body.items.length;
  const aBody = async (name = 'Night Import') => ({
    name,
    grant_types: ['client_credentials'],
    subscriptions: [(await aSubscription(server.pool, { team: caller.team })).id],
  });
  const make = (key: string, body: unknown) =>
    caller.call('POST', '/clients', { body, headers: { 'idempotency-key': key } });

  test('and answered the same, its secret too, which no dump shows', async () => {
    const body = await aBody();
    const before = await clientsOf();
    const first = await make('first', body);
    const again = await make('"first"', body); // as RFC 8941 writes a string
    expect(first.status).toBe(201);
    expect(first.body.secret).toMatch(/^[\w-]{43}$/);
    expect({ ...again, headers: null }).toEqual({ ...first, headers: null });
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('location')).toBe(`/api/v1/clients/${first.body.id}`);
    expect(await clientsOf()).toBe(before + 1);
    const { rows } = await server.pool.query('select * from idempotent_writes');
    expect(JSON.stringify(rows)).not.toContain(first.body.secret);
    expect(JSON.stringify(rows)).not.toContain(
      Buffer.from(first.body.secret).toString('hex').slice(0, 20),
    );
  });

  test('another request under the same key is refused, as is one that another path is', async () => {
    const body = await aBody();
    await make('reused', body);
    const other = await make('reused', { ...body, name: 'Day Import' });
    expect({ status: other.status, code: other.body.code }).toEqual({
      status: 422,
      code: 'key_reused',
    });
    const elsewhere = await caller.call('POST', '/test-users/reset', {
      headers: { 'idempotency-key': 'reused' },
    });
    expect(elsewhere.body.code).toBe('key_reused');
  });

  test('a key is its client’s own', async () => {
    const other = await aCaller(server, stage, { on: 'sandbox' });
    const headers = { 'idempotency-key': 'everybody’s'.replace('’', '') };
    const mine = await caller.call('POST', '/test-users/reset', { headers });
    const theirs = await other.call('POST', '/test-users/reset', { headers });
    expect([mine.status, theirs.status]).toEqual([200, 200]);
    expect(theirs.headers.get('idempotency-replayed')).toBeNull();
  });

  test('of many at once one is done, and the others are told to wait or told the same', async () => {
    const body = await aBody();
    const before = await clientsOf();
    const told = await Promise.all(
      Array.from({ length: 8 }, () => make('at once', body).catch(() => null)),
    );
    expect(told.map((one) => one?.status)).toEqual(Array(8).fill(400)); // a blank is no key
    const good = await Promise.all(Array.from({ length: 8 }, () => make('at-once', body)));
    expect(await clientsOf()).toBe(before + 1);
    expect(good.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
    for (const { status, body: said } of good) {
      if (status !== 201)
        expect({ status, code: said.code }).toEqual({ status: 409, code: 'in_flight' });
    }
    expect((await make('at-once', body)).status).toBe(201);
  });

  test('what was refused did nothing, and may come again with its key', async () => {
    const wrong = { ...(await aBody()), redirect_uris: ['ftp://nowhere'] };
    expect((await make('again', wrong)).status).toBe(422);
    const right = await aBody();
    expect((await make('again', right)).status).toBe(201);
  });

  test('a write that breaks half-way leaves nothing: neither deed nor answer', async () => {
    const shared = await aTestUser(server.pool);
    await server.pool.query(`
      create function break_it() returns trigger language plpgsql as $$
      begin raise exception 'broken on purpose'; end $$;
      create trigger breaks before insert on idempotent_writes for each row execute function break_it()`);
    const send = () =>
      caller.call('POST', '/test-users', {
        body: { clone: shared.id, username: 'once' },
        headers: { 'idempotency-key': 'broken' },
      });
    const broken = await send();
    await server.pool.query('drop trigger breaks on idempotent_writes');
    expect(broken.status).toBe(500);
    const there = `select count(*)::int from test_users where username = 'once'`;
    expect((await server.pool.query(there)).rows).toEqual([{ count: 0 }]);
    expect((await send()).status).toBe(201);
    expect((await send()).status).toBe(201);
    expect((await server.pool.query(there)).rows).toEqual([{ count: 1 }]);
  });

  test('a client that deletes itself is answered, and so is a deed without an answer', async () => {
    const product = await aProduct(server.pool);
    const one = await aCaller(server, stage, { on: 'sandbox' });
    const { id } = await aSubscription(server.pool, { team: one.team, product });
    const cancel = () =>
      one.call('POST', `/subscriptions/${id}/cancel`, { headers: { 'idempotency-key': 'bye' } });
    expect([(await cancel()).status, (await cancel()).status]).toEqual([200, 200]);
    const gone = await one.call('DELETE', `/clients/${one.clientId}`, {
      headers: { 'idempotency-key': 'itself' },
    });
    expect(gone.status).toBe(204);
    expect((await one.call('GET', '/teams')).status).toBe(401);
  });

  test('the sweep takes what is a day old, and nothing else', async () => {
    await make('swept', await aBody());
    await make('kept', await aBody());
    await server.pool.query(
      `update idempotent_writes set created_at = now() - interval '25 hours' where key = sha256('swept')`,
    );
    const count = `select count(*)::int from idempotent_writes`;
    const [{ count: before }] = (await server.pool.query(count)).rows;
    expect(await deleteOldWrites(server.pool, 500)).toBe(1);
    expect((await server.pool.query(count)).rows).toEqual([{ count: before - 1 }]);
  });

  test('after a day the key is forgotten', async () => {
    const body = await aBody();
    const first = await make('old', body);
    await server.pool.query(
      `update idempotent_writes set created_at = now() - interval '25 hours'`,
    );
    const later = await make('old', { ...body, name: 'Another day' });
    expect(later.status).toBe(201);
    expect(later.body.id).not.toBe(first.body.id);
  });
});
