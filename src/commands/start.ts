import { join } from 'node:path';
import { deleteEndedSessions } from '../accounts/session-store.ts';
import { readProgramme } from '../admin/programme-files.ts';
import { applyProgramme } from '../admin/programme-service.ts';
import { createApp } from '../app.ts';
import { createLogger, type Logger } from '../base/log.ts';
import type { Config } from '../config.ts';
import { deleteExpiredThrottles } from '../db/throttle.ts';
import { createDispatcher, type Dispatcher } from '../mail/dispatcher.ts';
import { deleteOldLetters } from '../mail/store.ts';
import { createTransport, senderOf } from '../mail/transport.ts';
import { deleteExpired } from '../oauth/store.ts';
import { welcome } from './banner.ts';
import { makeFixtures, writeFixtures } from './fixtures.ts';
import { openResources, type Resources } from './resources.ts';
import { serve } from './serve.ts';

/** Milliseconds between two sweeps of what has expired, and rows of one sweep's statement. */
const sweepEvery = 10 * 60_000;
const sweepBatch = 500;
/** Days that the outbox remembers a letter. */
const keepLetters = 30;

/** Where a development server keeps its log, beside standard output. */
export const logFileOf = (config: Config): string =>
  config.logFile ?? join(config.dataDir, 'sandgate.log');

/**
 * Serves until it is told to stop. With `fixturesFile` also makes the fixtures, describes them
 * there, and lifts the limits per network address.
 */
export async function start(config: Config, fixturesFile: string | undefined): Promise<void> {
  const stop = stopSignal(); // before anything is started, so that nothing stays behind
  const production = config.mode === 'production';
  const log = createLogger({
    level: config.logLevel,
    file: production ? config.logFile : logFileOf(config),
    pretty: !production,
  });
  const resources = await openResources(config, {
    serves: true,
    warn: (message) => log.warn(message),
  });
  try {
    await serveWith(resources, config, { log, fixturesFile, stop });
  } catch (error) {
    await resources.close();
    throw error;
  }
}

type Desk = { log: Logger; fixturesFile: string | undefined; stop: Promise<void> };

async function serveWith(
  resources: Resources,
  config: Config,
  { log, fixturesFile, stop }: Desk,
): Promise<void> {
  const { pool, keyring, passwords } = resources;
  const { baseUrl } = config;
  const development = config.mode !== 'production';
  const programme = await readProgramme(config.programmeDir, baseUrl);
  const applied = await applyProgramme(pool, keyring, passwords, programme, {
    development,
    baseUrl,
  });
  if (fixturesFile) {
    const logFile = logFileOf(config);
    const fixtures = await makeFixtures(pool, keyring, passwords, { baseUrl, logFile });
    await writeFixtures(fixturesFile, fixtures);
  }

  const mail = dispatcherOf(config.smtpUrl, { pool, brand: applied.name, baseUrl, log });
  const app = await createApp({
    ...resources,
    log,
    baseUrl,
    trustProxy: config.trustProxy,
    watch: config.mode === 'development',
    brand: applied.name,
    consoleClientId: applied.consoleClients[0]?.id ?? null,
    limitAddresses: !fixturesFile,
    mailbox: development && !mail,
  });
  const served = await serve({ callback: app.callback(), host: config.host, port: config.port });
  mail?.start();
  const sweeping = setInterval(() => void sweep(resources, log), sweepEvery);
  log.info({ baseUrl, port: served.port }, 'Sandgate is ready');
  if (development) process.stdout.write(welcome(applied, baseUrl, !mail));

  await stop;
  clearInterval(sweeping);
  await served.close();
  await mail?.stop();
  await resources.close();
  log.info('Sandgate has stopped');
}

/** Undefined without a mail server: letters stay in the outbox. */
function dispatcherOf(
  smtpUrl: string | undefined,
  letters: Omit<Parameters<typeof createDispatcher>[0], 'send'>,
): Dispatcher | undefined {
  if (!smtpUrl) return undefined;
  const send = createTransport(smtpUrl, { from: senderOf(smtpUrl, letters) });
  return createDispatcher({ ...letters, send });
}

async function sweep({ pool }: Resources, log: Logger): Promise<void> {
  try {
    await deleteExpiredThrottles(pool);
    await deleteEndedSessions(pool);
    await deleteOldLetters(pool, keepLetters);
    while ((await deleteExpired(pool, sweepBatch)) >= sweepBatch);
  } catch (error) {
    log.warn({ err: error }, 'what has expired could not be swept; the next sweep tries again');
  }
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve();
      });
    }
  });
