import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** From the ground up. A file imports from its own room and from floors below it, never up or across. */
const floors = [
  ['base'],
  ['config.ts'],
  ['db', 'http'],
  ['mail', 'audit', 'suspensions'],
  ['accounts', 'teams', 'products'],
  ['subscriptions', 'test-users'],
  ['clients'],
  ['usage'],
  ['oauth'],
  ['gateway'],
  ['portal', 'sandbox', 'admin', 'management'],
  ['app.ts'],
  ['commands'],
  ['index.ts'],
];

const root = new URL('../src/', import.meta.url).pathname;
const files = (readdirSync(root, { recursive: true }) as string[]).filter((f) => f.endsWith('.ts'));
const source = (file: string): string => readFileSync(join(root, file), 'utf8');
const room = (file: string): string => file.split('/')[0] ?? file;
const floor = (file: string): number => floors.findIndex((rooms) => rooms.includes(room(file)));
const imports = (file: string): string[] =>
  [...source(file).matchAll(/^(?:import|export)\s(?:[^;]*?from )?'(\.[^']+)'/gm)].map((match) =>
    normalize(join(dirname(file), match[1] ?? '')),
  );

test.each(files)('%s stands on its floor', (file) => {
  expect(floor(file)).toBeGreaterThanOrEqual(0); // a new room must be given a floor
  const wrong = imports(file).filter(
    (target) => room(target) !== room(file) && floor(target) >= floor(file),
  );
  expect(wrong).toEqual([]);
});

test.each(files)('%s imports nothing that imports it back', (file) => {
  const seen = new Set<string>();
  const visit = (current: string): void => {
    for (const next of imports(current).filter((one) => one.endsWith('.ts'))) {
      if (seen.has(next)) continue;
      seen.add(next);
      visit(next);
    }
  };
  visit(file);
  expect([...seen]).not.toContain(file);
});

test.each(files)('%s lies in a room, not in a cupboard of one', (file) => {
  const depth = file.split('/').length;
  expect(depth).toBeLessThanOrEqual(file.startsWith('oauth/grants/') ? 3 : 2);
});

test.each(files)('%s is short enough to read at one sitting', (file) => {
  expect(source(file).split('\n').length).toBeLessThanOrEqual(250);
});

const statement = /[`'"]\s*(select|insert into|update|delete from|with \w+ as)\s/i;
const holdsSql = /(^|\/)(store|[\w-]+-store)\.ts$|^db\//;
test.each(files.filter((file) => !holdsSql.test(file)))('%s holds no SQL', (file) => {
  const code = source(file).replace("pool.query('select 1')", ''); // app.ts asks whether Postgres is there
  expect(code).not.toMatch(statement);
});

test.each(files.filter((file) => file !== 'index.ts'))('%s reads no environment', (file) => {
  expect(source(file).replace(/\/\*\*?[\s\S]*?\*\//g, '')).not.toMatch(/process\.env\b/);
});

test.each(files.filter((file) => file !== 'base/url.ts'))(
  '%s asks urlOf, not URL.canParse',
  (file) => {
    expect(source(file)).not.toContain('URL.canParse('); // wrong on Node 20: base/url.ts
  },
);

/** A dependency that is chosen once lives in one place, so that it can be changed in one place. */
test.each([
  ['argon2', /^base\/password/],
  ['ejs', /^(http\/render|mail\/rendering)\.ts$/],
  ['otpauth', /^accounts\/second-factor-app\.ts$/],
  ['qrcode', /^accounts\/second-factor-picture\.ts$/],
  ['nodemailer', /^mail\/transport\.ts$/],
  ['rate-limiter-flexible', /^db\/throttle\.ts$/],
  ['node-pg-migrate', /^db\/migrate\.ts$/],
  ['@readme/openapi-parser', /^portal\/api-document-worker\.mjs$/],
  ['@readme/httpsnippet', /^portal\/sample-code\.ts$/],
  ['markdown-it', /^portal\/api-markdown\.ts$/],
  ['swagger-ui-dist', /^portal\/api-explorer-files\.ts$/],
  ['openapi-sampler', /^portal\/api-example\.ts$/],
  ['oidc-provider', /^oauth\//],
])('%s is known to its own room only', (name, home) => {
  const users = files.filter((file) => source(file).includes(`from '${name}`));
  expect(users.filter((file) => !home.test(file))).toEqual([]);
});
