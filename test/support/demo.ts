import { fileURLToPath } from 'node:url';
import { readProgramme } from '../../src/admin/programme-files.ts';
import { type Applied, applyProgramme } from '../../src/admin/programme-service.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import { keyring } from './seed.ts';
import type { TestServer } from './server.ts';

const directory = fileURLToPath(new URL('../../programme', import.meta.url));

/** What `npm start` applies: the demo programme, people for development included. */
export async function applyDemo({ pool, baseUrl }: TestServer): Promise<Applied> {
  const passwords = createPasswords();
  try {
    const programme = await readProgramme(directory, baseUrl);
    return await applyProgramme(pool, keyring, passwords, programme, {
      development: true,
      baseUrl,
    });
  } finally {
    passwords.close();
  }
}
