import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { example, startNginx, temporaryDirectory } from './front.ts';
import { startProgram, storiesWith } from './programs.ts';

const identity = {
  'x-subscription-id': 'sub',
  'x-product-id': 'product',
  'x-developer-id': 'team',
  'x-auth-subject': 'subject',
  'x-auth-client-id': 'client',
  'x-auth-scope': 'scope',
  'x-auth-test-user': 'true',
  'x-auth-environment': 'sandbox',
};

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

// A caller may name headers in `Connection`, for whoever is next to take off. If a gateway takes them
// off only after verify has set them, an API is told of a test user nothing at all.
describe('what verify says of a caller', () => {
  const directory = temporaryDirectory();
  const seen: IncomingHttpHeaders[] = [];
  const verify = createServer((_call, answer) => answer.writeHead(200, identity).end());
  const api = createServer((call, answer) => {
    seen.push(call.headers);
    answer.end();
  });
  let places: Record<string, string>;
  beforeAll(async () => {
    places = {
      '127.0.0.1:3000': `127.0.0.1:${await listening(verify)}`,
      '127.0.0.1:4000': `127.0.0.1:${await listening(api)}`,
    };
  });
  afterAll(() => {
    verify.close();
    api.close();
  });

  /** A call that names all of these headers in `Connection`; what the API saw of it. */
  async function calledThrough(port: number): Promise<IncomingHttpHeaders | undefined> {
    seen.length = 0;
    await new Promise<void>((resolve, reject) => {
      const headers = { connection: ['close', ...Object.keys(identity)].join(', ') };
      const sent = request({ host: '127.0.0.1', port, path: '/a', headers }, (answer) => {
        answer.resume().on('end', resolve);
      });
      sent.on('error', reject).end();
    });
    return seen[0];
  }

  storiesWith('caddy')('behind Caddy', () => {
    test('reaches the API, whatever the caller wants taken off', async () => {
      const port = await freePort();
      const file = join(directory, 'Caddyfile');
      const sites = example('caddy/Caddyfile', { ...places, ':8080': `:${port}` });
      writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${sites}`);
      const args = ['run', '--config', file, '--adapter', 'caddyfile'];
      const env = { HOME: directory, SANDGATE_GATEWAY_KEY: 'sg_gw_x' };
      const caddy = await startProgram('caddy', args, { port, env });
      const called = await calledThrough(port).finally(caddy.stop);
      expect(called).toMatchObject(identity);
    });
  });

  storiesWith('nginx')('behind nginx', () => {
    test('reaches the API, whatever the caller wants taken off', async () => {
      const port = await freePort();
      const servers = example('nginx/api.conf', {
        ...places,
        'listen 8080': `listen 127.0.0.1:${port}`,
        '/var/log/nginx': directory,
      });
      const nginx = await startNginx(directory, { port, servers });
      const called = await calledThrough(port).finally(nginx.stop);
      expect(called).toMatchObject(identity);
    });
  });
});
