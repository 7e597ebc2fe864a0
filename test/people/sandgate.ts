import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createKeyring } from '../../src/base/secrets.ts';
import { freePort } from '../../src/db/embedded-server.ts';
import { eventually, header, type MailServer, startMailServer, unfolded } from '../mail/support.ts';

/** `npm start` with a mail server, as a process of its own. */
export type Sandgate = {
  baseUrl: string;
  sandbox: string;
  live: string;
  pool: pg.Pool;
  mail: MailServer;
  /** Of level debug. */
  logFile: string;
  fixturesFile: string;
  close(): Promise<void>;
};

export const masterSecret = 'what the started server seals with, which only tests know';
export const keyring = createKeyring(masterSecret);

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** With the demo programme and the fixtures, letters by SMTP on loopback, and a log at level debug. */
export async function startSandgate(databaseUrl: string): Promise<Sandgate> {
  const folder = mkdtempSync(join(tmpdir(), 'sandgate-people-'));
  const [logFile, fixturesFile] = [join(folder, 'sandgate.log'), join(folder, 'fixtures.json')];
  const mail = await startMailServer();
  const port = await freePort();
  const baseUrl = `http://localhost:${port}`;
  const command = ['--import', 'tsx', 'src/index.ts', 'start', '--fixtures', fixturesFile];
  const child = spawn(process.execPath, command, {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      PORT: String(port),
      SMTP_URL: mail.url,
      SANDGATE_SECRET: masterSecret,
      LOG_LEVEL: 'debug',
      LOG_FILE: logFile,
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += text;
    });
  }
  const ended = once(child, 'close');
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 });
  pool.on('error', () => {}); // the database is dropped with whatever is still connected
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await pool.end();
    await mail.close();
    rmSync(folder, { recursive: true });
  };

  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(`${baseUrl}/health/ready`).catch(() => undefined);
    if (answer?.ok) {
      const [sandbox, live] = [`${baseUrl}/sandbox`, `${baseUrl}/live`];
      return { baseUrl, sandbox, live, pool, mail, logFile, fixturesFile, close };
    }
    if (child.exitCode !== null) break;
    await sleep(100);
  }
  await close();
  throw new Error(`Sandgate did not start: ${said}`);
}

export type Letter = { link: string; code: string };

/** The oldest letter of that subject that has arrived there and was not read yet; waits for it. */
export async function takeLetter(
  { received }: MailServer,
  to: string,
  subject: string,
): Promise<Letter> {
  const isIt = (message: string) =>
    header(message, 'To')?.includes(to) && header(message, 'Subject') === subject;
  const at = await eventually(() => received.findIndex(isIt) + 1, 15_000);
  const [message = ''] = received.splice(at - 1, 1);
  const text = unfolded(message.slice(message.indexOf('\r\n\r\n')));
  return {
    link: /https?:\/\/[^\s"<]+\/(?:verify|reset|profile\/email)\/[\w-]+/.exec(text)?.[0] ?? '',
    code: /^(\d{6})\r?$/m.exec(text)?.[1] ?? '',
  };
}
