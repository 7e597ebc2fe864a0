import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clientCommand } from '../../src/commands/client.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { post } from '../support/flow.ts';
import { aProduct } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

describe('sandgate client', () => {
  const databaseUrl = useDatabaseUrl();
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-client-'));
  let server: TestServer;
  let productId: string;
  beforeAll(async () => {
    server = await startServer({ databaseUrl });
    ({ id: productId } = await aProduct(server.pool));
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const sandgate = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'src/index.ts', 'client', ...args],
      {
        cwd: checkout,
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          DATABASE_URL: databaseUrl,
          DATA_DIR: folder,
          SANDGATE_SECRET: 'the master secret that only the tests know, 32+ bytes',
        },
      },
    );
    return { stdout, stderr, status };
  };
  const said = (stdout: string, name: string): string =>
    new RegExp(`^${name} (\\S+)$`, 'm').exec(stdout)?.[1] ?? '';
  const machine = (id: string, secret: string) =>
    post(`${server.sandbox}/token`, { id, secret }, { grant_type: 'client_credentials' });

  test('registers a client, renews its secret, and removes it', async () => {
    const grant = ['--product', productId, '--grant', 'client_credentials'];
    const added = sandgate('add', 'Night Batch', '--id', 'night-batch', ...grant);
    expect(added.status).toBe(0);
    const secret = said(added.stdout, 'client_secret');
    expect(said(added.stdout, 'client_id')).toBe('night-batch');
    expect((await machine('night-batch', secret)).status).toBe(200);

    const listed = sandgate('list').stdout;
    expect(listed).toContain(
      'night-batch\tsandbox\tclient_secret_basic\tclient_credentials\tNight Batch',
    );
    expect(listed).not.toContain(secret);

    const renewed = sandgate('secret', 'night-batch', '--old', 'now');
    const second = said(renewed.stdout, 'client_secret');
    expect((await machine('night-batch', second)).status).toBe(200);
    expect((await machine('night-batch', secret)).status).toBe(401);

    expect(sandgate('remove', 'night-batch').stdout).toContain('removed');
    expect((await machine('night-batch', second)).status).toBe(401);
    expect(sandgate('remove', 'night-batch')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('There is no such application.'),
    });
    const { rows } = await server.pool.query(
      `select action, actor_kind from audit where subject_id = 'night-batch' order by id`,
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'client.made',
      'client.secret_made',
      'client.secret_made',
      'client.deleted',
    ]);
    expect(new Set(rows.map(({ actor_kind }) => actor_kind))).toEqual(new Set(['system']));
  }, 60_000);

  test.each<[what: string, args: string[], words: string]>([
    ['no deed', [], 'Say list'],
    ['a deed that is none', ['toString', 'x'], 'Say list'],
    ['an option of another deed', ['remove', 'x', '--old', 'now'], 'takes no --old'],
  ])('%s is refused before anything is opened', async (_, args, words) => {
    const nothing = () => {
      throw new Error('asked for its settings');
    };
    await expect(clientCommand.run(args, nothing)).rejects.toThrow(words);
  });

  test.each<[what: string, args: string[], words: string]>([
    ['no product', ['add', 'X', '--grant', 'client_credentials'], '--product: Choose at least one'],
    [
      'a product that is none',
      ['add', 'X', '--product', 'nothing', '--grant', 'password'],
      'no such product',
    ],
    [
      'a grant that is none',
      ['add', 'X', '--product', 'P', '--grant', 'implicit'],
      '--grant is one of',
    ],
    [
      'javascript:',
      [
        'add',
        'X',
        '--product',
        'P',
        '--grant',
        'authorization_code',
        '--redirect-uri',
        'javascript:alert(1)',
      ],
      '--redirect-uri: ',
    ],
    [
      'an id of the server’s own',
      ['add', 'X', '--product', 'P', '--grant', 'password', '--id', 'console_x'],
      '--id: ',
    ],
  ])(
    '%s is refused in words',
    (_, args, words) => {
      const { status, stderr, stdout } = sandgate(
        ...args.map((one) => (one === 'P' ? productId : one)),
      );
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toContain(words);
    },
    30_000,
  );
});
