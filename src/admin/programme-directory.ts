import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Conflict } from '../base/errors.ts';
import type { ProgrammeFiles } from './programme-export.ts';

/**
 * Writes a programme into a directory that is empty or not there yet. `force`: into any, where it
 * takes the place of a programme's files; development.yaml and whatever is none of them stays.
 * @throws {Conflict} `not_empty`.
 */
export async function writeProgramme(
  directory: string,
  files: ProgrammeFiles,
  { force }: { force: boolean },
): Promise<void> {
  const there = await filesIn(directory);
  if (there.length > 0 && !force) {
    throw new Conflict(
      'not_empty',
      `${directory} is not empty. Name another directory, or add --force to replace the programme in it.`,
    );
  }
  for (const file of there.filter(isProgrammes)) await rm(join(directory, file));
  for (const [file, content] of files) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), content);
  }
}

const isProgrammes = (file: string): boolean =>
  /^((programme|apis|test-users|clients)\.yaml|(apis|products)[/\\][^/\\]+\.ya?ml)$/.test(file);

/** Paths within it; none where it does not exist. */
const filesIn = (directory: string): Promise<string[]> =>
  readdir(directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
