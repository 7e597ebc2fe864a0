import { createPasswords } from '../../src/base/passwords.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { applyDemo } from '../support/demo.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { aConsole, type Console, consoleIn } from './console-support.ts';
import { aSubscriber } from './subscriber.ts';

describe('what one account can have the console do', () => {
  const databaseUrl = useDatabaseUrl();
  const passwords = createPasswords();
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ databaseUrl, limitAddresses: true, trustProxy: true });
    await applyDemo(server);
  }, 60_000);
  afterAll(async () => {
    await server.close();
    passwords.close();
  });

  test('wrong passwords are its own: nobody else waits for them at the token endpoint', async () => {
    const mallory = await aSubscriber(server, passwords, { name: 'Mallory Quick' });
    const guessing = await consoleIn(server, mallory.browser);
    const errors: unknown[] = [];
    for (let tried = 0; tried < 110; tried += 1) {
      const { body } = await guessing.post(
        '/console/token',
        {
          subscription: mallory.subscription.id,
          grant: 'password',
          user: 'own',
          username: `guess-${tried}`,
          password: 'x',
        },
        { 'x-forwarded-for': '203.0.113.9' },
      );
      errors.push(body.error ?? (body.answer as { status: number }).status);
    }
    expect(errors.slice(0, 21)).toEqual([...Array(20).fill(400), 'too_many_attempts']);
    expect(errors.slice(20)).not.toContain(400);

    const priya: Console = await aConsole(server, 'priya.nair@larkfield.example', {
      password: 'ward-round-at-seven',
    });
    const right = {
      subscription: 'sub_larkfield_read',
      grant: 'password',
      test_user: 'tu_gp',
      scope: 'user/Patient.rs',
    };
    const { body } = await priya.post('/console/token', right);
    expect(body.token).toMatchObject({ token_type: 'Bearer' });
  });

  test('right ones are not counted, and take nothing back of what was wrong', async () => {
    const priya = await aConsole(server, 'priya.nair@larkfield.example', {
      password: 'ward-round-at-seven',
    });
    const ask = async (fields: Record<string, string>): Promise<unknown> => {
      const form = { subscription: 'sub_larkfield_read', ...fields };
      const { body } = await priya.post('/console/token', form);
      return body.token ? 'token' : (body.error ?? 'refused');
    };
    const right = { grant: 'password', test_user: 'tu_gp', scope: 'user/Patient.rs' };
    const wrong = { grant: 'password', user: 'own', username: 'asha.menon', password: 'x' };
    for (let asked = 0; asked < 25; asked += 1) expect(await ask(right)).toBe('token');
    for (let asked = 0; asked < 19; asked += 1) expect(await ask(wrong)).toBe('refused');
    expect(await ask({ grant: 'client_credentials', scope: 'system/Patient.rs' })).toBe('token');
    expect(await ask({ ...wrong, username: 'another' })).toBe('refused');
    expect(await ask({ ...wrong, username: 'another' })).toBe('too_many_attempts');
  });
});
