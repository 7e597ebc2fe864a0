import { createPasswords } from '../../src/base/passwords.ts';
import type { Person } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aClient, anAccount, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { anAdministrator } from './support.ts';

describe('search', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let support: Person;
  let ids: Record<'person' | 'team' | 'subscription' | 'client', string>;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    support = await anAdministrator(server, passwords, ['support'], 'Joan Whitlock');
    const { pool } = server;
    const person = await anAccount(pool, { name: 'Priya Nair', email: 'priya@larkfield.example' });
    const team = await aTeam(pool, { name: 'Larkfield Software', members: [person] });
    const product = await aProduct(pool, { name: 'Read Records' });
    const subscription = await aSubscription(pool, { team, product, name: 'Ward pilot' });
    const client = await aClient(pool, { subscriptions: [subscription], name: 'Night Batch' });
    ids = {
      person: person.id,
      team: team.id,
      subscription: subscription.id,
      client: client.id,
    };
    await aClient(pool, { subscriptions: [subscription], name: 'Night Console', kind: 'console' });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const links = async (q: string): Promise<string[]> => {
    const { text } = await support.open(`/admin/search?${new URLSearchParams({ q })}`);
    const main = text.slice(text.indexOf('<main'));
    return [...main.matchAll(/<li><a href="([^"]+)"/g)].map(([, href]) => String(href));
  };
  const home = {
    person: '/admin/people',
    team: '/admin/teams',
    subscription: '/admin/approvals',
    client: '/admin/clients',
  } as const;

  test.each([
    ['the beginning of a name', 'priya', ['person']],
    ['any letters of it', 'NAIR', ['person']],
    ['an address', 'priya@lark', ['person']],
    ['what several have', 'larkfield', ['person', 'team']],
    ['a subscription’s own name', 'ward', ['subscription']],
    ['its product', 'records', ['subscription']],
    ['an application', 'night', ['client']],
  ] as const)('finds by %s', async (_, q, kinds) => {
    expect(await links(q)).toEqual(kinds.map((kind) => `${home[kind]}/${ids[kind]}`));
  });

  test.each(['person', 'team', 'subscription', 'client'] as const)(
    'finds a %s by its whole id',
    async (kind) => {
      expect(await links(` ${ids[kind]} `)).toEqual([`${home[kind]}/${ids[kind]}`]);
    },
  );

  test.each(['%', '__', '\\%', '%%', "'; drop", 'zzz'])('finds nothing by %s', async (q) => {
    expect(await links(q)).toEqual([]);
  });

  test('asks for two letters, says when nothing fits, and escapes what was typed', async () => {
    expect((await support.open('/admin/search?q=x')).text).toContain('Type two letters at least.');
    const { text } = await support.open('/admin/search?q=%3Cscript%3E');
    expect(text).toContain('Nothing has “&lt;script&gt;”');
    expect((await support.open('/admin/search?q=a&q=b')).status).toBe(200);
  });

  test('puts what begins so first, ten of a kind, and says that there are more', async () => {
    for (let n = 0; n < 12; n += 1) await anAccount(server.pool, { name: `A Quill ${n}` });
    const last = await anAccount(server.pool, { name: 'Quill of all' });
    const found = await links('quill');
    expect(found).toHaveLength(10);
    expect(found[0]).toBe(`/admin/people/${last.id}`);
    expect((await support.open('/admin/search?q=quill')).text).toContain('There are more.');
  });

  test('a beginning is found by an index', async () => {
    const client = await server.pool.connect();
    await client.query('begin');
    await client.query('set local enable_seqscan = off');
    const { rows } = await client.query(
      `explain select id from accounts where lower(name) like 'pri%'`,
    );
    await client.query('rollback');
    client.release();
    expect(JSON.stringify(rows)).toContain('accounts_name_prefix');
  });
});
