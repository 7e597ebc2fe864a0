import { createPasswords } from '../../src/base/passwords.ts';
import { makeApplication, mostPerTeam } from '../../src/clients/application-service.ts';
import { endTeam } from '../../src/teams/service.ts';
import { anAdministrator, sendUnasked } from '../admin/support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { aClient, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aDeveloper, clientIdOn, fill } from './application-support.ts';
import { makeStale, send } from './profile-support.ts';

describe('what applications may not do', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
  });
  afterAll(async () => {
    await server.close();
    await passwords.close();
  });

  const redirects = { redirect_uris: 'https://client.example/callback' };
  const developer = async () => {
    const someone = await aDeveloper(server, passwords);
    const make = (fields: Record<string, string> = {}) =>
      fill(someone.person, '/applications/new', {
        name: 'Night Batch',
        ...redirects,
        [`for:${someone.subscription.id}`]: 'yes',
        ...fields,
      });
    return { ...someone, make };
  };
  const stop = (id: string) =>
    server.pool.query(
      `insert into suspensions (kind, id, reason) values ('client', $1, 'Abuse.')`,
      [id],
    );
  const lift = (id: string) => server.pool.query('delete from suspensions where id = $1', [id]);

  test('a suspended one is not deleted to be made again', async () => {
    const { person, make } = await developer();
    const id = clientIdOn(await make());
    await stop(id);
    const kept = await fill(person, `/applications/${id}/delete`, {});
    expect([kept.status, kept.text.includes('is suspended')]).toEqual([409, true]);
    const another = await make({ name: 'The same again' });
    expect(another.status).toBe(422);
    expect(another.text).toContain('is suspended: no other application');
    expect(another.text).toContain('The same again');
    await lift(id);
    expect((await make()).status).toBe(201);
    expect((await fill(person, `/applications/${id}/delete`, {})).status).toBe(200);
  });

  test('nor does it hand its subscriptions to another', async () => {
    const { person, make, team, subscription } = await developer();
    const other = await aSubscription(server.pool, { team });
    const both = { [`for:${other.id}`]: 'yes' };
    const stopped = clientIdOn(await make(both));
    const standing = clientIdOn(await make({ ...both, [`for:${subscription.id}`]: '' }));
    await stop(stopped);
    const left = await fill(person, `/applications/${stopped}/change`, { [`for:${other.id}`]: '' });
    expect([left.status, left.text.includes('keeps its subscriptions')]).toEqual([422, true]);
    const taken = await fill(person, `/applications/${standing}/change`, {
      [`for:${subscription.id}`]: 'yes',
    });
    expect([taken.status, taken.text.includes('is suspended')]).toEqual([422, true]);
    const renamed = await fill(person, `/applications/${standing}/change`, { name: 'Day Batch' });
    expect(renamed.text).toContain('Day Batch');
  });

  test('a suspended first-party client stays, too', async () => {
    const publisher = await anAdministrator(server, passwords, ['publisher']);
    const { id } = await aClient(server.pool, { products: [await aProduct(server.pool)] });
    await stop(id);
    expect((await fill(publisher, `/admin/clients/${id}/delete`, {})).status).toBe(409);
    expect((await publisher.open(`/admin/clients/${id}`)).status).toBe(200);
  });

  test('a session of eleven minutes ago makes, changes and renews nothing', async () => {
    const { person, make } = await developer();
    const id = clientIdOn(await make());
    await makeStale(server.pool, person.account.id);
    for (const path of ['/applications/new', `/applications/${id}/change`]) {
      const asked = await person.open(path);
      expect([path, asked.text.includes('type="password"')]).toEqual([path, true]);
    }
    expect((await person.open(`/applications/${id}`)).status).toBe(200);
    for (const path of ['new', `${id}/change`, `${id}/secrets`, `${id}/secrets/x/end`]) {
      const sent = await sendUnaskedBy(person, `/applications/${path}`);
      expect([path, sent]).toEqual([path, 401]);
    }
  });

  test('nor does a publisher’s with the programme’s own clients', async () => {
    const publisher = await anAdministrator(server, passwords, ['publisher']);
    const { id } = await aClient(server.pool, { products: [await aProduct(server.pool)] });
    await makeStale(server.pool, publisher.account.id);
    for (const path of ['new', `${id}/change`, `${id}/delete`]) {
      const asked = await publisher.open(`/admin/clients/${path}`);
      expect([path, asked.text.includes('type="password"')]).toEqual([path, true]);
    }
    for (const path of ['new', `${id}/change`, `${id}/delete`, `${id}/secrets`]) {
      const sent = await sendUnaskedBy(publisher, `/admin/clients/${path}`);
      expect([path, sent]).toEqual([path, 401]);
    }
  });
  const sendUnaskedBy = async (...given: Parameters<typeof sendUnasked>): Promise<number> =>
    (await sendUnasked(...given)).status;

  test('a team has fifty at most, also when two are made at once', async () => {
    const { make, team, subscription } = await developer();
    for (let n = 1; n < mostPerTeam; n += 1) {
      await aClient(server.pool, { teamId: team.id, subscriptions: [subscription] });
    }
    const both = await Promise.all([make(), make()]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(both.some(({ text }) => text.includes('can have 50 applications'))).toBe(true);
  });

  test('a team’s secrets write so many letters an hour, and no more', async () => {
    const { person, make } = await developer();
    const id = clientIdOn(await make());
    const action = `/applications/${id}/secrets#secrets`;
    let last = await send(person, `/applications/${id}`, { old: 'now' }, action);
    for (let n = 0; n < 60 && last.status === 201; n += 1) {
      last = await send(person, `/applications/${id}`, { old: 'now' }, action);
    }
    expect([last.status, last.text.includes('Too many attempts')]).toEqual([429, true]);
    expect((await (await developer()).make()).status).toBe(201);
  });

  test('one that is made while its team is deleted is made for nobody, and says so', async () => {
    const input = {
      name: 'Night Batch',
      authMethod: 'client_secret_basic' as const,
      grantTypes: ['client_credentials'] as const,
      ...{
        redirectUris: [],
        postLogoutRedirectUris: [],
        allowedOrigins: [],
        jwks: '',
        jwksUri: '',
      },
    };
    const codes = new Set<string>();
    for (let n = 0; n < 8; n += 1) {
      const { person, team, subscription } = await developer();
      const doer = { actor: { kind: 'account' as const, id: person.account.id }, caller: null };
      const given = { ...input, owner: person.account.id, subscriptionIds: [subscription.id] };
      const ends = endTeam(server.pool, doer as never, { teamId: team.id, typed: team.name });
      const made = makeApplication(server, doer as never, given);
      for (const done of await Promise.allSettled([made, ends])) {
        if (done.status === 'rejected') codes.add(done.reason.code);
      }
    }
    expect([...codes].filter((code) => !/_not_found$/.test(code))).toEqual([]);
  });
});
