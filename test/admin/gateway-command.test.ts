import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { digest } from '../../src/base/secrets.ts';
import { gatewayCommand } from '../../src/commands/gateway.ts';
import { readConfig } from '../../src/config.ts';
import { createPool } from '../../src/db/pool.ts';
import { listLiveCredentials } from '../../src/gateway/gateway-store.ts';
import { useDatabaseUrl } from '../support/database.ts';

describe('sandgate gateway', () => {
  const databaseUrl = useDatabaseUrl();
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-gateway-'));
  const pool = createPool(databaseUrl, () => undefined);
  afterAll(async () => {
    await pool.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const settings = () =>
    readConfig({
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      SANDGATE_SECRET: 'the master secret that only the tests know, 32+ bytes',
    });
  /** What it says on standard output. */
  async function sandgate(...args: string[]): Promise<string> {
    let said = '';
    const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    try {
      await gatewayCommand.run(args, settings);
    } finally {
      out.mockRestore();
    }
    return said;
  }
  const live = async () => (await listLiveCredentials(pool)).map((one) => one.digest);

  test('adds one, changes its credential without a gap, and removes it', async () => {
    const first = (await sandgate('add', 'North entrance')).trim();
    expect(first).toMatch(/^sg_gw_[\w-]{43}$/);
    expect(await live()).toEqual([digest(first)]);

    const second = (await sandgate('new-key', 'North entrance')).trim();
    expect(await live()).toEqual([digest(first), digest(second)]);
    await expect(sandgate('new-key', 'North entrance')).rejects.toThrow('End one of them first.');

    const endings = [first.slice(-4), second.slice(-4)];
    const listed = await sandgate('list');
    expect(listed).toBe(`North entrance\t\t${endings.join(',')}\n`);

    const ended = await sandgate('end-key', 'North entrance', '--ending', first.slice(-4));
    expect(ended).toContain('has ended');
    expect(await live()).toEqual([digest(second)]);

    expect(await sandgate('remove', 'North entrance')).toContain('is removed');
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
    const credential = (await sandgate('add', 'South')).trim();
    await expect(sandgate('end-key', 'South', '--ending', 'nope')).rejects.toThrow(
      `Live are: ${credential.slice(-4)}.`,
    );
    await expect(sandgate('add', 'South')).rejects.toThrow('NAME: Another gateway has this name');
    await expect(sandgate('add', 'West', '--base-url', 'moon')).rejects.toThrow(
      '--base-url: No API has a base URL of this name.',
    );
    await expect(sandgate('new-key', 'East')).rejects.toThrow('There is no gateway "East".');
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
