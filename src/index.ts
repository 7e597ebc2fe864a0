import { parseArgs } from 'node:util';
import { DomainError } from './base/errors.ts';
import { makeFixtures, writeFixtures } from './commands/fixtures.ts';
import { openResources } from './commands/resources.ts';
import { logFileOf, start } from './commands/start.ts';
import { type Config, ConfigError, readConfig } from './config.ts';

const usage = `Sandgate

  sandgate start [--fixtures FILE]   serves; with FILE also makes fixtures for black-box checks
  sandgate fixtures --out FILE       makes the fixtures and describes them as JSON in FILE
  sandgate help                      this text

Settings are environment variables: see .env.example.
`;

/** A mistake on the command line; the message says what is meant to be there. */
class UsageError extends Error {}

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { command, fixtures, out } = readArguments(args);
  if (command === 'help') return void process.stdout.write(usage);
  const config = readConfig(env);
  if ((fixtures || out) && config.mode === 'production') {
    throw new UsageError('Fixtures are for tests: they are refused with NODE_ENV=production.');
  }
  return out ? writeFixturesOnly(config, out) : start(config, fixtures);
}

function readArguments(args: string[]): { command: string; fixtures?: string; out?: string } {
  const { values, positionals } = parsed(args);
  const [command = 'start', ...rest] = positionals;
  const wanted: Record<string, readonly string[]> = {
    start: ['fixtures'],
    fixtures: ['out'],
    help: [],
  };
  const options = wanted[command];
  if (!options || rest.length > 0)
    throw new UsageError(`There is no command "${positionals.join(' ')}".`);
  const foreign = Object.keys(values).find((name) => !options.includes(name));
  if (foreign) throw new UsageError(`"${command}" takes no --${foreign}.`);
  if (command === 'fixtures' && !values.out) throw new UsageError('Say where: --out FILE.');
  return { command, ...values };
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { fixtures: { type: 'string' }, out: { type: 'string' } },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function writeFixturesOnly(config: Config, file: string): Promise<void> {
  const warn = (message: string) => void process.stderr.write(`${message}\n`);
  const resources = await openResources(config, { serves: false, warn });
  try {
    const { pool, keyring, passwords } = resources;
    const place = { baseUrl: config.baseUrl, logFile: logFileOf(config) };
    await writeFixtures(file, await makeFixtures(pool, keyring, passwords, place));
  } finally {
    await resources.close();
  }
}

/** A foreseen mistake is told in its own words; where anything else came from shows with LOG_LEVEL=debug. */
function complain(error: unknown, env: NodeJS.ProcessEnv): void {
  if (error instanceof UsageError) return void process.stderr.write(`${error.message}\n\n${usage}`);
  const { message, stack, code } = error as NodeJS.ErrnoException;
  process.stderr.write(`${message || code || String(error)}\n`);
  const foreseen = error instanceof ConfigError || error instanceof DomainError;
  if (!foreseen && /^(debug|trace)$/.test(env.LOG_LEVEL ?? '')) process.stderr.write(`${stack}\n`);
}

try {
  await run(process.argv.slice(2), process.env);
} catch (error) {
  complain(error, process.env);
  process.exitCode = 1;
}
