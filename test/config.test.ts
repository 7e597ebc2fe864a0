import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  ConfigError,
  developmentSecret,
  placeholderSecrets,
  readConfig,
  settingNames,
} from '../src/config.ts';

const file = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

const production = {
  NODE_ENV: 'production',
  BASE_URL: 'https://login.example.com',
  DATABASE_URL: 'postgres://sandgate@db.example.com/sandgate',
  SMTP_URL: 'smtps://mail.example.com',
  SANDGATE_SECRET: 'a secret of this test, long enough to pass',
};

test('nothing set is a development server on this machine only', () => {
  expect(readConfig({})).toEqual({
    mode: 'development',
    gatewaysShowCredential: true,
    host: '127.0.0.1',
    port: 3000,
    baseUrl: 'http://localhost:3000',
    databaseUrl: undefined,
    smtpUrl: undefined,
    dataDir: resolve('.data'),
    secret: undefined,
    programmeDir: resolve('programme'),
    trustProxy: false,
    relayAllow: [],
    portal: true,
    brandFiles: { logo: undefined, stylesheet: undefined },
    requireSecondFactor: 'nobody',
    logLevel: 'info',
    logFile: undefined,
    keepDays: { acts: 400, letters: 30, registrations: 7, invitations: 30, devices: 365, use: 760 },
  });
});

test('a complete production server listens on every interface', () => {
  expect(readConfig({ ...production, TRUST_PROXY: 'true', PORT: '8080' })).toMatchObject({
    mode: 'production',
    host: '0.0.0.0',
    port: 8080,
    baseUrl: 'https://login.example.com',
    secret: production.SANDGATE_SECRET,
    trustProxy: true,
  });
  expect(readConfig({ REQUIRE_SECOND_FACTOR: 'administrators' })).toMatchObject({
    requireSecondFactor: 'administrators',
  });
});

test('everything wrong is told at once, a line each', () => {
  const env = {
    NODE_ENV: 'production',
    PORT: '99999',
    BASE_URL: 'http://login.example.com',
    SMTP_URL: 'mail.example.com',
    SANDGATE_SECRET: 'short',
    TRUST_PROXY: 'yes',
    SANDGATE_SECRTE: 'x',
  };
  const complaint = () => {
    try {
      return readConfig(env);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as Error).message.split('\n');
    }
  };

  expect(complaint()).toEqual([
    'SANDGATE_SECRTE is not a setting of Sandgate.',
    'PORT must be a whole number from 1 to 65535.',
    'BASE_URL must begin with https:// in production.',
    'DATABASE_URL must be set in production: the embedded database is for development.',
    'SMTP_URL must begin with smtp:// or smtps://.',
    'SANDGATE_SECRET must have at least 32 characters.',
    'TRUST_PROXY must be true or false.',
  ]);
});

test.each([
  ['PORT', '0', 'from 1'],
  ['PORT', '80a', 'from 1'],
  ['BASE_URL', 'https://example.com/oauth', 'without a path'],
  ['BASE_URL', 'https://example.com?x', 'without a path'],
  ['BASE_URL', 'https://me:pass@example.com', 'without a path'],
  ['BASE_URL', 'example.com', 'without a path'],
  ['BASE_URL', 'ftp://example.com', 'without a path'],
  ['DATABASE_URL', 'mysql://localhost/x', 'postgres://'],
  ['SMTP_URL', 'https://localhost', 'smtp://'],
  ['LOG_LEVEL', 'loud', 'must be one of trace'],
  ['PORTAL', 'no', 'must be on or off'],
  ['BRAND_LOGO', 'package.json', 'must end in .svg or .png'],
  ['BRAND_STYLESHEET', 'nowhere.css', 'names a file that is not there'],
  ['NODE_ENV', 'staging', 'must be development'],
])('%s=%s is refused', (name, value, why) => {
  expect(() => readConfig({ [name]: value })).toThrow(new RegExp(`^${name} .*${why}`));
});

test.each(['BASE_URL', 'DATABASE_URL', 'SMTP_URL', 'SANDGATE_SECRET'])(
  'production does not start without %s, and an empty one is none',
  (name) => {
    const line = new RegExp(`^${name} must be set in production`);
    expect(() => readConfig({ ...production, [name]: undefined })).toThrow(line);
    expect(() => readConfig({ ...production, [name]: '' })).toThrow(line);
  },
);

test('what the console may call inside is hosts, addresses and networks', () => {
  const { relayAllow } = readConfig({
    RELAY_ALLOW: 'api.internal, 10.1.0.0/16,fd00::/8 127.0.0.1',
  });
  expect(relayAllow).toEqual(['api.internal', '10.1.0.0/16', 'fd00::/8', '127.0.0.1']);
  for (const RELAY_ALLOW of [
    '10.0.0.0/33',
    'https://a.example',
    'a.example/8',
    '10.0.0.0/x',
    '*',
  ]) {
    expect(() => readConfig({ RELAY_ALLOW })).toThrow('RELAY_ALLOW must be hosts');
  }
});

test('a slash after the origin does no harm', () => {
  expect(readConfig({ BASE_URL: 'http://localhost:4000/' }).baseUrl).toBe('http://localhost:4000');
});

test.each(placeholderSecrets)('production refuses the published secret %s', (secret) => {
  expect(() => readConfig({ ...production, SANDGATE_SECRET: secret })).toThrow('placeholder');
  expect(readConfig({ SANDGATE_SECRET: secret }).secret).toBe(secret);
});

test('.env.example explains every setting and no other, and its values are good', () => {
  const lines = [...file('.env.example').matchAll(/^#?(?<name>[A-Z_]+)=(?<value>.*)$/gm)];
  const examples = lines.map(({ groups }) => [groups?.name, groups?.value]);

  expect(examples.map(([name]) => name).sort()).toEqual(settingNames().sort());
  expect(readConfig(Object.fromEntries(examples))).toBeDefined();
});

test('secrets that stand in the repository are known as placeholders', () => {
  for (const name of ['.env.example', 'docker-compose.yml']) {
    for (const [, secret] of file(name).matchAll(/SANDGATE_SECRET[=:] *(\S+)/g)) {
      expect(placeholderSecrets).toContain(secret);
    }
  }
});

test('a development server keeps one secret that only its user can read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sandgate-config-'));
  const secret = developmentSecret(join(directory, 'new'));

  expect(secret).toMatch(/^[\w-]{43}$/);
  expect(developmentSecret(join(directory, 'new'))).toBe(secret);
  expect(statSync(join(directory, 'new/secret')).mode & 0o777).toBe(0o600);
  rmSync(directory, { recursive: true });
});
