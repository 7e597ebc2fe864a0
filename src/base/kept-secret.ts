import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { newSecret } from './secrets.ts';

/**
 * The secret kept in `file` (mode 0600), made at the first call. Whoever calls at the same moment
 * in another process gets the same one: it appears with its content or not at all.
 */
export function keptSecret(file: string): string {
  const read = () => readFileSync(file, 'utf8').trim();
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }

  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, `${newSecret()}\n`, { mode: 0o600 });
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another was first
  } finally {
    rmSync(draft, { force: true });
  }
  return read();
}
