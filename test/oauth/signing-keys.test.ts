import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { calculateJwkThumbprint, exportJWK, type JSONWebKeySet, type JWK } from 'jose';
import pg from 'pg';
import { createKeyring } from '../../src/base/secrets.ts';
import { createProvider } from '../../src/oauth/provider.ts';
import { signingKeysOf } from '../../src/oauth/signing-keys.ts';
import { subjectsOf } from '../../src/oauth/subjects.ts';
import { useDatabaseUrl } from '../support/database.ts';
import { keyring } from '../support/seed.ts';
import { startInstance, startServer } from '../support/server.ts';

describe('the signing keys of an environment', () => {
  const databaseUrl = useDatabaseUrl();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  pool.on('error', () => {}); // the database is dropped with whatever is still connected
  afterAll(() => pool.end());
  beforeEach(() => pool.query('delete from signing_keys'));

  const kept = async (): Promise<string> =>
    JSON.stringify((await pool.query('select * from signing_keys order by kid')).rows);

  test('are made once, one of each algorithm, and stay what they are', async () => {
    const made = await signingKeysOf(pool, keyring, 'sandbox');
    expect(made.map(({ alg, use }) => [alg, use])).toEqual([
      ['RS256', 'sig'],
      ['ES256', 'sig'],
    ]);
    const before = await kept();
    expect(await signingKeysOf(pool, keyring, 'sandbox')).toEqual(made);
    expect(await kept()).toBe(before);
  });

  test('are made once, however many instances start at the same moment', async () => {
    const five = Array.from({ length: 5 });
    await Promise.all(five.map(() => pool.query('select pg_sleep(0.05)'))); // five open connections
    const made = await Promise.all(five.map(() => signingKeysOf(pool, keyring, 'sandbox')));
    for (const keys of made) expect(keys).toEqual(made[0]);
    const { rows } = await pool.query('select count(*)::int as keys from signing_keys');
    expect(rows).toEqual([{ keys: 2 }]);
  });

  test('are the same at two whole servers that start at once, and other ones in live', async () => {
    const baseUrl = 'http://127.0.0.1:1'; // both instances stand behind it
    const [first, second] = await Promise.all([
      startInstance({ databaseUrl, baseUrl }),
      startInstance({ databaseUrl, baseUrl }),
    ]);
    await Promise.all([first.close(), second.close()]);
    const { rows } = await pool.query(
      'select environment, alg, count(*)::int as keys from signing_keys group by 1, 2 order by 1, 2',
    );
    expect(rows).toEqual(
      ['live', 'sandbox'].flatMap((environment) =>
        ['ES256', 'RS256'].map((alg) => ({ environment, alg, keys: 1 })),
      ),
    );
    const server = await startServer({ databaseUrl });
    const published: JWK[] = [];
    for (const issuer of [server.sandbox, server.live]) {
      const set = (await (await fetch(`${issuer}/jwks`)).json()) as JSONWebKeySet;
      published.push(...set.keys);
    }
    await server.close();
    const prints = await Promise.all(published.map((key) => calculateJwkThumbprint(key)));
    expect(new Set(prints).size).toBe(4);
    for (const key of published) {
      expect(Object.keys(key).filter((member) => /^(d|p|q|dp|dq|qi|k)$/.test(member))).toEqual([]);
    }
  });

  test('are sealed where they lie: no part of a private key can be read in the database', async () => {
    const keys = await signingKeysOf(pool, keyring, 'sandbox');
    const { rows } = await pool.query<{ sealed: Buffer }>('select sealed from signing_keys');
    for (const { sealed } of rows) {
      expect(sealed.toString('latin1')).not.toMatch(/PRIVATE|BEGIN|"kty"|"d"/);
      expect(() => createPrivateKey(sealed)).toThrow();
    }
    const all = Buffer.concat(rows.map(({ sealed }) => sealed));
    for (const key of keys) {
      const secret = Buffer.from(String(key.d), 'base64url');
      expect(all.includes(secret)).toBe(false);
      expect(all.includes(Buffer.from(String(key.d)))).toBe(false);
      const pem = createPrivateKey({ key: key as never, format: 'jwk' }).export({
        type: 'pkcs8',
        format: 'der',
      });
      expect(all.includes(pem.subarray(30, 60))).toBe(false);
    }
  });

  test('cannot be moved to the other environment: what is sealed there does not open here', async () => {
    await signingKeysOf(pool, keyring, 'sandbox');
    await pool.query(`update signing_keys set environment = 'live'`);
    await expect(signingKeysOf(pool, keyring, 'live')).rejects.toThrow(/cannot be opened/);
  });

  describe('with another master secret', () => {
    const stranger = createKeyring('another master secret than the one of the tests');

    test('refuse in plain words, and no key is made over them', async () => {
      await signingKeysOf(pool, keyring, 'sandbox');
      const before = await kept();
      await expect(signingKeysOf(pool, stranger, 'sandbox')).rejects.toThrow(
        'SANDGATE_SECRET is not the one that this database was set up with',
      );
      expect(await kept()).toBe(before);
    });

    test('refuse also where one of them is missing', async () => {
      await signingKeysOf(pool, keyring, 'sandbox');
      await pool.query(`delete from signing_keys where alg = 'ES256'`);
      const before = await kept();
      await expect(signingKeysOf(pool, stranger, 'sandbox')).rejects.toThrow(/set up with/);
      expect(await kept()).toBe(before);
      const [rsa, ec] = await signingKeysOf(pool, keyring, 'sandbox'); // the right one mends it
      expect([rsa?.alg, ec?.alg]).toEqual(['RS256', 'ES256']);
    });
  });

  test('are in no error, even where the library refuses one', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...(await exportJWK(privateKey)), kid: 'one', alg: 'RS256', use: 'sig' };
    const create = (signingKeys: object[]) => () =>
      createProvider({
        environment: 'sandbox',
        baseUrl: 'http://127.0.0.1:1',
        pool,
        signingKeys: signingKeys as never,
        cookieKeys: keyring.cookieKeys,
        findSubject: subjectsOf(pool, 'sandbox'),
        checkTestUser: null,
      });
    expect(create([key])).not.toThrow();
    const { qi: _missing, ...broken } = key;
    for (const keys of [[key, key], [broken], [{ ...key, use: 'nonsense' }]]) {
      let thrown: unknown;
      try {
        create(keys)();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Error);
      const shown = `${inspect(thrown, { depth: 20, showHidden: true })} ${JSON.stringify(thrown)}`;
      for (const part of [key.d, key.p, key.q, key.dp]) expect(shown).not.toContain(part);
    }
  });
});
