import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { createApp } from '../../src/app.ts';
import { createLogger } from '../../src/base/log.ts';
import { createPasswords } from '../../src/base/passwords.ts';
import type { BrandFiles } from '../../src/http/assets.ts';
import { keyring } from './seed.ts';

export type TestServer = {
  baseUrl: string;
  sandbox: string;
  live: string;
  pool: pg.Pool;
  close(): Promise<void>;
};

type Given = {
  databaseUrl: string;
  limitAddresses?: boolean;
  /** As behind a proxy of ours. */
  trustProxy?: boolean;
  consoleClientId?: string | null;
  administratorsNeedSecondFactor?: boolean;
  /** False: an organisation has a portal of its own. */
  portal?: boolean;
  brandFiles?: BrandFiles;
  /** Letters are kept and shown, as on a development server. */
  mailbox?: boolean;
  /** False: any gateway may ask. */
  gatewaysShowCredential?: boolean;
  /** Whom inside the console may call. */
  relayAllow?: string[];
  /** The name in our addresses; `localhost` is one that browsers take for secure. */
  name?: '127.0.0.1' | 'localhost';
};

/** The real app on a real port of loopback, with a pool of its own, as one instance of several. */
export async function startServer(given: Given): Promise<TestServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://${given.name ?? '127.0.0.1'}:${(server.address() as AddressInfo).port}`;
  return serveOn(server, baseUrl, given).catch((error) => {
    server.close(); // or the test run would wait for it for ever
    throw error;
  });
}

/** Another instance behind the same public address: what a balancer would put beside the first. */
export async function startInstance(
  given: Given & { baseUrl: string },
): Promise<TestServer & { address: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { ...(await serveOn(server, given.baseUrl, given)), address };
}

async function serveOn(server: Server, baseUrl: string, given: Given): Promise<TestServer> {
  const pool = new pg.Pool({ connectionString: given.databaseUrl, max: 10 });
  pool.on('error', () => {}); // the database is dropped with whatever is still connected
  const passwords = createPasswords();
  const app = await createApp({
    pool,
    keyring,
    passwords,
    log: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
    baseUrl,
    trustProxy: given.trustProxy ?? false,
    watch: false,
    brand: 'Northmoor Shared Care Record',
    consoleClientId: given.consoleClientId ?? null,
    limitAddresses: given.limitAddresses ?? false,
    relayAllow: given.relayAllow ?? [],
    portal: given.portal ?? true,
    mailbox: given.mailbox ?? false,
    gatewaysShowCredential: given.gatewaysShowCredential ?? true,
    brandFiles: given.brandFiles ?? {},
    administratorsNeedSecondFactor: given.administratorsNeedSecondFactor ?? false,
  });
  server.on('request', app.callback());
  return {
    baseUrl,
    sandbox: `${baseUrl}/sandbox`,
    live: `${baseUrl}/live`,
    pool,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await app.close();
      await pool.end();
      await passwords.close();
    },
  };
}
