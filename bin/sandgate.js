#!/usr/bin/env node
// Runs dist/index.js, after compiling src/ into dist/ where that is out of date. An image that
// ships dist/ alone, or without the compiler, runs what it has.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
const configuration = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

const compiler = existsSync(join(root, 'src')) && findCompiler();
if (compiler && !isFresh() && !build(compiler)) {
  console.error('Sandgate was not started: its sources do not compile.');
  process.exit(1);
}
if (!existsSync(join(dist, 'index.js'))) {
  console.error('Sandgate is not built, and the TypeScript compiler is not here. Run: npm ci');
  process.exit(1);
}
if (existsSync('.env')) process.loadEnvFile('.env');
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(dist, 'index.js')).href);

/** Contents decide, not times: a clone, a copy or another branch has times that mean nothing. */
function isFresh() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === `${sources()} ${outputs()}`;
}

function sources() {
  const files = [...configuration, ...filesIn(join(root, 'src')).map((file) => join('src', file))];
  return digest(
    root,
    files.filter((file) => existsSync(join(root, file))),
  );
}

/** So that half a build, or a mixture of two that ran at once, is not taken for a whole one. */
function outputs() {
  return digest(
    dist,
    filesIn(dist).filter((file) => /\.c?js$/.test(file)),
  );
}

/**
 * Compiles into a directory of its own and moves the files over when all went well, each at once,
 * so that a server starting beside us never reads half a file. False when it does not compile.
 */
function build(tsc) {
  console.error('Compiling Sandgate …');
  const before = sources();
  mkdirSync(dist, { recursive: true });
  sweep();
  const draft = mkdtempSync(join(dist, '.building-'));
  try {
    const options = ['--project', join(root, 'tsconfig.build.json'), '--outDir', draft];
    const { status } = spawnSync(process.execPath, [tsc, ...options, '--noEmitOnError'], {
      cwd: root,
      stdio: ['ignore', 2, 2], // standard output belongs to the command
    });
    if (status !== 0) return false;
    publish(draft);
    writeFileSync(join(draft, 'stamp'), `${before} ${outputs()}`);
    renameSync(join(draft, 'stamp'), stamp);
    return true;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function publish(draft) {
  const files = filesIn(draft);
  for (const file of files) {
    if (file.endsWith('.map')) liftSources(join(draft, file));
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    renameSync(join(draft, file), join(dist, file));
  }
  for (const stale of filesIn(dist).filter((file) => !files.includes(file))) {
    rmSync(join(dist, stale), { force: true });
  }
}

/** Removes what interrupted builds left, ten minutes ago or more: others may be at it now. */
function sweep() {
  for (const name of readdirSync(dist).filter((name) => name.startsWith('.building-'))) {
    const changed = statSync(join(dist, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - changed < 600_000) continue;
    rmSync(join(dist, name), { recursive: true, force: true });
  }
}

/** A source map was written one directory deeper than it will lie. */
function liftSources(file) {
  const map = JSON.parse(readFileSync(file, 'utf8'));
  map.sources = map.sources.map((source) => source.replace('../', ''));
  writeFileSync(file, JSON.stringify(map));
}

/** Paths relative to `directory`, sorted; names that begin with a dot are left out. */
function filesIn(directory, prefix = '') {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesIn(join(directory, entry.name), join(prefix, entry.name))
        : [join(prefix, entry.name)],
    )
    .sort();
}

function digest(directory, files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = readFileSync(join(directory, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
  } catch {
    return undefined;
  }
}
