import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { answerOf, authorizationUrl, newBrowser, pkce, submit } from '../support/flow.ts';
import { aClient, anAccount, aProduct, aSubscription } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redirectUri = 'https://client.example/callback';
const password = 'lantern harbour violin';

describe('a sign-in at an issuer, once the account’s password is another', () => {
  const databaseUrl = useDatabaseUrl();
  let server: TestServer;
  let client: { id: string; redirectUri: string };
  let passwordHash: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    const passwords = createPasswords();
    passwordHash = await passwords.hash(password);
    passwords.close();
    const product = await aProduct(server.pool, {
      subjects: 'accounts',
      grantTypes: ['authorization_code'],
    });
    const subscriptions = [await aSubscription(server.pool, { product })];
    const made = await aClient(server.pool, { subscriptions });
    client = { id: made.id, redirectUri };
  });
  afterAll(() => server.close());

  const url = (more: Record<string, string> = {}) =>
    authorizationUrl(server.sandbox, client, pkce().challenge, { scope: 'openid', ...more });
  const form = (email: string) => ({ username: email, password, decision: 'authorize' });

  test('a session that the old one began asks for a sign-in', async () => {
    const account = await anAccount(server.pool, { passwordHash });
    const browser = newBrowser(server.baseUrl);
    const page = await browser.open(url());
    expect(answerOf(await submit(browser, page, form(account.email))).get('code')).toBeTruthy();
    const silent = async () => answerOf(await browser.open(url({ prompt: 'none' })));
    expect((await silent()).get('code')).toBeTruthy();

    await server.pool.query(`update accounts set password_hash = 'another' where id = $1`, [
      account.id,
    ]);
    expect((await silent()).get('error')).toBe('login_required');

    // What a request under way writes back does not bring it to life again.
    await server.pool.query(`update accounts set name = 'Renamed' where id = $1`, [account.id]);
    expect((await silent()).get('error')).toBe('login_required');
  });

  test('one that was under way with the old one ends without a code', async () => {
    const account = await anAccount(server.pool, { passwordHash });
    const browser = newBrowser(server.baseUrl);
    const page = await browser.open(url());
    // Changed at the worst moment: after the old one was compared, before the browser goes on.
    await server.pool.query(`
      create function change_password() returns trigger language plpgsql as $$ begin
        update accounts set password_hash = 'another' where id = '${account.id}'; return new; end $$;
      create trigger worst_moment after update on oidc_records for each row
        when (new.kind = 'Interaction') execute function change_password();`);
    const after = await submit(browser, page, form(account.email));
    expect(after.location ?? '').not.toContain('code=');
    expect(after).toMatchObject({ status: 200, text: expect.stringContaining('asks for access') });
  });
});
