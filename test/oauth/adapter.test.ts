import { setTimeout as wait } from 'node:timers/promises';
import { type Adapter, type AdapterFactory, errors } from 'oidc-provider';
import type { Environment } from '../../src/base/environment.ts';
import { adapterFor } from '../../src/oauth/adapter.ts';
import { deleteExpired } from '../../src/oauth/store.ts';
import { useDatabase } from '../support/database.ts';

/** The library has no types for it. */
const untyped: string = 'oidc-provider/lib/adapters/memory_adapter.js';
const { createMemoryAdapter } = (await import(untyped)) as {
  createMemoryAdapter: () => AdapterFactory;
};

const pool = useDatabase();
const ours = (environment: Environment = 'sandbox'): AdapterFactory =>
  adapterFor(pool, environment, async () => undefined);

/** Every kind that the library stores with us and hangs on a grant. */
const grantable = ['AuthorizationCode', 'RefreshToken'] as const;

let count = 0;
/** An id of the form and length that the library makes, new each time. */
const newId = (): string => {
  count += 1;
  return `id-${String(count).padStart(4, '0')}-${'x'.repeat(32)}`;
};

// The library's own adapter is what its code was written against: what it promises, we promise.
describe.each([
  ['ours, on PostgreSQL', () => ours()],
  ['the library’s, in memory', () => createMemoryAdapter()],
])('the adapter contract: %s', (_name, make) => {
  let of: AdapterFactory;
  beforeAll(() => {
    of = make();
  });
  const adapter = (kind: string): Adapter => of(kind) as Adapter; // a factory of ours is no class

  test('what was stored is found, under its id', async () => {
    const id = newId();
    const payload = { jti: id, kind: 'Grant', accountId: 'tu_gp', openid: { scope: 'openid' } };
    await adapter('Grant').upsert(id, payload, 60);
    expect(await adapter('Grant').find(id)).toEqual(payload);
  });

  test('storing again replaces the whole', async () => {
    const id = newId();
    await adapter('Grant').upsert(id, { jti: id, accountId: 'tu_gp', rejected: {} }, 60);
    await adapter('Grant').upsert(id, { jti: id, accountId: 'tu_gp' }, 60);
    expect(await adapter('Grant').find(id)).toEqual({ jti: id, accountId: 'tu_gp' });
  });

  test('an id that was never stored is not found, and ending it is no error', async () => {
    expect(await adapter('Grant').find(newId())).toBeUndefined();
    expect(await adapter('Session').findByUid(newId())).toBeUndefined();
    await adapter('Grant').destroy(newId());
    await adapter('RefreshToken').revokeByGrantId(newId());
  });

  test('an id of one kind is unknown to every other', async () => {
    const id = newId();
    await adapter('RefreshToken').upsert(id, { jti: id }, 60);
    expect(await adapter('AuthorizationCode').find(id)).toBeUndefined();
    await adapter('AuthorizationCode').destroy(id);
    expect(await adapter('RefreshToken').find(id)).toEqual({ jti: id });
  });

  test('what has expired is not found, and what never expires is', async () => {
    const [short, long, endless] = [newId(), newId(), newId()];
    const uid = newId();
    await adapter('Session').upsert(short, { jti: short, uid }, 1);
    await adapter('Session').upsert(long, { jti: long, uid: newId() }, 1);
    await adapter('Session').upsert(long, { jti: long, uid: newId() }, 60); // a longer life counts
    await adapter('Grant').upsert(endless, { jti: endless }, undefined as never);
    expect(await adapter('Session').find(short)).toBeDefined();
    await wait(1100);
    expect(await adapter('Session').find(short)).toBeUndefined();
    expect(await adapter('Session').findByUid(uid)).toBeUndefined();
    expect(await adapter('Session').find(long)).toBeDefined();
    expect(await adapter('Grant').find(endless)).toEqual({ jti: endless });
  });

  test('what was used up is found with the time of it', async () => {
    const id = newId();
    await adapter('AuthorizationCode').upsert(id, { jti: id, grantId: newId() }, 60);
    expect(await adapter('AuthorizationCode').find(id)).not.toHaveProperty('consumed');
    await adapter('AuthorizationCode').consume(id);
    const found = await adapter('AuthorizationCode').find(id);
    expect(Math.abs(Number(found?.consumed) - Date.now() / 1000)).toBeLessThan(5);
  });

  test('what was ended is not found', async () => {
    const [id, uid] = [newId(), newId()];
    await adapter('Session').upsert(id, { jti: id, uid }, 60);
    await adapter('Session').destroy(id);
    expect(await adapter('Session').find(id)).toBeUndefined();
    expect(await adapter('Session').findByUid(uid)).toBeUndefined();
  });

  test('a session is found by its uid as well', async () => {
    const [id, uid] = [newId(), newId()];
    await adapter('Session').upsert(id, { jti: id, uid, accountId: 'tu_gp' }, 60);
    expect(await adapter('Session').findByUid(uid)).toMatchObject({ uid, accountId: 'tu_gp' });
  });

  test.each(grantable)('withdrawing a grant ends each %s of it, and no other', async (kind) => {
    const [grantId, other] = [newId(), newId()];
    const [first, second, kept] = [newId(), newId(), newId()];
    await adapter(kind).upsert(first, { jti: first, grantId }, 60);
    await adapter(kind).upsert(second, { jti: second, grantId }, 60);
    await adapter(kind).upsert(kept, { jti: kept, grantId: other }, 60);
    await adapter(kind).revokeByGrantId(grantId);
    expect(await Promise.all([first, second].map((id) => adapter(kind).find(id)))).toEqual([
      undefined,
      undefined,
    ]);
    expect(await adapter(kind).find(kept)).toMatchObject({ grantId: other });
  });
});

describe('what our adapter promises beyond the contract', () => {
  const adapter = (kind: string, environment?: Environment): Adapter =>
    ours(environment)(kind) as Adapter;

  test('what one environment stores the other does not know, nor can it end it', async () => {
    const [id, uid, grantId] = [newId(), newId(), newId()];
    await adapter('Session').upsert(id, { jti: id, uid }, 60);
    await adapter('RefreshToken').upsert(id, { jti: id, grantId }, 60);
    expect(await adapter('Session', 'live').find(id)).toBeUndefined();
    expect(await adapter('Session', 'live').findByUid(uid)).toBeUndefined();
    await adapter('Session', 'live').destroy(id);
    await adapter('RefreshToken', 'live').revokeByGrantId(grantId);
    await expect(adapter('RefreshToken', 'live').consume(id)).rejects.toThrow(errors.InvalidGrant);
    expect(await adapter('Session').find(id)).toBeDefined();
    expect(await adapter('RefreshToken').find(id)).toEqual({ jti: id, grantId });

    await adapter('Session', 'live').upsert(id, { jti: id, uid, accountId: 'acc_1' }, 60);
    expect(await adapter('Session').find(id)).toEqual({ jti: id, uid });
  });

  test('whoever reads the table finds no token, code or session in it', async () => {
    const values = ['AuthorizationCode', 'RefreshToken', 'Session'].map((kind) => {
      const secret = newId();
      return { kind, secret, payload: { jti: secret, kind, uid: newId(), grantId: newId() } };
    });
    for (const { kind, secret, payload } of values) await adapter(kind).upsert(secret, payload, 60);
    const cookie = newId();
    const interaction = newId();
    const session = { uid: newId(), accountId: 'tu_gp', cookie };
    await adapter('Interaction').upsert(interaction, { jti: interaction, session } as never, 60);

    const { rows } = await pool.query('select r::text from oidc_records r');
    const dump = JSON.stringify(rows);
    const hex = (text: string) => Buffer.from(text).toString('hex');
    for (const secret of [...values.map((one) => one.secret), cookie, interaction]) {
      expect(dump).not.toContain(secret);
      expect(dump).not.toContain(hex(secret));
    }
    expect(dump).toContain('tu_gp'); // the search itself works
    expect(await adapter('Interaction').find(interaction)).toMatchObject({
      jti: interaction,
      session: { accountId: 'tu_gp' },
    });
  });

  test.each(grantable)(
    'a second use of one %s is refused and ends its whole family',
    async (kind) => {
      const [id, sibling, grantId] = [newId(), newId(), newId()];
      await adapter('Grant').upsert(grantId, { jti: grantId }, 60);
      await adapter(kind).upsert(id, { jti: id, grantId }, 60);
      await adapter('RefreshToken').upsert(sibling, { jti: sibling, grantId }, 60);

      await adapter(kind).consume(id);
      expect(await adapter('Grant').find(grantId)).toBeDefined();
      await expect(adapter(kind).consume(id)).rejects.toThrow(errors.InvalidGrant);
      expect(await adapter('Grant').find(grantId)).toBeUndefined();
      expect(await adapter('RefreshToken').find(sibling)).toBeUndefined();
      expect(await adapter(kind).find(id)).toBeUndefined();
    },
  );

  test('of twenty who use one code at once exactly one is told that it was theirs', async () => {
    const twenty = Array.from({ length: 20 });
    await Promise.all(twenty.map(() => pool.query('select pg_sleep(0.02)'))); // connections are open
    const [id, grantId] = [newId(), newId()];
    await adapter('AuthorizationCode').upsert(id, { jti: id, grantId }, 60);
    const outcomes = await Promise.allSettled(
      twenty.map(() => adapter('AuthorizationCode').consume(id)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('an interaction ends once: whoever comes second finds no session', async () => {
    const id = newId();
    await adapter('Interaction').upsert(id, { jti: id }, 60);
    await adapter('Interaction').destroy(id);
    await expect(adapter('Interaction').destroy(id)).rejects.toThrow(errors.SessionNotFound);
  });

  test('a replayed assertion id is refused for as long as it is kept, across environments apart', async () => {
    const id = newId();
    const replay = (environment?: Environment) => adapter('ReplayDetection', environment);
    await replay().upsert(id, { jti: id, iss: 'client' } as never, 60);
    await expect(replay().upsert(id, { jti: id } as never, 60)).rejects.toThrow(
      errors.InvalidClientAuth,
    );
    await replay('live').upsert(id, { jti: id } as never, 60);

    await pool.query(`update oidc_records set expires_at = now() - interval '1 second'
      where kind = 'ReplayDetection' and environment = 'sandbox'`);
    await replay().upsert(id, { jti: id } as never, 60); // what has expired is free again
  });

  test('clients are computed, never stored', async () => {
    const record = { client_id: 'console_1' };
    const clients = adapterFor(pool, 'sandbox', async (id) =>
      id === 'console_1' ? record : undefined,
    )('Client') as Adapter;
    expect(await clients.find('console_1')).toBe(record);
    expect(await clients.find('console_2')).toBeUndefined();
    await expect(clients.upsert('console_3', record, 60)).rejects.toThrow(/clients room/);
  });

  test('expired rows are swept in batches, and nothing else is', async () => {
    await pool.query('delete from oidc_records');
    for (let i = 0; i < 5; i += 1) {
      const id = newId();
      await adapter('Grant').upsert(id, { jti: id }, 60);
    }
    await pool.query(`update oidc_records set expires_at = now() - interval '1 second'`);
    await pool.query(`insert into revoked_tokens values
      ('sandbox', 'old', now() - interval '1 second'), ('sandbox', 'new', now() + interval '1 hour')`);
    const [endless, current] = [newId(), newId()];
    await adapter('Grant').upsert(endless, { jti: endless }, undefined as never);
    await adapter('Grant').upsert(current, { jti: current }, 60);

    expect(await deleteExpired(pool, 3)).toBe(4); // three records and one revoked token
    expect(await deleteExpired(pool, 3)).toBe(2);
    expect(await deleteExpired(pool, 3)).toBe(0);
    expect(await adapter('Grant').find(endless)).toBeDefined();
    expect(await adapter('Grant').find(current)).toBeDefined();
    expect((await pool.query('select jti from revoked_tokens')).rows).toEqual([{ jti: 'new' }]);
  });
});
