import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { keptSecret } from './base/kept-secret.ts';
import { urlOf } from './base/url.ts';

export type Config = Readonly<{
  mode: 'development' | 'production' | 'test';
  /** The address to listen on. */
  host: string;
  port: number;
  /** The origin that browsers and clients see, without a trailing slash. */
  baseUrl: string;
  /** Undefined: the embedded PostgreSQL, in `dataDir`. */
  databaseUrl: string | undefined;
  /** Undefined: letters stay in the database, to be read on /dev/mailbox. */
  smtpUrl: string | undefined;
  /** Absolute. */
  dataDir: string;
  /** Undefined: `developmentSecret(dataDir)`. */
  secret: string | undefined;
  /** Absolute; holds the programme's YAML, OpenAPI documents and test users. */
  programmeDir: string;
  /** Whether X-Forwarded-* headers come from a proxy of ours and are to be believed. */
  trustProxy: boolean;
  /** Hosts, addresses and networks inside, to which the console may send calls all the same. */
  relayAllow: readonly string[];
  /** Whether a gateway that asks about calls must show a credential of its own. */
  gatewaysShowCredential: boolean;
  /** Whether our own catalogue, console and guide are there, or an organisation has its own. */
  portal: boolean;
  /** Absolute; undefined: ours. */
  brandFiles: Readonly<{ logo: string | undefined; stylesheet: string | undefined }>;
  /** Who must have a second factor to use what only they may. */
  requireSecondFactor: (typeof secondFactorDuties)[number];
  logLevel: (typeof logLevels)[number];
  /** Undefined: standard output. */
  logFile: string | undefined;
  /** Days that what is over is kept; what expires by itself goes when it does. */
  keepDays: Readonly<{
    acts: number;
    letters: number;
    registrations: number;
    invitations: number;
    devices: number;
    use: number;
  }>;
}>;

/** The message has one line for each wrong setting, ready to be printed. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const secondFactorDuties = ['nobody', 'administrators'] as const;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Secrets that stand in files of this repository, and so are known to everyone. */
export const placeholderSecrets: readonly string[] = [
  'replace-me-with-the-output-of-openssl-rand-base64-32',
  'for-trying-out-on-this-machine-only-0000',
];

/** Beside src/ and beside dist/ alike. */
const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** @throws {ConfigError} naming everything that is wrong at once. An empty string counts as not set. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = settings(given.NODE_ENV).safeParse(given);
  const complaints = [
    ...unknownSettings(given),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`),
  ];
  if (!parsed.success || complaints.length > 0) throw new ConfigError(complaints.join('\n'));

  const { data } = parsed;
  return {
    mode: data.NODE_ENV,
    host: data.HOST ?? (data.NODE_ENV === 'production' ? '0.0.0.0' : '127.0.0.1'),
    port: data.PORT,
    baseUrl: data.BASE_URL ?? `http://localhost:${data.PORT}`,
    databaseUrl: data.DATABASE_URL,
    smtpUrl: data.SMTP_URL,
    dataDir: data.DATA_DIR ? resolve(data.DATA_DIR) : join(packageRoot, '.data'),
    secret: data.SANDGATE_SECRET,
    programmeDir: data.PROGRAMME_DIR ? resolve(data.PROGRAMME_DIR) : join(packageRoot, 'programme'),
    trustProxy: data.TRUST_PROXY === 'true',
    relayAllow: data.RELAY_ALLOW,
    gatewaysShowCredential: data.GATEWAY_CREDENTIAL === 'on',
    portal: data.PORTAL === 'on',
    brandFiles: { logo: data.BRAND_LOGO, stylesheet: data.BRAND_STYLESHEET },
    requireSecondFactor: data.REQUIRE_SECOND_FACTOR,
    logLevel: data.LOG_LEVEL,
    logFile: data.LOG_FILE,
    keepDays: {
      acts: data.KEEP_ACTS_DAYS,
      letters: data.KEEP_LETTERS_DAYS,
      registrations: data.KEEP_REGISTRATIONS_DAYS,
      invitations: data.KEEP_INVITATIONS_DAYS,
      devices: data.KEEP_DEVICES_DAYS,
      use: data.KEEP_USE_DAYS,
    },
  };
}

/** The names that `readConfig` looks at. */
export const settingNames = (): string[] => Object.keys(settings(undefined).shape);

/** The master secret of a development server: made once, and kept where only its user can read it. */
export const developmentSecret = (dataDir: string): string => keptSecret(join(dataDir, 'secret'));

/** What production demands more is demanded here, so that every complaint comes at once. */
function settings(mode: string | undefined) {
  const production = mode === 'production';
  /** `why` completes the sentence that begins with the setting's name. */
  const neededInProduction = <T extends z.ZodType>(schema: T, why: string) =>
    production
      ? z.any().transform((value, context) => {
          const read = value === undefined ? undefined : schema.safeParse(value);
          for (const { message } of read?.error?.issues ?? []) context.addIssue(message);
          if (!read) context.addIssue(`must be set in production: ${why}.`);
          return read?.data;
        })
      : schema.optional();

  return z.object({
    NODE_ENV: z
      .enum(['development', 'production', 'test'], 'must be development, production or test.')
      .default('development'),
    HOST: z.string().optional(),
    PORT: port(mode === 'test' ? 0 : 1).default(3000),
    BASE_URL: neededInProduction(origin(production), 'the address that clients know us by'),
    DATABASE_URL: neededInProduction(
      z.string().regex(/^postgres(ql)?:\/\/\S+$/, 'must begin with postgres:// or postgresql://.'),
      'the embedded database is for development',
    ),
    SMTP_URL: neededInProduction(
      z.string().regex(/^smtps?:\/\/\S+$/, 'must begin with smtp:// or smtps://.'),
      'without it nobody gets a letter',
    ),
    DATA_DIR: z.string().optional(),
    SANDGATE_SECRET: neededInProduction(secret(production), 'it encrypts what the database holds'),
    PROGRAMME_DIR: z.string().optional(),
    TRUST_PROXY: z.enum(['true', 'false'], 'must be true or false.').default('false'),
    RELAY_ALLOW: insideNames.default([]),
    GATEWAY_CREDENTIAL: z.enum(['on', 'off'], 'must be on or off.').default('on'),
    PORTAL: z.enum(['on', 'off'], 'must be on or off.').default('on'),
    BRAND_LOGO: fileOf('.svg', '.png').optional(),
    BRAND_STYLESHEET: fileOf('.css').optional(),
    REQUIRE_SECOND_FACTOR: z
      .enum(secondFactorDuties, 'must be nobody or administrators.')
      .default('nobody'),
    LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}.`).default('info'),
    LOG_FILE: z.string().optional(),
    KEEP_ACTS_DAYS: days.default(400),
    KEEP_LETTERS_DAYS: days.default(30),
    KEEP_REGISTRATIONS_DAYS: days.default(7),
    KEEP_INVITATIONS_DAYS: days.default(30),
    KEEP_DEVICES_DAYS: days.default(365),
    KEEP_USE_DAYS: days.default(760),
  });
}

/** `api.internal, 10.1.2.3, 10.1.0.0/16, fd00::/8` */
const insideNames = z.string().transform((text, context) => {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  for (const name of names) {
    const [address = '', bits, ...more] = name.split('/');
    const version = isIP(address);
    const isHost = version === 0 && bits === undefined && /^[a-z0-9.-]+$/i.test(name);
    const most = version === 4 ? 32 : 128;
    const isNetwork =
      version !== 0 &&
      more.length === 0 &&
      (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
    if (!isHost && !isNetwork) {
      context.addIssue(
        `must be hosts, addresses or networks with commas between: ${name} is none.`,
      );
    }
  }
  return names;
});

const fileOf = (...endings: string[]) =>
  z
    .string()
    .transform((text) => resolve(text))
    .refine((path) => endings.includes(extname(path)), `must end in ${endings.join(' or ')}.`)
    .refine((path) => existsSync(path), 'names a file that is not there.');

const days = z
  .string()
  .regex(/^[1-9]\d{0,4}$/, 'must be a whole number of days, 1 or more.')
  .transform(Number);

/** Port 0, any that is free, is for tests: the address we tell clients needs a number. */
const port = (least: number) =>
  z
    .string()
    .refine(
      (text) => /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= 65535,
      `must be a whole number from ${least} to 65535.`,
    )
    .transform(Number);

const origin = (production: boolean) =>
  z.string().transform((text, context) => {
    const url = urlOf(text);
    const isOrigin = url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
    if (!isOrigin) {
      context.addIssue('must be an origin such as https://login.example.com, without a path.');
    } else if (production && url.protocol !== 'https:') {
      context.addIssue('must begin with https:// in production.');
    }
    return url?.origin ?? text;
  });

const secret = (production: boolean) =>
  z
    .string()
    .min(32, 'must have at least 32 characters.')
    .refine(
      (text) => !production || !placeholderSecrets.includes(text),
      'is the placeholder that everyone knows: make your own with "openssl rand -base64 32".',
    );

/** Whatever else begins with our name is most likely a misspelling. */
const unknownSettings = (given: NodeJS.ProcessEnv): string[] =>
  Object.keys(given)
    .filter((name) => name.startsWith('SANDGATE_') && !settingNames().includes(name))
    .map((name) => `${name} is not a setting of Sandgate.`);
