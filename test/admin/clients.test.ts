import { createPasswords } from '../../src/base/passwords.ts';
import { fill, secretOn } from '../portal/application-support.ts';
import { aPerson, type Person, send } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient, aProduct, aSubscription, aTeam } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { anAdministrator, sendUnasked } from './support.ts';

describe('clients at the desk', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let publisher: Person;
  let auditor: Person;
  let product: Awaited<ReturnType<typeof aProduct>>;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    publisher = await anAdministrator(server, passwords, ['publisher']);
    auditor = await anAdministrator(server, passwords, ['auditor'], 'Noor Haddad');
    product = await aProduct(server.pool, { name: 'Read Records' });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const registered = async (fields: Record<string, string> = {}) => {
    const page = await fill(publisher, '/admin/clients/new', {
      name: 'Northmoor Records',
      on_behalf: '',
      as_system: 'yes',
      [`for:${product.id}`]: 'yes',
      ...fields,
    });
    const id = /<code>(app_[\w-]+)</.exec(page.text)?.[1] ?? '';
    return { page, id, secret: secretOn(page) };
  };
  const machine = (client: { id: string; secret: string }) =>
    post(`${server.sandbox}/token`, client, { grant_type: 'client_credentials' });
  const actsOn = async (id: string) =>
    (
      await server.pool.query<{ action: string; role: string }>(
        'select action, role from audit where subject_id = $1 order by id',
        [id],
      )
    ).rows;

  test('a publisher registers one for named products, and its secret is shown once', async () => {
    const { page, id, secret } = await registered({ default_product: product.id });
    expect(page.status).toBe(201);
    const tokens = await machine({ id, secret });
    expect([tokens.status, tokens.body.scope]).toEqual([200, 'read']);
    const shown = (await publisher.open(`/admin/clients/${id}`)).text;
    expect(shown).toContain('First-party');
    expect(shown).toContain('Default');
    expect(shown).not.toContain(secret);
    expect(await actsOn(id)).toEqual([
      { action: 'client.made', role: 'publisher' },
      { action: 'client.secret_made', role: 'publisher' },
    ]);
  });

  test('a publisher changes it, renews its secret and deletes it', async () => {
    const { id, secret } = await registered();
    const other = await aProduct(server.pool, { name: 'Submit Records' });
    await fill(publisher, `/admin/clients/${id}/change`, {
      name: 'Northmoor Desk',
      [`for:${other.id}`]: 'yes',
      default_product: other.id,
    });
    const resource = { grant_type: 'client_credentials', resource: other.audience };
    expect((await post(`${server.sandbox}/token`, { id, secret }, resource)).status).toBe(200);
    const path = `/admin/clients/${id}`;
    const renewed = await send(publisher, path, { old: 'now' }, `${path}/secrets#secrets`);
    expect(renewed.status).toBe(201);
    expect((await machine({ id, secret })).status).toBe(401);
    const second = secretOn(renewed);
    expect((await machine({ id, secret: second })).status).toBe(200);
    expect((await publisher.open(path)).text).toContain(
      'Changed: name, products and default product',
    );
    await fill(publisher, `${path}/delete`, {});
    expect((await machine({ id, secret: second })).status).toBe(401);
    expect((await publisher.open(path)).status).toBe(404);
  });

  test('all are listed and found by name, id, team, environment and kind', async () => {
    const team = await aTeam(server.pool, { name: 'Fernbank Health' });
    const subscription = await aSubscription(server.pool, { team, product });
    const theirs = await aClient(server.pool, {
      name: 'Bed % Watch',
      subscriptions: [subscription],
    });
    const live = await aProduct(server.pool, { environment: 'live' });
    const own = await aClient(server.pool, { name: 'Live Desk', products: [live] });
    const listed = async (query: Record<string, string>) => {
      const { text } = await auditor.open(`/admin/clients?${new URLSearchParams(query)}`);
      return [theirs, own]
        .filter(({ id }) => text.includes(`<code>${id}</code>`))
        .map(({ name }) => name);
    };
    expect(await listed({})).toEqual(['Bed % Watch', 'Live Desk']);
    expect(await listed({ q: 'bed' })).toEqual(['Bed % Watch']);
    expect(await listed({ q: '%' })).toEqual(['Bed % Watch']);
    expect(await listed({ q: own.id.toUpperCase() })).toEqual(['Live Desk']);
    expect(await listed({ q: 'fernbank' })).toEqual(['Bed % Watch']);
    expect(await listed({ environment: 'live' })).toEqual(['Live Desk']);
    expect(await listed({ kind: 'application' })).toEqual(['Bed % Watch']);
    expect(await listed({ kind: 'console' })).toEqual([]);
    expect(await listed({ q: "' or 1=1 --" })).toEqual([]);
    expect(await listed({ after: 'nobody', environment: 'junk' })).toEqual([]);
    expect((await auditor.open('/admin/clients?q=nothing-is-called-so')).text).toContain(
      'No client is like that',
    );
  });

  test('long lists have pages', async () => {
    for (let n = 0; n < 55; n += 1)
      await aClient(server.pool, { id: `many_${n}`, name: 'Many', products: [product] });
    const first = await auditor.open('/admin/clients?q=many_');
    const older = /href="(\/admin\/clients\?[^"]*after[^"]*)"/
      .exec(first.text)?.[1]
      ?.replaceAll('&amp;', '&');
    const second = await auditor.open(older?.replaceAll('&#38;', '&') ?? '');
    const idsOn = (text: string) => [...text.matchAll(/<code>(many_\d+)</g)].map(([, id]) => id);
    expect([idsOn(first.text).length, idsOn(second.text).length]).toEqual([50, 5]);
    expect(new Set([...idsOn(first.text), ...idsOn(second.text)]).size).toBe(55);
    expect(second.text).toContain('Newest');
  });

  test('a team’s application is read, and is the team’s to change', async () => {
    const team = await aTeam(server.pool, { name: 'Larkfield Software' });
    const subscription = await aSubscription(server.pool, { team, product });
    const { id, secret } = await aClient(server.pool, { subscriptions: [subscription] });
    const { status, text } = await publisher.open(`/admin/clients/${id}`);
    expect([status, text.includes('Larkfield Software')]).toEqual([200, true]);
    expect(text).not.toContain(`/admin/clients/${id}/change`);
    for (const path of ['change', 'delete']) {
      expect((await publisher.open(`/admin/clients/${id}/${path}`)).status).toBe(404);
    }
    for (const path of ['change', 'delete', 'secrets', 'secrets/x/end', 'assertion']) {
      const sent = await sendUnasked(publisher, `/admin/clients/${id}/${path}`);
      expect([path, sent.status]).toEqual([path, 404]);
    }
    expect((await machine({ id, secret })).status).toBe(200);
  });

  test.each([['approver'], ['support'], ['auditor']] as const)(
    'a person with the role %s reads, and changes nothing',
    async (role) => {
      const reader = await anAdministrator(server, passwords, [role]);
      const { id } = await registered();
      expect((await reader.open('/admin/clients')).status).toBe(200);
      const { text } = await reader.open(`/admin/clients/${id}`);
      expect(text).not.toContain('/change');
      expect(text).not.toContain('Make a');
      expect((await reader.open('/admin/clients/new')).status).toBe(403);
      expect((await reader.open(`/admin/clients/${id}/change`)).status).toBe(403);
      for (const path of [
        'new',
        `${id}/change`,
        `${id}/delete`,
        `${id}/secrets`,
        `${id}/assertion`,
      ]) {
        const sent = await sendUnasked(reader, `/admin/clients/${path}`, { name: 'Mine' });
        expect([path, sent.status]).toEqual([path, 403]);
      }
    },
  );

  test('whoever is no administrator finds no desk', async () => {
    const someone = await aPerson(server, passwords);
    const { id } = await registered();
    for (const path of ['', '/new', `/${id}`, `/${id}/change`, `/${id}/delete`]) {
      expect((await someone.open(`/admin/clients${path}`)).status).toBe(404);
    }
    expect((await fetch(`${server.baseUrl}/admin/clients`)).status).toBe(401);
  });

  test('forms without a token are refused', async () => {
    const { id } = await registered();
    for (const path of [
      'new',
      `${id}/change`,
      `${id}/delete`,
      `${id}/secrets`,
      `${id}/assertion`,
    ]) {
      const body = new URLSearchParams({ name: 'x' });
      const headers = { origin: server.baseUrl };
      const url = `${server.baseUrl}/admin/clients/${path}`;
      expect((await publisher.browser.open(url, { method: 'POST', body, headers })).status).toBe(
        403,
      );
    }
  });

  test.each<[what: string, fields: Record<string, string>, words: string]>([
    ['without a name', { name: '' }, 'Fill this in'],
    ['without a product', { 'for:it': '' }, 'Choose at least one'],
    ['javascript:', { redirect_uris: 'javascript:alert(1)' }, 'would run or show'],
    ['a default product that is none of its own', { default_product: 'other' }, 'one of its own'],
  ])('%s nothing is registered, and what was typed stays', async (_, fields, words) => {
    const without = 'for:it' in fields ? { [`for:${product.id}`]: '' } : fields;
    const { page } = await registered({ allowed_origins: 'https://kept.example', ...without });
    expect(page.status).toBe(422);
    expect(page.text).toContain(words);
    expect(page.text).toContain('https://kept.example');
  });

  test('products of both environments are refused', async () => {
    const live = await aProduct(server.pool, { environment: 'live' });
    const { page } = await registered({ [`for:${live.id}`]: 'yes' });
    expect([page.status, page.text.includes('never reaches both')]).toEqual([422, true]);
  });
});
