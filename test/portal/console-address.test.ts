import { createKeyring } from '../../src/base/secrets.ts';
import { onBehalfHeader, onBehalfOf } from '../../src/http/on-behalf.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { post } from '../support/flow.ts';
import { aClient, keyring } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aConsole, type Console } from './console-support.ts';

describe('where a password that is tried in the console is counted', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let priya: Console;
  let client: Awaited<ReturnType<typeof aClient>>;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, limitAddresses: true, trustProxy: true });
    await applyDemo(server);
    priya = await aConsole(server, 'priya.nair@larkfield.example', {
      password: 'ward-round-at-seven',
    });
    client = await aClient(server.pool);
  }, 60_000);
  afterAll(() => server.close());
  afterEach(() => server.pool.query('delete from throttles'));

  /** At the token endpoint itself, by many names; how often it was not told to wait. */
  async function tryWrongOnes(count: number, headers: () => Record<string, string>) {
    let counted = 0;
    for (let tried = 0; tried < count; tried += 1) {
      const form = { grant_type: 'password', username: `guess-${tried}`, password: 'x' };
      const { status } = await post(`${server.sandbox}/token`, client, form, headers());
      if (status === 400) counted += 1;
    }
    return counted;
  }

  const inConsole = async (address: string): Promise<number> => {
    const form = {
      subscription: 'sub_larkfield_read',
      grant: 'password',
      test_user: 'tu_gp',
      scope: 'user/Patient.rs',
    };
    const { body } = await priya.post('/console/token', form, { 'x-forwarded-for': address });
    return (body.answer as { status: number }).status;
  };

  test('is the address of the browser, as everywhere', async () => {
    expect(await tryWrongOnes(101, () => ({ 'x-forwarded-for': '203.0.113.9' }))).toBe(100);
    expect(await inConsole('203.0.113.9')).toBe(429);
    expect(await inConsole('203.0.113.10')).toBe(200);
  });

  test('this server’s own stays free, and shown is that there is such a header, not what it says', async () => {
    expect(await tryWrongOnes(101, () => ({}))).toBe(100); // they come from where we are
    expect(await inConsole('203.0.113.11')).toBe(200);
    const { body } = await priya.post('/console/token', {
      subscription: 'sub_larkfield_read',
      grant: 'client_credentials',
    });
    const { request } = body as { request: { text: string } };
    expect(JSON.stringify(request)).toContain(onBehalfHeader);
    expect(JSON.stringify(request)).toMatch(new RegExp(`${onBehalfHeader}[^A-Za-z0-9_-]+•`));
  });

  test('nobody else can name one', async () => {
    const other = createKeyring('another master secret, of somebody else entirely');
    const old = keyring
      .seal(
        JSON.stringify({ address: '203.0.113.20', at: Date.now() - 61_000 }),
        `header ${onBehalfHeader}`,
      )
      .toString('base64url');
    const elsewhere = keyring
      .seal(JSON.stringify({ address: '203.0.113.20', at: Date.now() }), 'client_secrets.sealed 1')
      .toString('base64url');
    const forged = ['203.0.113.20', onBehalfOf(other, '203.0.113.20'), old, elsewhere];
    const headers = () => ({ [onBehalfHeader]: forged.shift() ?? 'x' });
    expect(await tryWrongOnes(101, headers)).toBe(100);
    expect(await tryWrongOnes(1, () => ({ 'x-forwarded-for': '203.0.113.20' }))).toBe(1);
    // ours would be believed
    expect(
      await tryWrongOnes(1, () => ({ [onBehalfHeader]: onBehalfOf(keyring, '203.0.113.21') })),
    ).toBe(1);
  });
});
