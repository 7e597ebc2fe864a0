import { createPasswords } from '../../src/base/passwords.ts';
import type { Product } from '../../src/products/product.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { newBrowser, type Page } from '../support/flow.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aPerson, signInAs } from './profile-support.ts';
import { aSubscriber, keysOf } from './subscriber.ts';

const priya = ['priya.nair@larkfield.example', 'ward-round-at-seven'] as const;
const operation = '/console/patient-record/readPatient';

describe('the page of the console', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;
  let asPriya: (path: string) => Promise<Page>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    await applyDemo(server);
    const browser = await signInAs(server, priya[0], { password: priya[1] });
    asPriya = (path) => browser.open(`${server.baseUrl}${path}`);
  }, 60_000);
  afterAll(async () => {
    await server.close();
    passwords.close();
  });
  const asVisitor = (path: string) => newBrowser(server.baseUrl).open(`${server.baseUrl}${path}`);

  test('names each key and holds none, and holds no secret of the test application', async () => {
    const { status, text, headers } = await asPriya(operation);
    expect(status).toBe(200);
    const keys = await keysOf(server, 'sub_larkfield_read');
    expect(keys).toHaveLength(2);
    for (const { value } of keys) {
      expect(text).toContain(`(••••${value.slice(-4)})`);
      expect(text).not.toContain(value.slice(8, 30));
    }
    expect(text).not.toContain('sub_larkfield_live');
    expect(headers.get('content-security-policy')).toMatch(/script-src 'self';/);
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin-allow-popups');
    expect(text.match(/<script[^>]*>/g)).toHaveLength(1);
  });

  test('shows a visitor everything but Send, with the way in', async () => {
    const { status, text } = await asVisitor(operation);
    expect(status).toBe(200);
    expect(text).toContain('value="NM-0007"');
    expect(text).not.toContain('id="send"');
    expect(text).toContain('Sign in to send');
    expect(text).toContain('/sign-in?return_to=%2Fconsole%2Fpatient-record%2FreadPatient');
    expect(text).not.toContain('sub_');
  });

  test('says to whoever has no subscription where to get one', async () => {
    const someone = await aPerson(server, passwords);
    const { text } = await someone.open(operation);
    expect(text).toContain('You have no subscription that opens this API yet.');
    expect(text).toContain('href="/products/read-records"');
  });

  test('begins with a way to a token that the product takes, and with none where a key is enough', async () => {
    const startOf = async (product: string, path: string) => {
      const person = await aSubscriber(server, passwords, { product: { id: product } as Product });
      const { text } = await person.open(path);
      return {
        text,
        way: /<option value="([^"]+)" selected>/.exec(text.split('id="grant"')[1] ?? '')?.[1],
      };
    };
    const records = await startOf('read-records', '/console/patient-record/readPatient');
    expect(records.way).toBe('authorization_code');
    const times = await startOf('opening-times', '/console/opening-times/listClinics');
    expect(times.way).toBe('none');
    expect(times.text).toContain('A key is all that this product asks for.');
    await server.pool.query(
      `update products set grant_types = '{client_credentials}' where id = 'read-records'`,
    );
    const system = await startOf('read-records', '/console/patient-record/readPatient');
    expect(system.way).toBe('client_credentials');
    await server.pool.query(
      `update products set grant_types = '{authorization_code,client_credentials,password,refresh_token}'
       where id = 'read-records'`,
    );
  });

  test('says where a subscription lacks what the operation needs', async () => {
    const { text } = await asPriya('/console/patient-record/createObservation');
    expect(text).toContain('Read Records does not open this operation');
    expect(text).toContain('href="/products/submit-records"');
  });

  test.each([
    ['/console/patient-record/nothing'],
    ['/console/nothing/readPatient'],
    ['/console/nothing'],
    ['/console/__proto__/constructor'],
  ])('%s is not found', async (path) => {
    expect((await asPriya(path)).status).toBe(404);
  });

  test('is reached from a subscription and from an operation of its API', async () => {
    const subscription = await asPriya('/subscriptions/sub_larkfield_read');
    const link = /href="(\/console\/[^"]+)">Try it</.exec(subscription.text)?.[1] ?? '';
    const page = await asPriya(link.replaceAll('&amp;', '&'));
    expect(page.url).toMatch(
      /\/console\/patient-record\/searchPatients\?subscription=sub_larkfield_read$/,
    );
    expect(page.status).toBe(200);
    expect((await asPriya('/subscriptions/sub_larkfield_live')).text).not.toContain('>Try it<');
    expect((await asVisitor('/apis/patient-record/operations/readPatient')).text).toContain(
      `href="${operation}">Try it<`,
    );
  });

  test('is gone with its product: what is suspended for all is not tried', async () => {
    await server.pool.query(
      `insert into suspensions (kind, id, reason) values ('environment', 'sandbox', 'Repairs.')`,
    );
    expect((await asPriya(operation)).status).toBe(404);
    await server.pool.query(`delete from suspensions where kind = 'environment'`);
  });
});
