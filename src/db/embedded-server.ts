import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import type { Home } from './embedded-home.ts';

const role = 'sandgate';
const database = 'postgres';
const draftPrefix = 'data-';
const logLimit = 10_000_000; // bytes; a longer log is begun anew at the next start

export const logFile = (home: Home): string => join(home.directory, 'postgres.log');

/** The address for a pool. Only the loopback interface listens, and the password is this cluster's own. */
export const urlOf = (home: Home, port: number): string =>
  `postgres://${role}:${home.password}@127.0.0.1:${port}/${database}?sslmode=disable`;

/** Makes the cluster unless it is there. Appears complete or not at all, whoever else tries. */
export async function initialise(home: Home): Promise<void> {
  if (existsSync(home.data)) return;
  const draft = mkdtempSync(join(home.directory, draftPrefix));
  const password = join(home.directory, 'password');
  try {
    for (const path of home.runAs ? [draft, password] : []) {
      chownSync(path, home.runAs?.uid ?? 0, home.runAs?.gid ?? 0);
    }
    const seen = seenFrom(home);
    const child = run(home, 'initdb', [
      ...['--pgdata', seen(draft.slice(home.directory.length + 1))],
      ...['--username', role, '--auth', 'scram-sha-256', '--pwfile', seen('password')],
      ...['--encoding', 'UTF8', '--locale', 'C'],
      ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'], // lower() knows all letters
      '--no-sync',
    ]);
    const code = await exited(child);
    if (code !== 0) throw new Error(`PostgreSQL could not be set up:\n${endOfLog(home)}`);
    renameSync(draft, home.data);
  } catch (error) {
    if (!existsSync(home.data)) throw error; // another process was first
  } finally {
    if (home.runAs) chownSync(password, 0, 0); // initdb has read it
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Removes what set-ups that were killed left behind, a minute ago or more: others may be at it now. */
export function sweep(home: Home): void {
  for (const name of readdirSync(home.directory)) {
    const path = join(home.directory, name);
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (!name.startsWith(draftPrefix) || Date.now() - changed < 60_000) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

/** Starts the postmaster; `settings` are lines of postgresql.conf. */
export function startPostmaster(
  home: Home,
  port: number,
  settings: Record<string, string>,
): ChildProcess {
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return run(home, 'postgres', [
    ...['-D', seenFrom(home)('data'), '-p', String(port)],
    ...['-c', 'listen_addresses=127.0.0.1'],
    ...['-c', 'unix_socket_directories='], // their paths may be at most 107 bytes long
    ...given,
  ]);
}

/**
 * How PostgreSQL is told where its files are. The user that root drops to may be unable to enter
 * the directories above, so it gets an open descriptor of this one instead of a path.
 */
function seenFrom(home: Home): (name: string) => string {
  const throughDescriptor = home.runAs !== undefined && process.platform === 'linux';
  return (name) => (throughDescriptor ? `/proc/self/fd/3/${name}` : join(home.directory, name));
}

function run(home: Home, program: string, args: string[]): ChildProcess {
  const file = logFile(home);
  const tooLong = existsSync(file) && statSync(file).size > logLimit;
  const log = openSync(file, tooLong ? 'w' : 'a', 0o600);
  if (home.runAs) fchownSync(log, home.runAs.uid, home.runAs.gid);
  const directory = process.platform === 'win32' ? undefined : openSync(home.directory, 'r');
  try {
    const child = spawn(join(home.programs, program), args, {
      ...home.runAs,
      cwd: home.programs, // one that the user we drop to may enter
      detached: true, // a Ctrl-C in the terminal is for us; we stop PostgreSQL in our order
      windowsHide: true,
      stdio: ['ignore', log, log, directory ?? 'ignore'],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
    if (directory !== undefined) closeSync(directory);
  }
}

/** The exit code; a program that cannot be started at all throws. */
export const exited = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve, reject) => {
        child.ref();
        child.once('error', reject);
        child.once('exit', (code) => resolve(code));
      });

/** What postmaster.pid claims: it may be left over, and its process id taken by another program. */
export function claimedPostmaster(
  home: Home,
): { pid: number; port: number; age: number } | undefined {
  const file = pidFile(home);
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const age = Date.now() - statSync(file).mtimeMs; // milliseconds
    return { pid: Number(lines[0]), port: Number(lines[3]), age };
  } catch {
    return undefined;
  }
}

export const pidFile = (home: Home): string => join(home.data, 'postmaster.pid');

/** Not so for a process of another user: that is never our postmaster. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * A session with the postmaster of *this* data directory; `busy` while that is starting or
 * stopping; `nobody` when the port is silent or another server's. SCRAM lets each side prove that
 * it knows the password, and a file that only its own postmaster can read tells a copy of the
 * directory from the original.
 */
export async function reach(home: Home, port: number): Promise<pg.Client | 'busy' | 'nobody'> {
  if (!(port > 0)) return 'nobody'; // half a postmaster.pid
  const name = `sandgate-proof-${randomBytes(6).toString('hex')}`;
  const proof = randomBytes(16).toString('hex');
  const client = new pg.Client({
    connectionString: urlOf(home, port),
    application_name: `sandgate ${process.pid}`,
    connectionTimeoutMillis: 3_000,
  });
  client.on('error', () => {}); // 'end' follows, and a query under way is rejected
  try {
    await client.connect();
    writeFileSync(join(home.data, name), proof, { mode: 0o644 }); // the directory itself is 0700
    const { rows } = await client.query('select pg_read_file($1, true) as proof', [name]);
    if (rows[0]?.proof === proof) return client;
  } catch (error) {
    const startingOrStopping = ['57P01', '57P03'];
    if (startingOrStopping.includes((error as { code?: string }).code ?? '')) return 'busy';
  } finally {
    rmSync(join(home.data, name), { force: true });
  }
  await client.end().catch(() => {});
  return 'nobody';
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }; // a TCP server's address is an object
      server.close(() => resolve(port));
    });
  });

/** The last lines of PostgreSQL's own log, for an error message. */
export const endOfLog = (home: Home): string =>
  `${readFileSync(logFile(home), 'utf8').trimEnd().split('\n').slice(-8).join('\n')}\n(from ${logFile(home)})`;
