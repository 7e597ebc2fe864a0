import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { openResources, type Resources } from './resources.ts';

/** What one word after `sandgate` does. The table of all of them is in index.ts. */
export type Command = {
  /** For the help: what is typed, and what it does. */
  usage: readonly (readonly [typed: string, does: string])[];
  /**
   * @param args what follows the word.
   * @param settings reads them; ask it after the arguments, whose mistakes come first.
   * @returns what the process exits with; nothing is 0.
   * @throws {UsageError}
   */
  run(args: string[], settings: () => Config): Promise<number | undefined>;
  /** What the process exits with when `run` throws. Left out: 1. */
  trouble?: number;
};

/** A mistake on the command line; the message says what is meant to be there. */
export class UsageError extends Error {}

/** @throws {UsageError} in Node's words, for what `options` does not know. */
export function argumentsOf<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** For a command that works beside a server, or without one, and then is done. */
export async function withResources<T>(
  config: Config,
  work: (resources: Resources) => Promise<T>,
): Promise<T> {
  const warn = (message: string) => void process.stderr.write(`${message}\n`);
  const resources = await openResources(config, { serves: false, warn });
  try {
    return await work(resources);
  } finally {
    await resources.close();
  }
}
