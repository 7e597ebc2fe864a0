import { rm } from 'node:fs/promises';
import { asAdmin } from './template-database.ts';

/** Jest runs this at the end: takes away what template-database.ts put up. */
export default async function stopDatabase(): Promise<void> {
  const started = globalThis.startedForTests;
  if (!started) return;
  if (!started.embedded) await asAdmin(`drop database if exists ${started.template} with (force)`);
  await started.embedded?.stop();
  if (started.directory) await rm(started.directory, { recursive: true, force: true });
}
