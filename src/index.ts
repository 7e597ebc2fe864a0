import { DomainError } from './base/errors.ts';
import { accountCommand } from './commands/account-command.ts';
import { clientCommand } from './commands/client.ts';
import { type Command, UsageError } from './commands/command.ts';
import { fixturesCommand } from './commands/fixtures-command.ts';
import { gatewayCommand } from './commands/gateway.ts';
import { programmeCommand } from './commands/programme.ts';
import { startCommand } from './commands/start-command.ts';
import { liftCommand, suspendCommand } from './commands/switch.ts';
import { ConfigError, readConfig } from './config.ts';

/** By the word that is typed. Without any: start. */
const commands: Record<string, Command> = {
  start: startCommand,
  fixtures: fixturesCommand,
  programme: programmeCommand,
  client: clientCommand,
  gateway: gatewayCommand,
  account: accountCommand,
  suspend: suspendCommand,
  lift: liftCommand,
};

async function run([word = 'start', ...rest]: string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (word === 'help') {
    process.stdout.write(usage());
    return 0;
  }
  const asOption = word.startsWith('-'); // an option of "start", whose word may be left out
  const command = new Map(Object.entries(commands)).get(asOption ? 'start' : word);
  if (!command) throw new UsageError(`There is no command "${word}".`);
  try {
    return (await command.run(asOption ? [word, ...rest] : rest, () => readConfig(env))) ?? 0;
  } catch (error) {
    complain(error, env);
    return command.trouble ?? 1;
  }
}

function usage(): string {
  const lines = Object.values(commands).flatMap((command) => command.usage);
  const all = [...lines, ['help', 'this text'] as const];
  const width = Math.max(...all.map(([typed]) => typed.length));
  const help = all.map(([typed, does]) => `  sandgate ${typed.padEnd(width)}   ${does}\n`).join('');
  return `Sandgate\n\n${help}\nSettings are environment variables: see .env.example.\n`;
}

/** A foreseen mistake is told in its own words; where anything else came from shows with LOG_LEVEL=debug. */
function complain(error: unknown, env: NodeJS.ProcessEnv): void {
  if (error instanceof UsageError) {
    return void process.stderr.write(`${error.message}\n\n${usage()}`);
  }
  const { message, stack, code } = error as NodeJS.ErrnoException;
  process.stderr.write(`${message || code || String(error)}\n`);
  const foreseen = error instanceof ConfigError || error instanceof DomainError;
  if (!foreseen && /^(debug|trace)$/.test(env.LOG_LEVEL ?? '')) process.stderr.write(`${stack}\n`);
}

try {
  process.exitCode = await run(process.argv.slice(2), process.env);
} catch (error) {
  complain(error, process.env);
  process.exitCode = 1;
}
