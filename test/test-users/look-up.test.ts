import { checkTestUserPassword } from '../../src/test-users/service.ts';
import {
  findTestUser,
  findTestUserByUsername,
  listTestUsersFor,
} from '../../src/test-users/store.ts';
import { useDatabase } from '../support/database.ts';
import { aTeam, aTestUser, keyring } from '../support/seed.ts';

describe('test users', () => {
  const pool = useDatabase();
  const usernames = async (teamId: string | null): Promise<string[]> =>
    (await listTestUsersFor(pool, teamId)).map(({ username }) => username);

  test('the shared ones are listed in their order, a team’s own to that team only', async () => {
    const team = await aTeam(pool);
    await aTestUser(pool, { username: 'second', position: 2 });
    await aTestUser(pool, { username: 'first', position: 1 });
    await aTestUser(pool, { username: 'own', position: 0, team });

    expect(await usernames(null)).toEqual(['first', 'second']);
    expect(await usernames((await aTeam(pool)).id)).toEqual(['first', 'second']);
    expect(await usernames(team.id)).toEqual(['first', 'second', 'own']);
  });

  test('a team’s own comes before a shared one of the same name, and is no one else’s', async () => {
    const team = await aTeam(pool);
    const shared = await aTestUser(pool, { username: 'sam' });
    const own = await aTestUser(pool, { username: 'sam', team });
    const hidden = await aTestUser(pool, { username: 'hidden', team });
    const find = async (username: string, teamId: string | null) =>
      (await findTestUserByUsername(pool, username, teamId))?.id;

    expect(await find('sam', team.id)).toBe(own.id);
    expect(await find('sam', (await aTeam(pool)).id)).toBe(shared.id);
    expect(await find('sam', null)).toBe(shared.id);
    expect(await find('hidden', team.id)).toBe(hidden.id);
    expect(await find('hidden', null)).toBeUndefined();
    expect(await find('hidden', (await aTeam(pool)).id)).toBeUndefined();
  });

  test('one carries its profile', async () => {
    const { id } = await aTestUser(pool, {
      role: 'carer',
      patient: 'NM-0007',
      claims: { email: 'owen@example.com' },
    });
    expect(await findTestUser(pool, id)).toMatchObject({
      role: 'carer',
      patient: 'NM-0007',
      claims: { email: 'owen@example.com' },
    });
  });

  test('credentials open the one they belong to, whole and exact', async () => {
    const team = await aTeam(pool);
    const long = `${'x'.repeat(100)}a`;
    const own = await aTestUser(pool, { username: 'long', password: long, team });
    const check = async (username: string, password: string, teamId: string | null = team.id) =>
      (await checkTestUserPassword(pool, keyring, { username, password, teamId }))?.id;

    expect(await check('long', long)).toBe(own.id);
    expect(await check('long', `${'x'.repeat(100)}b`)).toBeUndefined();
    expect(await check('long', '')).toBeUndefined();
    expect(await check('long', long, null)).toBeUndefined();
    expect(await check('nobody', long)).toBeUndefined();
    expect(await check('long\0', long)).toBeUndefined();
  });

  test('an unknown name costs what a known one does', async () => {
    const { username } = await aTestUser(pool);
    const opened: string[] = [];
    const counting = {
      ...keyring,
      open: (sealed: Buffer, context: string) => {
        opened.push(context);
        return keyring.open(sealed, context);
      },
    };
    for (const name of [username, 'nobody']) {
      await checkTestUserPassword(pool, counting, { username: name, password: 'x', teamId: null });
    }
    expect(opened).toHaveLength(2);
  });
});
