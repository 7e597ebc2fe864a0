import { writeProgramme } from '../admin/programme-directory.ts';
import { programmeFiles } from '../admin/programme-export.ts';
import { located, readProgramme } from '../admin/programme-files.ts';
import { applyProgramme, compareProgramme } from '../admin/programme-service.ts';
import { wholeProgramme } from '../admin/programme-there.ts';
import { Conflict } from '../base/errors.ts';
import type { Config } from '../config.ts';
import { argumentsOf, type Command, UsageError, withResources } from './command.ts';
import type { Resources } from './resources.ts';

type Deed = (
  resources: Resources,
  config: Config,
  given: { directory: string; force: boolean },
) => Promise<number>;

const print = (lines: readonly string[]): void => {
  for (const line of lines) process.stdout.write(`${line}\n`);
};

const diff: Deed = async ({ pool, keyring, passwords }, { baseUrl, mode }, { directory }) => {
  const programme = await readProgramme(directory, baseUrl);
  const options = { development: mode !== 'production' };
  const changes = await compareProgramme(pool, keyring, passwords, programme, options);
  print(changes);
  return changes.length > 0 ? 1 : 0;
};

const apply: Deed = async ({ pool, keyring, passwords }, { baseUrl, mode }, { directory }) => {
  const programme = await readProgramme(directory, baseUrl);
  const options = { development: mode !== 'production', baseUrl };
  print((await applyProgramme(pool, keyring, passwords, programme, options)).changes);
  return 0;
};

const exportIt: Deed = async ({ pool, keyring }, { baseUrl }, { directory, force }) => {
  const programme = await wholeProgramme(pool, keyring);
  if (!programme.name) throw new Conflict('no_programme', 'There is no programme yet to export.');
  const files = programmeFiles(programme, baseUrl);
  await writeProgramme(directory, files, { force });
  print([...files.keys()]);
  return 0;
};

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

    const config = settings();
    return withResources(config, (resources) =>
      deed(resources, config, { directory, force: values.force ?? false }),
    ).catch(async (error) => {
      throw await located(error, { directory, baseUrl: config.baseUrl });
    });
  },
};
