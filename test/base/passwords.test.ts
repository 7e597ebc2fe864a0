import { execFile, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createPasswords, type Passwords } from '../../src/base/passwords.ts';

const source = (file: string): string =>
  fileURLToPath(new URL(`../../src/base/${file}`, import.meta.url));

describe('passwords', () => {
  const made: Passwords[] = [];
  const passwordsOf = (options?: Parameters<typeof createPasswords>[0]): Passwords => {
    const passwords = createPasswords(options);
    made.push(passwords);
    return passwords;
  };
  afterAll(() => made.forEach((passwords) => void passwords.close()));
  const passwords = passwordsOf();

  test('a password opens its own hash and no other does', async () => {
    const hash = await passwords.hash('correct horse battery');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(hash, 'correct horse battery')).toBe(true);
    expect(await passwords.verify(hash, 'correct horse batterz')).toBe(false);
  });

  test('all of a long password counts', async () => {
    const long = 'x'.repeat(1000);
    const hash = await passwords.hash(`${long}a`);
    expect(await passwords.verify(hash, `${long}b`)).toBe(false);
    expect(await passwords.verify(hash, `${long}a`)).toBe(true);
  });

  test('é is the same password from every keyboard', async () => {
    const hash = await passwords.hash('caf\u00e9 au lait pour moi');
    expect(await passwords.verify(hash, 'cafe\u0301 au lait pour moi')).toBe(true);
  });

  test.each([
    ['over 1024 characters', 'x'.repeat(1025)],
    ['over 4096 bytes', '\u{10348}'.repeat(512) + '€'.repeat(900)],
  ])('what is %s is refused before it costs anything', async (_, password) => {
    await expect(passwords.hash(password)).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await passwords.verify('not even a hash', password)).toBe(false);
  });

  test('beyond the queue the answer is Busy, and who waited is served', async () => {
    const narrow = passwordsOf({ concurrency: 1, maxQueue: 2 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => narrow.dummyVerify('anything')),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(3).fill('fulfilled'),
      ...Array(2).fill('rejected'),
    ]);
    expect(outcomes.at(-1)).toMatchObject({
      reason: { name: 'Busy', code: 'passwords_busy', retryAfter: 2 },
    });
  });

  test('when the process dies the one in work is told Busy and the next one is served', async () => {
    const before = childrenOf(process.pid);
    const fragile = passwordsOf({ concurrency: 1 });
    const lost = fragile.hash('first').catch((error) => error);
    const waiting = fragile.hash('second');
    for (const pid of childrenOf(process.pid).filter((one) => !before.includes(one))) {
      process.kill(pid, 'SIGKILL');
    }
    expect(await lost).toMatchObject({ code: 'passwords_busy' });
    expect(await waiting).toMatch(/^\$argon2id/);
  });

  test('a stored hash that is none is an error without the password in it', async () => {
    const error = await passwords.verify('$nonsense', 'my secret').catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('my secret');
  });

  test('hashing keeps no process from ending', async () => {
    const program = `const { createPasswords } = await import(${JSON.stringify(source('passwords.ts'))});
      console.log((await createPasswords().hash('a password')).slice(0, 9));`;
    const run = promisify(execFile);
    const args = ['--import', 'tsx', '--input-type=module', '-e', program];
    const { stdout } = await run(process.execPath, args, { timeout: 20_000 });
    expect(stdout.trim()).toBe('$argon2id');
  });

  test('the process ends with its parent, and every thread of it gives way to others', async () => {
    const child = fork(source('password-process.cjs'), { execArgv: [] });
    const answer = new Promise((resolve) => child.once('message', resolve));
    child.send({ id: 1, password: 'a password' });
    await answer;
    if (process.platform === 'linux') expect(busyThreadsOf(child.pid ?? 0)).toEqual([10, 10]);

    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect(); // what it sees of a parent that was killed
    expect(await Promise.race([ended, wait(5_000, 'still there', { ref: false })])).toBe(0);
  });
});

const statOf = (path: string): string[] => {
  const text = readFileSync(path, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

/** Process ids; Linux only, empty elsewhere. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return statOf(`/proc/${pid}/stat`)[1] === String(parent);
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}

/** The niceness of the two threads that had most to do: the main one and the one that hashed. */
function busyThreadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => statOf(`/proc/${pid}/task/${thread}/stat`))
    .map((stat) => ({ time: Number(stat[11]) + Number(stat[12]), nice: Number(stat[16]) }))
    .sort((a, b) => b.time - a.time)
    .slice(0, 2)
    .map(({ nice }) => nice);
}
