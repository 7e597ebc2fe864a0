import { located, readProgramme } from '../admin/programme-files.ts';
import { type Applied, applyProgramme, compareProgramme } from '../admin/programme-service.ts';
import { findProgrammeName } from '../admin/programme-store.ts';
import type { Logger } from '../base/log.ts';
import type { Config } from '../config.ts';
import type { Resources } from './resources.ts';

/**
 * Applies the programme directory. In production only the first time: from then on the database is
 * what counts, which pages change too, and a start says only that the two differ.
 * @throws {DomainError} naming what is wrong with the directory.
 */
export async function programmeAtStart(
  { pool, keyring, passwords }: Resources,
  { mode, programmeDir: directory, baseUrl }: Config,
  log: Logger,
): Promise<Applied> {
  const development = mode !== 'production';
  const programme = await readProgramme(directory, baseUrl);
  const name = await findProgrammeName(pool);
  try {
    if (name !== undefined && !development) {
      const differences = await compareProgramme(pool, keyring, passwords, programme, {
        development,
      });
      if (differences.length > 0) {
        log.warn(
          { directory, differences: differences.length },
          'the programme differs from its directory; see "sandgate programme diff"',
        );
      }
      return { name, changes: [], accounts: [], testUsers: [], clients: [], consoleClients: [] };
    }
    const options = { development, baseUrl };
    const applied = await applyProgramme(pool, keyring, passwords, programme, options);
    const { changes } = applied;
    const known = name !== undefined; // the first time all of it is new
    if (known && changes.length > 0) {
      log.info({ changes }, 'the programme directory changed what was there');
    }
    return applied;
  } catch (error) {
    throw await located(error, { directory, baseUrl });
  }
}
