import { createPasswords } from '../../src/base/passwords.ts';
import { digest } from '../../src/base/secrets.ts';
import { transaction } from '../../src/db/pool.ts';
import { addCredential, addGateway } from '../../src/gateway/gateway-service.ts';
import { usualCalls } from '../../src/products/api.ts';
import { upsertApi, upsertBaseUrl } from '../../src/products/api-store.ts';
import { makeStale, type Person } from '../portal/profile-support.ts';
import { useDatabaseUrl } from '../support/database.ts';
import type { Page } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { sendFrom } from './forms.ts';
import { anAdministrator, sendUnasked } from './support.ts';

describe('gateways at the desk', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let publisher: Person;
  let auditor: Person;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    publisher = await anAdministrator(server, passwords, ['publisher']);
    auditor = await anAdministrator(server, passwords, ['auditor'], 'Mina Okafor');
    const about = { id: 'letters', name: 'Letters', version: '1', description: '', document: {} };
    await transaction(server.pool, (tx) =>
      upsertApi(tx, { ...about, ...usualCalls, otherVersions: [], baseUrls: [] }),
    );
    await upsertBaseUrl(server.pool, 'letters', { name: 'ward', url: 'https://ward.example' });
  });
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  const home = '/admin/gateways';
  const add = async (fields: Record<string, string>) =>
    sendFrom(publisher, await publisher.open(`${home}/new`), `${home}/new`, fields);
  const credentialOn = ({ text }: Page): string => /sg_gw_[\w-]{43}/.exec(text)?.[0] ?? '';
  const idOf = async (name: string): Promise<string> => {
    const { rows } = await server.pool.query('select id from gateways where name = $1', [name]);
    return rows[0]?.id ?? '';
  };
  const liveOf = async (id: string) =>
    (
      await server.pool.query<{ id: string; digest: Buffer }>(
        `select id, digest from gateway_credentials
         where gateway_id = $1 and (expires_at is null or expires_at > now()) order by created_at`,
        [id],
      )
    ).rows;
  const actsOn = async (id: string) =>
    (
      await server.pool.query<{ action: string; role: string }>(
        `select action, role, detail from audit where subject_id = $1 order by id`,
        [id],
      )
    ).rows;

  test('where there is none, the page says what one is for', async () => {
    expect((await publisher.open(home)).text).toContain('There is no gateway yet.');
    expect((await auditor.open(home)).text).not.toContain('Add a gateway');
  });

  test('a publisher adds one, and its credential is shown once and kept as its digest', async () => {
    const page = await add({ name: 'North entrance', base_url_name: 'ward' });
    const credential = credentialOn(page);
    expect([page.status, credential]).toEqual([201, expect.stringMatching(/^sg_gw_/)]);
    const id = await idOf('North entrance');
    expect((await liveOf(id)).map((one) => one.digest)).toEqual([digest(credential)]);

    const shown = (await auditor.open(`${home}/${id}`)).text;
    expect(shown).toContain(`ending <code>${credential.slice(-4)}</code>`);
    expect(shown).toContain('by Joan Whitlock');
    expect(shown).toContain(`${server.baseUrl}/gateway/verify/`);
    expect(shown).not.toContain(credential);
    expect(shown).not.toContain('<button class="danger">');
    expect((await auditor.open(home)).text).toMatch(/North entrance[\s\S]*ward[\s\S]*1 credential/);
    expect(await actsOn(id)).toEqual([
      { action: 'gateway.made', role: 'publisher', detail: {} },
      {
        action: 'gateway.credential_made',
        role: 'publisher',
        detail: { ending: credential.slice(-4) },
      },
    ]);
  });

  test('a credential is changed for another without a gap: two are live, and no third', async () => {
    const first = credentialOn(await add({ name: 'Changing' }));
    const id = await idOf('Changing');
    const here = `${home}/${id}`;
    const made = await sendFrom(
      publisher,
      await publisher.open(here),
      `${here}/credentials#credentials`,
    );
    const second = credentialOn(made);
    expect((await liveOf(id)).map((one) => one.digest)).toEqual([digest(first), digest(second)]);

    const third = await sendUnasked(publisher, `${here}/credentials`);
    expect([third.status, third.text]).toEqual([409, expect.stringContaining('End one of them')]);
    expect(credentialOn(third)).toBe('');

    const [old] = await liveOf(id);
    const ended = await sendFrom(
      publisher,
      await publisher.open(here),
      `${here}/credentials/${old?.id}/end`,
    );
    expect(ended.text).toContain('The credential has ended.');
    expect((await liveOf(id)).map((one) => one.digest)).toEqual([digest(second)]);
    const again = await sendUnasked(publisher, `${here}/credentials/${old?.id}/end`);
    expect(again.status).toBe(404);
    expect((await actsOn(id)).at(-1)).toMatchObject({
      action: 'gateway.credential_ended',
      detail: { ending: first.slice(-4) },
    });
  });

  test('of many who make a second one at once, one does', async () => {
    const doer = { actor: { kind: 'system' } } as const;
    const { id } = await addGateway(server.pool, doer, { name: 'Hurried', baseUrlName: '' });
    const made = await Promise.allSettled(
      Array.from({ length: 8 }, () => addCredential(server.pool, doer, id)),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await liveOf(id)).toHaveLength(2);
  });

  test('another gateway’s credential cannot be ended by way of this one', async () => {
    await add({ name: 'Mine' });
    await add({ name: 'Theirs' });
    const [theirs] = await liveOf(await idOf('Theirs'));
    const way = `${home}/${await idOf('Mine')}/credentials/${theirs?.id}/end`;
    expect((await sendUnasked(publisher, way)).status).toBe(404);
    expect(await liveOf(await idOf('Theirs'))).toHaveLength(1);
  });

  test('without a credential the page says that it is refused', async () => {
    await add({ name: 'Bare' });
    const id = await idOf('Bare');
    const [only] = await liveOf(id);
    await sendUnasked(publisher, `${home}/${id}/credentials/${only?.id}/end`);
    expect((await publisher.open(`${home}/${id}`)).text).toContain('No credential works.');
    expect((await publisher.open(home)).text).toContain('none: it is refused');
  });

  test('its name and where it stands are changed, and what was not is not noted', async () => {
    await add({ name: 'South' });
    const id = await idOf('South');
    const save = async (fields: Record<string, string>) =>
      sendFrom(publisher, await publisher.open(`${home}/${id}`), `${home}/${id}`, fields);
    expect((await save({ base_url_name: 'ward' })).text).toContain('Saved.');
    await save({});
    const about = (await actsOn(id)).filter(({ action }) => action === 'gateway.changed');
    expect(about).toEqual([
      { action: 'gateway.changed', role: 'publisher', detail: { changes: ['base URL'] } },
    ]);
    await server.pool.query(`delete from api_base_urls where name = 'ward'`);
    expect((await publisher.open(`${home}/${id}`)).text).toContain('lets nothing pass');
    await upsertBaseUrl(server.pool, 'letters', { name: 'ward', url: 'https://ward.example' });
  });

  test.each<[what: string, fields: Record<string, string>, says: string]>([
    ['no name', { name: ' ' }, 'Fill this in.'],
    ['a long name', { name: 'x'.repeat(81) }, 'at most 80 characters'],
    ['the name of another', { name: 'North entrance' }, 'Another gateway has this name'],
    ['a base URL that is not there', { base_url_name: 'moon' }, 'No API has a base URL'],
  ])('%s is told beside the field, and nothing typed is lost', async (_, fields, says) => {
    const page = await add({ name: 'West', ...fields });
    expect([page.status, page.text]).toEqual([422, expect.stringContaining(says)]);
    expect(page.text).toContain(`value="${fields.name ?? 'West'}"`);
    expect(await idOf('West')).toBe('');
  });

  test('it is removed with its credentials, after a question', async () => {
    await add({ name: 'Gone' });
    const id = await idOf('Gone');
    const way = `${home}/${id}/remove`;
    const page = await sendFrom(publisher, await publisher.open(way), way);
    expect(page.text).toContain('The gateway is removed');
    expect(await liveOf(id)).toEqual([]);
    expect((await publisher.open(`${home}/${id}`)).status).toBe(404);
    expect((await actsOn(id)).at(-1)).toMatchObject({
      action: 'gateway.removed',
      detail: { name: 'Gone' },
    });
  });

  test('where no credential is asked for, the page says what that means', async () => {
    expect((await auditor.open(home)).text).not.toContain('Whoever reaches this server may ask.');
    const open = await startServer({ databaseUrl, gatewaysShowCredential: false });
    const owner = await anAdministrator(open, passwords, ['owner'], 'Helen Ashby');
    const { text } = await owner.open(home);
    await open.close();
    expect(text).toContain('Whoever reaches this server may ask.');
  });

  test('whoever signed in long ago gives the password again before a credential is made', async () => {
    const old = await anAdministrator(server, passwords, ['publisher'], 'Ruth Calder');
    await makeStale(server.pool, old.account.id);
    const page = await sendUnasked(old, `${home}/new`, { name: 'East' });
    expect([page.status, page.text]).toEqual([401, expect.stringContaining('type="password"')]);
    expect(await idOf('East')).toBe('');
  });
});
