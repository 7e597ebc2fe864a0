import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Busy, InvalidInput } from './errors.ts';

/** Hashes what people chose, with argon2id, in a process of its own: see password-process.cjs. */
export type Passwords = {
  /** @throws {InvalidInput} when the password is longer than anyone types. @throws {Busy} */
  hash(password: string): Promise<string>;
  /** @throws {Busy} when too many are waiting, or the process died over this one. */
  verify(hash: string, password: string): Promise<boolean>;
  /** False, after the work of one verify: for a name that does not exist. @throws {Busy} */
  dummyVerify(password: string): Promise<false>;
  /** Ends the process; whatever still waits is refused with Busy. */
  close(): void;
};

type Job = {
  id: number;
  password: string;
  hash?: string;
  resolve: (value: string | boolean) => void;
  reject: (error: Error) => void;
};
type Answer = { id: number; value?: string | boolean };

const program = fileURLToPath(new URL('./password-process.cjs', import.meta.url));

/** Of a random password that nobody kept; same parameters, so verifying against it takes as long. */
const dummyHash =
  '$argon2id$v=19$m=19456,t=2,p=1$pNBSnVTcN5hsO7Re3bXuaw$g50JDrdTBRN1yZUSdvKsvIPFIVq+A+6q8JdYLwUVkOQ';

/** Whether a hash was made by other parameters than today's. */
export const needsRehash = (hash: string): boolean =>
  !hash.startsWith(dummyHash.slice(0, dummyHash.indexOf('p=1$') + 4));

const busy = (): Busy =>
  new Busy('passwords_busy', 'Too many people are signing in just now. Please try again.', 2);

/**
 * NFC, so that a password typed on another keyboard is the same one (SP 800-63B section 3.1.1.2);
 * undefined when it is over 1024 characters or 4096 bytes.
 */
function prepared(password: string): string | undefined {
  if (password.length > 1024) return undefined;
  const normal = password.normalize('NFC');
  return Buffer.byteLength(normal) > 4096 ? undefined : normal;
}

/** @param maxQueue how many may wait beyond the `concurrency` being hashed. */
export function createPasswords({
  concurrency = availableParallelism(),
  maxQueue = 100,
}: {
  concurrency?: number;
  maxQueue?: number;
} = {}): Passwords {
  const waiting: Job[] = [];
  const running = new Map<number, Job>();
  let child: ChildProcess | undefined;
  let lastId = 0;

  /** Refuses what the process took with it; what still waits goes to the next one. */
  const lose = (lost: ChildProcess): void => {
    if (lost !== child) return;
    child = undefined;
    const jobs = [...running.values()];
    running.clear();
    for (const job of jobs) job.reject(busy());
    advance();
  };

  const start = (): ChildProcess => {
    const started = fork(program, [], {
      execArgv: [], // not the parent's loaders or its debugger port
      env: { UV_THREADPOOL_SIZE: String(concurrency) }, // and none of its secrets
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    started.on('message', (answer) => settle(answer as Answer)); // our own program writes them
    started.on('error', () => lose(started));
    started.on('exit', () => lose(started));
    started.unref();
    return started;
  };

  const settle = ({ id, value }: Answer): void => {
    const job = running.get(id);
    running.delete(id);
    if (value === undefined) job?.reject(new Error('argon2 could not read the stored hash'));
    else job?.resolve(value);
    advance();
  };

  const advance = (): void => {
    while (running.size < concurrency) {
      const job = waiting.shift();
      if (!job) break;
      running.set(job.id, job);
      child ??= start();
      const { id, password, hash } = job;
      const used = child;
      used.send({ id, password, hash }, (error) => error && lose(used));
    }
    // Someone waits for the answer while there is work; an idle process keeps nobody alive.
    if (running.size > 0) child?.channel?.ref();
    else child?.channel?.unref();
  };

  const work = (password: string, hash?: string): Promise<string | boolean> =>
    new Promise((resolve, reject) => {
      if (running.size >= concurrency && waiting.length >= maxQueue) return reject(busy());
      lastId += 1;
      waiting.push({ id: lastId, password, hash, resolve, reject });
      advance();
    });

  return {
    async hash(password) {
      const normal = prepared(password);
      if (normal === undefined) {
        throw new InvalidInput({ password: 'Please choose one of at most 1024 characters.' });
      }
      return (await work(normal)) as string; // without a hash to compare, the answer is a hash
    },
    async verify(hash, password) {
      const normal = prepared(password);
      return normal !== undefined && (await work(normal, hash)) === true;
    },
    async dummyVerify(password) {
      const normal = prepared(password);
      if (normal !== undefined) await work(normal, dummyHash);
      return false;
    },
    close() {
      for (const job of waiting.splice(0)) job.reject(busy());
      const ended = child;
      if (!ended) return;
      lose(ended);
      if (ended.connected) ended.disconnect();
    },
  };
}
