import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../src/commands/command.ts';
import { liftCommand, suspendCommand } from '../../src/commands/switch.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aClient } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('sandgate suspend and lift', () => {
  const databaseUrl = useDatabaseUrl();
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-switch-'));
  let server: TestServer;
  let config: Config;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    config = readConfig({
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      SANDGATE_SECRET: 'the master secret that only the tests know, 32+ bytes',
    });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const write = process.stdout.write;
  let said: string[];
  beforeEach(() => {
    said = [];
    process.stdout.write = ((text: string) => said.push(text) > 0) as typeof process.stdout.write;
  });
  afterEach(() => {
    process.stdout.write = write;
  });

  test('stop a client of a server that runs, and bring it back', async () => {
    const client = await aClient(server.pool);
    const machine = async () =>
      (await post(`${server.sandbox}/token`, client, { grant_type: 'client_credentials' })).status;
    expect(await machine()).toBe(200);
    await suspendCommand.run(['client', client.id, '--reason', 'A leak.'], () => config);
    expect(await machine()).toBe(401);
    await liftCommand.run(['client', client.id, '--reason', 'Mended.'], () => config);
    expect(await machine()).toBe(200);
    expect(said).toEqual([
      `The client ${client.id} is suspended, at once.\n`,
      `The client ${client.id} is no longer suspended.\n`,
    ]);
    const { rows } = await server.pool.query(
      'select actor_kind, action, reason from audit where subject_id = $1 order by id',
      [client.id],
    );
    expect(rows).toEqual([
      { actor_kind: 'system', action: 'client.suspended', reason: 'A leak.' },
      { actor_kind: 'system', action: 'client.suspension_lifted', reason: 'Mended.' },
    ]);
  });

  test.each([
    ['no reason', ['client', 'x'], UsageError],
    ['an empty one', ['client', 'x', '--reason', ' '], UsageError],
    ['no id', ['client', '--reason', 'x'], UsageError],
    ['too much', ['client', 'x', 'y', '--reason', 'x'], UsageError],
    ['a kind without a switch', ['api', 'x', '--reason', 'x'], /nothing of that name/],
    [
      'an environment that is none',
      ['environment', 'test', '--reason', 'x'],
      /nothing of that name/,
    ],
    ['a client that is not there', ['client', 'nobody', '--reason', 'x'], /nothing of that name/],
  ])('refuse %s', async (_, args, error) => {
    await expect(suspendCommand.run(args as string[], () => config)).rejects.toThrow(
      error as RegExp,
    );
    expect(said).toEqual([]);
  });
});
