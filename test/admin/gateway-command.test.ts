import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digest } from '../../src/base/secrets.ts';
import { gatewayCommand } from '../../src/commands/gateway.ts';
import { createPool } from '../../src/db/pool.ts';
import { listLiveCredentials } from '../../src/gateway/gateway-store.ts';
import { useDatabaseUrl } from '../support/database.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

describe('sandgate gateway', () => {
  const databaseUrl = useDatabaseUrl();
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-gateway-'));
  const pool = createPool(databaseUrl, () => undefined);
  afterAll(async () => {
    await pool.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const sandgate = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'src/index.ts', 'gateway', ...args],
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
  const live = async () => (await listLiveCredentials(pool)).map((one) => one.digest);

  test('adds one, changes its credential without a gap, and removes it', async () => {
    const added = sandgate('add', 'North entrance');
    const first = added.stdout.trim();
    expect([added.status, first]).toEqual([0, expect.stringMatching(/^sg_gw_[\w-]{43}$/)]);
    expect(await live()).toEqual([digest(first)]);

    const second = sandgate('new-key', 'North entrance').stdout.trim();
    expect(await live()).toEqual([digest(first), digest(second)]);
    expect(sandgate('new-key', 'North entrance')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('End one of them first.'),
    });

    const endings = [first.slice(-4), second.slice(-4)];
    const listed = sandgate('list').stdout;
    expect(listed).toBe(`North entrance\t\t${endings.join(',')}\n`);

    const ended = sandgate('end-key', 'North entrance', '--ending', first.slice(-4));
    expect(ended.stdout).toContain('has ended');
    expect(await live()).toEqual([digest(second)]);

    expect(sandgate('remove', 'North entrance').stdout).toContain('is removed');
    expect(await live()).toEqual([]);
    const { rows } = await pool.query(
      `select action, actor_kind from audit where subject_kind = 'gateway' order by id`,
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'gateway.made',
      'gateway.credential_made',
      'gateway.credential_made',
      'gateway.credential_ended',
      'gateway.removed',
    ]);
    expect(new Set(rows.map((row) => row.actor_kind))).toEqual(new Set(['system']));
  });

  test('says what is wrong in words, and what is live without showing it', async () => {
    const credential = sandgate('add', 'South').stdout.trim();
    expect(sandgate('end-key', 'South', '--ending', 'nope').stderr).toContain(
      `Live are: ${credential.slice(-4)}.`,
    );
    expect(sandgate('add', 'South').stderr).toContain('NAME: Another gateway has this name');
    expect(sandgate('add', 'West', '--base-url', 'moon').stderr).toContain(
      '--base-url: No API has a base URL of this name.',
    );
    expect(sandgate('new-key', 'East').stderr).toContain('There is no gateway "East".');
  });

  test.each([
    [['open', 'South'], 'Say list, or add'],
    [['list', 'South'], 'Say list, or add'],
    [['add'], 'Say list, or add'],
    [['add', 'South', 'entrance'], 'Say list, or add'],
    [['add', 'South', '--ending', 'abcd'], 'takes no --ending'],
  ])('%j is refused before anything is opened', async (args, says) => {
    const unread = () => {
      throw new Error('read the settings');
    };
    await expect(gatewayCommand.run(args, unread)).rejects.toThrow(says);
  });
});
