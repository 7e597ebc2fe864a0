import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Home, prepareHome } from './embedded-home.ts';
import {
  claimedPostmaster,
  endOfLog,
  exited,
  freePort,
  initialise,
  isAlive,
  pidFile,
  reach,
  startPostmaster,
  sweep,
  urlOf,
} from './embedded-server.ts';

export type Embedded = {
  /** Stays the same for as long as the owner lives, even if PostgreSQL has to be restarted. */
  readonly url: string;
  /** Whether this process keeps PostgreSQL running and stops it. */
  readonly owner: boolean;
  stop(): Promise<void>;
};

type Options = {
  /** Everything lies in `dataDir`/postgres. */
  dataDir: string;
  /** A server must own the directory; a command joins the server that does, if there is one. */
  role: 'owner' | 'guest-or-owner';
  /** Lines of postgresql.conf; an adopted PostgreSQL keeps those it was started with. */
  settings?: Record<string, string>;
  /** Hears of a PostgreSQL that broke under us and was started again. */
  log?: (line: string) => void;
};

const patience = 60_000; // milliseconds, for a start that has to recover after a crash

/**
 * Starts a real PostgreSQL for development, or takes over the one that a killed server left
 * behind. The owner is whoever holds an advisory lock in it, so the kernel gives the lock back
 * when a process dies in whatever way; PostgreSQL itself sees to it that a data directory never
 * has two postmasters.
 * @throws {Error} a sentence for people: in use by another process, no package for this machine, …
 */
export async function startEmbedded(options: Options): Promise<Embedded> {
  const home = await homeOf(options.dataDir);
  const { session, port } = await ensureRunning(home, options);
  const otherOwner = await takeLock(session);
  if (otherOwner !== undefined) {
    await session.end();
    if (options.role === 'owner') {
      throw new Error(
        `Another Sandgate (process ${otherOwner}) is using ${options.dataDir}. ` +
          'Stop it, or set DATA_DIR to another directory.',
      );
    }
    return { url: urlOf(home, port), owner: false, stop: async () => {} };
  }
  sweep(home);
  return own(home, session, port, options);
}

async function homeOf(dataDir: string): Promise<Home> {
  try {
    const home = await prepareHome(dataDir);
    await initialise(home);
    refuseOtherVersion(home, dataDir);
    return home;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EACCES') throw cause;
    const why = `${dataDir} belongs to another user, perhaps because root started Sandgate there.`;
    throw new Error(`${why} Run as that user, or set DATA_DIR to another directory.`, { cause });
  }
}

/** Holds the lock, brings PostgreSQL back if it breaks, and stops it in the end. */
function own(home: Home, firstSession: pg.Client, port: number, options: Options): Embedded {
  const { log = () => {} } = options;
  let session = firstSession;
  let stopping = false;
  let lost = false; // another process has taken over while PostgreSQL was down

  let regaining = Promise.resolve();
  const watch = () =>
    session.once('end', () => {
      if (!stopping) regaining = regain();
    });
  const regain = async (): Promise<void> => {
    log('PostgreSQL broke off; starting it again.');
    while (!stopping) {
      try {
        session = (await ensureRunning(home, options, port, () => stopping)).session;
        const other = await takeLock(session);
        if (other === undefined) return void watch();
        lost = true;
        log(`Process ${other} has taken over ${home.directory}.`);
        return await session.end();
      } catch (error) {
        if (!stopping) log(`PostgreSQL could not be started again: ${error}`);
        await sleep(500);
      }
    }
  };

  const interrupt = () => {
    const pid = claimedPostmaster(home)?.pid;
    if (pid && !lost) process.kill(pid, 'SIGINT'); // "fast": sessions are broken off, nothing is lost
  };
  // A process that ends without stop(), say by an uncaught error, takes PostgreSQL with it.
  const lastResort = () => {
    try {
      interrupt();
    } catch {} // it is gone already
  };
  process.once('exit', lastResort);

  watch();
  return {
    url: urlOf(home, port),
    owner: true,
    async stop() {
      if (stopping) return;
      stopping = true;
      process.off('exit', lastResort);
      lastResort();
      await regaining; // it may have been about to start one
      lastResort();
      await session.end().catch(() => {});
      if (!lost) await gone(home);
    },
  };
}

/** A session with a running postmaster, adopted or started; on `wantedPort` if it must be that one. */
async function ensureRunning(
  home: Home,
  options: Options,
  wantedPort?: number,
  givenUp: () => boolean = () => false,
): Promise<{ session: pg.Client; port: number }> {
  const deadline = Date.now() + patience;
  let failures = 0;
  while (Date.now() < deadline && !givenUp()) {
    const claimed = claimedPostmaster(home);
    if (claimed && isAlive(claimed.pid)) {
      const session = await reach(home, claimed.port);
      if (typeof session !== 'string') return { session, port: claimed.port };
      const young = claimed.age < 2_000; // it may not listen yet
      if (session === 'nobody' && !young) forget(home);
      await sleep(20);
      continue;
    }

    const port = wantedPort ?? (await freePort());
    const session = await launch(home, port, options.settings ?? {}, deadline);
    if (session) return { session, port };
    failures += 1; // the port was taken, another process was first, or something is wrong
    if (failures === 10) break;
    await sleep(50 * failures);
  }
  throw new Error(`PostgreSQL did not start:\n${endOfLog(home)}`);
}

/**
 * The process in postmaster.pid is alive but does not serve this directory: its id was given to
 * another program after a crash. Should that be wrong, PostgreSQL still refuses to start a second
 * postmaster, by its block of shared memory.
 */
const forget = (home: Home): void => rmSync(pidFile(home), { force: true });

async function launch(
  home: Home,
  port: number,
  settings: Record<string, string>,
  deadline: number,
): Promise<pg.Client | undefined> {
  const child = startPostmaster(home, port, settings);
  let running = true;
  const end = exited(child).finally(() => {
    running = false;
  });
  end.catch(() => {}); // awaited below
  child.unref();
  while (running && Date.now() < deadline) {
    await sleep(15);
    const session = await reach(home, port);
    if (typeof session !== 'string') return session;
  }
  await end; // throws where the program could not be run at all
  return undefined;
}

/**
 * The process id of the lock's owner, or undefined when it is now ours. A killed owner's lock is
 * free as soon as its session notices, so a refusal is doubted for half a second.
 */
async function takeLock(session: pg.Client): Promise<string | undefined> {
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await session.query('select pg_try_advisory_lock(7263, 1) as taken');
    if (rows[0]?.taken) return undefined;
    if (attempt < 10) {
      await sleep(50);
      continue;
    }
    const owner = await session.query(
      `select application_name as name from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and classid = 7263 and objid = 1 and granted`,
    );
    return owner.rows[0]?.name.replace('sandgate ', '') ?? 'unknown';
  }
}

/** Resolves when the postmaster has removed its file, the last thing it does. */
async function gone(home: Home): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let claimed = claimedPostmaster(home); claimed; claimed = claimedPostmaster(home)) {
    if (!isAlive(claimed.pid)) return;
    if (Date.now() > deadline) process.kill(claimed.pid, 'SIGQUIT'); // as safe as a crash
    await sleep(10);
  }
}

function refuseOtherVersion(home: Home, dataDir: string): void {
  const written = readFileSync(join(home.data, 'PG_VERSION'), 'utf8').trim();
  const brought = /binaries-(\d+)/.exec(home.programs)?.[1];
  if (written === brought) return;
  throw new Error(
    `The database in ${dataDir} was written by PostgreSQL ${written}; this Sandgate brings ` +
      `${brought}. Move it away to start afresh, or serve it by a PostgreSQL ${written} and set DATABASE_URL.`,
  );
}
