import { checkPassword } from '../../src/accounts/service.ts';
import { findAccountByEmail } from '../../src/accounts/store.ts';
import { createPasswords, type Passwords } from '../../src/base/passwords.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount } from '../support/seed.ts';

describe('checking the password of an account', () => {
  const pool = useDatabase();
  const passwords = createPasswords();
  afterAll(() => passwords.close());
  const password = 'ward round at seven';

  /** Counts the hashes that a check costs. */
  const counted = (): { passwords: Passwords; hashes: () => number } => {
    let hashes = 0;
    const count =
      <Given extends unknown[], Result>(work: (...given: Given) => Result) =>
      (...given: Given): Result => {
        hashes += 1;
        return work(...given);
      };
    return {
      passwords: {
        ...passwords,
        verify: count(passwords.verify),
        dummyVerify: count(passwords.dummyVerify),
      },
      hashes: () => hashes,
    };
  };

  test('opens the account, in whatever case the address is typed', async () => {
    const passwordHash = await passwords.hash(password);
    const { id } = await anAccount(pool, { email: 'Priya@Example.com', passwordHash });
    const found = await checkPassword(pool, passwords, 'pRIYA@example.COM', password);
    expect(found).toMatchObject({ id, email: 'Priya@Example.com' });
    expect(JSON.stringify(found)).not.toContain('argon2');
    expect(await findAccountByEmail(pool, 'priya@example.com')).toMatchObject({ id });
  });

  test.each([
    ['a wrong password', 'known@example.com', 'wrong'],
    ['an unknown address', 'nobody@example.com', password],
    ['an account that is not verified', 'unverified@example.com', password],
    ['an account without a password', 'passwordless@example.com', password],
    ['an address that no database would take', 'nul\0@example.com', password],
  ])('%s opens nothing, at the cost of one hash', async (_, email, given) => {
    const passwordHash = await passwords.hash(password);
    await anAccount(pool, { email: 'known@example.com', passwordHash });
    const unverified = { email: 'unverified@example.com', passwordHash, emailVerified: false };
    await anAccount(pool, unverified);
    await anAccount(pool, { email: 'passwordless@example.com' });

    const counting = counted();
    expect(await checkPassword(pool, counting.passwords, email, given)).toBeUndefined();
    expect(counting.hashes()).toBe(1);
  });
});
