import type { Programme } from '../admin/programme.ts';
import { writeProgramme } from '../admin/programme-directory.ts';
import { programmeFiles } from '../admin/programme-export.ts';
import { located, readProgramme } from '../admin/programme-files.ts';
import { applyProgramme, compareProgramme } from '../admin/programme-service.ts';
import { wholeProgramme } from '../admin/programme-there.ts';
import { Conflict } from '../base/errors.ts';
import type { Config } from '../config.ts';
import { argumentsOf, type Command, UsageError, withResources } from './command.ts';
import type { Resources } from './resources.ts';

type Given = { directory: string; force: boolean };
type Deed = (config: Config, given: Given) => Promise<number>;

const print = (lines: readonly string[]): void => {
  for (const line of lines) process.stdout.write(`${line}\n`);
};

/** With a programme that was read before anything is opened. */
const withProgramme =
  (work: (resources: Resources, config: Config, programme: Programme) => Promise<number>): Deed =>
  async (config, { directory }) => {
    const { baseUrl } = config;
    const programme = await readProgramme(directory, baseUrl);
    return withResources(config, (resources) => work(resources, config, programme)).catch(
      async (error) => {
        throw await located(error, { directory, baseUrl });
      },
    );
  };

const diff = withProgramme(async ({ pool, keyring, passwords }, { mode }, programme) => {
  const options = { development: mode !== 'production' };
  const changes = await compareProgramme(pool, keyring, passwords, programme, options);
  print(changes);
  return changes.length > 0 ? 1 : 0;
});

const apply = withProgramme(async ({ pool, keyring, passwords }, { mode, baseUrl }, programme) => {
  const options = { development: mode !== 'production', baseUrl };
  print((await applyProgramme(pool, keyring, passwords, programme, options)).changes);
  return 0;
});

const exportIt: Deed = (config, { directory, force }) =>
  withResources(config, async ({ pool, keyring }) => {
    const programme = await wholeProgramme(pool, keyring);
    if (!programme.name) throw new Conflict('no_programme', 'There is no programme yet to export.');
    const files = programmeFiles(programme, config.baseUrl);
    await writeProgramme(directory, files, { force });
    print([...files.keys()]);
    return 0;
  });

const deeds: Record<string, Deed> = { diff, apply, export: exportIt };

export const programmeCommand: Command = {
  usage: [
    ['programme diff DIR', 'shows what applying DIR would change; exits with 1 where it would'],
    ['programme apply DIR', 'brings the database to what DIR says, and shows what it changed'],
    [
      'programme export DIR [--force]',
      'writes what is there into DIR; --force: in place of another',
    ],
  ],
  trouble: 2, // 1 says that something differs
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, { force: { type: 'boolean' } });
    const [word = '', directory, ...rest] = positionals;
    const deed = new Map(Object.entries(deeds)).get(word);
    if (!deed) throw new UsageError('Say what to do: programme diff, apply or export.');
    if (!directory || rest.length > 0) throw new UsageError(`Say where: programme ${word} DIR.`);
    if (values.force && word !== 'export') throw new UsageError(`"${word}" takes no --force.`);

    return deed(settings(), { directory, force: values.force ?? false });
  },
};
