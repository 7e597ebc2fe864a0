import { writeFileSync } from 'node:fs';
import { startEnvoy } from './envoy.ts';
import { example, startNginx } from './front.ts';
import { type Program, startProgram } from './programs.ts';

/** The gateways of examples/, from the very files that are there to be copied. */

type Places = { directory: string; port: number; verify: string; api: string; key: string };
type Front = (places: Places) => Promise<Program>;

export const nginx: Front = ({ directory, port, verify, api, key }) =>
  startNginx(directory, {
    port,
    servers: example('nginx/api.conf', {
      'listen 8080': `listen 127.0.0.1:${port}`,
      '/var/log/nginx/api.log': `${directory}/api.log`,
      '127.0.0.1:3000': verify,
      '127.0.0.1:4000': api,
      sg_gw_CHANGE_ME: key,
    }),
  });

export const caddy: Front = async ({ directory, port, verify, api, key }) => {
  const file = `${directory}/Caddyfile`;
  const servers = example('caddy/Caddyfile', {
    ':8080': `http://127.0.0.1:${port}`,
    '127.0.0.1:3000': verify,
    '127.0.0.1:4000': api,
  });
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${servers}`);
  const env = { SANDGATE_GATEWAY_KEY: key, HOME: directory };
  return startProgram('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], { port, env });
};

export const envoy: Front = ({ port, verify, api, key }) => {
  const changes = { 'http://127.0.0.1:3000': `http://${verify}`, sg_gw_CHANGE_ME: key };
  return startEnvoy(example('envoy/envoy.yaml', changes), { port, api });
};
