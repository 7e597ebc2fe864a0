import { argumentsOf, type Command, UsageError } from './command.ts';
import { refuseInProduction } from './fixtures-command.ts';
import { start } from './start.ts';

export const startCommand: Command = {
  usage: [
    ['start [--fixtures FILE]', 'serves; with FILE also makes fixtures for black-box checks'],
  ],
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, { fixtures: { type: 'string' } });
    if (positionals.length > 0) throw new UsageError('"start" takes nothing but --fixtures FILE.');
    const config = settings();
    if (values.fixtures) refuseInProduction(config.mode);
    await start(config, values.fixtures);
    return 0;
  },
};
