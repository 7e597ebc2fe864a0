import { join } from 'node:path';
import { createApp } from '../app.ts';
import { createLogger, type Logger } from '../base/log.ts';
import type { Config } from '../config.ts';
import { createDispatcher, type Dispatcher } from '../mail/dispatcher.ts';
import { createTransport, senderOf } from '../mail/transport.ts';
import { welcome } from './banner.ts';
import { makeFixtures, writeFixtures } from './fixtures.ts';
import { programmeAtStart } from './programme-at-start.ts';
import { openResources, type Resources } from './resources.ts';
import { serve } from './serve.ts';
import { startSweeping } from './sweep.ts';

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
  const applied = await programmeAtStart(resources, config, log);
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
    relayAllow: config.relayAllow,
    administratorsNeedSecondFactor: config.requireSecondFactor === 'administrators',
    portal: config.portal,
    gatewaysShowCredential: config.gatewaysShowCredential,
    brandFiles: config.brandFiles,
    watch: config.mode === 'development',
    brand: applied.name,
    consoleClientId: applied.consoleClients[0]?.id ?? null,
    limitAddresses: !fixturesFile,
    mailbox: development && !mail,
  });
  const { host, port } = config;
  const served = await serve({ callback: app.callback(), host, port }).catch(async (error) => {
    await app.close(); // it listens to the database by now, and would for ever
    throw error;
  });
  mail?.start();
  const stopSweeping = startSweeping({ pool, baseUrl, keepDays: config.keepDays, log });
  log.info({ baseUrl, port: served.port }, 'Sandgate is ready');
  if (development) process.stdout.write(welcome(applied, baseUrl, !mail));

  await stop;
  stopSweeping();
  await served.close();
  await app.close(); // the last request has been counted by now
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
