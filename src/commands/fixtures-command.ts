import { argumentsOf, type Command, UsageError, withResources } from './command.ts';
import { makeFixtures, writeFixtures } from './fixtures.ts';
import { logFileOf } from './start.ts';

export const fixturesCommand: Command = {
  usage: [['fixtures --out FILE', 'makes the fixtures and describes them as JSON in FILE']],
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, { out: { type: 'string' } });
    const { out } = values;
    if (positionals.length > 0) throw new UsageError('"fixtures" takes nothing but --out FILE.');
    if (!out) throw new UsageError('Say where: --out FILE.');
    const config = settings();
    refuseInProduction(config.mode);

    await withResources(config, async ({ pool, keyring, passwords }) => {
      const place = { baseUrl: config.baseUrl, logFile: logFileOf(config) };
      await writeFixtures(out, await makeFixtures(pool, keyring, passwords, place));
    });
    return 0;
  },
};

/** @throws {UsageError} */
export function refuseInProduction(mode: string): void {
  if (mode === 'production') {
    throw new UsageError('Fixtures are for tests: they are refused with NODE_ENV=production.');
  }
}
