import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { readConfig, settingNames } from '../../src/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = (name: string) => readFileSync(join(root, name), 'utf8');
const dockerfile = file('Dockerfile');

describe('docker-compose.yml', () => {
  const { services, volumes } = parse(file('docker-compose.yml'));
  const { environment, ports, depends_on } = services.sandgate;
  const settings = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, String(value)]),
  );

  test('sets what Sandgate knows, to values that it takes', () => {
    expect(settingNames()).toEqual(expect.arrayContaining(Object.keys(settings)));
    expect(readConfig(settings)).toMatchObject({ mode: 'development', host: '0.0.0.0' });
  });

  test('publishes the port that Sandgate listens on, at the address that it tells clients', () => {
    const { port, baseUrl } = readConfig(settings);
    const [, published, inside] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(ports[0]) ?? [];
    expect(Number(inside)).toBe(port);
    expect(baseUrl).toBe(`http://localhost:${published}`);
  });

  test('names the database and the mail catcher as their services are named', () => {
    const { databaseUrl = '', smtpUrl = '' } = readConfig(settings);
    const { username, password, hostname, pathname } = new URL(databaseUrl);
    const { environment: postgres, volumes: mounts } = services[hostname];
    expect([username, password, pathname.slice(1)]).toEqual([
      postgres.POSTGRES_USER,
      postgres.POSTGRES_PASSWORD,
      postgres.POSTGRES_DB,
    ]);
    expect(Object.keys(volumes)).toContain(mounts[0].split(':')[0]);
    expect(Object.keys(depends_on)).toEqual([hostname, new URL(smtpUrl).hostname]);
    for (const name of Object.keys(depends_on)) expect(services).toHaveProperty(name);
  });
});

describe('Dockerfile', () => {
  test('tells Node what `npm start` tells it', () => {
    const flags = (command: string) => command.match(/--[a-z-]+(?:=\d+)?/g);
    const [, command = ''] = /^CMD (\[.+\])$/m.exec(dockerfile) ?? [];
    expect(flags(command)).toHaveLength(4);
    expect(flags(command)).toEqual(flags(JSON.parse(file('package.json')).scripts.start));
  });

  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
    (sources ?? '').split(' '),
  );

  test.each(copied)('copies %s, which git has and .dockerignore lets in', (source) => {
    expect(existsSync(join(root, source))).toBe(true);
    const git = spawnSync('git', ['ls-files', source], { cwd: root, encoding: 'utf8' });
    if (git.status === 0) expect(git.stdout).not.toBe(''); // else this is no clone
    expect(file('.dockerignore').split('\n')).toContain(`!${source}`);
  });

  test('copies every directory beside src/ that the server reads', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => file(join('src', name)))
      .join('\n');
    const read = [...sources.matchAll(/new URL\('(?:\.\.\/){2}(\w+)/g)].map(([, name]) => name);
    expect(read.length).toBeGreaterThan(0);
    expect(copied).toEqual(expect.arrayContaining([...read, 'programme']));
  });

  test('starts what the build makes, as a user without rights', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    const [, main = ''] =
      /^CMD \["node", (?:"--[^"]+", )*"dist\/(.+)\.js", "start"\]$/m.exec(dockerfile) ?? [];
    expect(existsSync(join(root, 'src', `${main}.ts`))).toBe(true);
  });
});
