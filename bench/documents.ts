import { fileURLToPath } from 'node:url';
import { freePort } from '../src/db/embedded-server.ts';
import { written } from './load.ts';
import type { Place } from './place.ts';
import { type Running, startNode } from './process.ts';
import type { Section } from './report.ts';
import type { Extent } from './run.ts';
import { alternate, type Contender } from './slots.ts';

const peer = (name: string): string => fileURLToPath(new URL(`peers/${name}.mjs`, import.meta.url));
const discovery = '/.well-known/openid-configuration';

/** Discovery and keys, beside oidc-provider by itself, and beside a server that answers nothing. */
export async function documents({ server }: Place, extent: Extent): Promise<Section> {
  const start = async (name: string): Promise<Running> =>
    startNode([peer(name)], { port: await freePort(), ready: '/jwks', env: {} });
  const bare = await start('bare-provider');
  const empty = await start('empty-answer');
  const findings: Section['findings'] = [];
  const results: Section['results'] = [];
  try {
    for (const path of [discovery, '/jwks']) {
      const of = (name: string, at: Running, prefix: string): Contender => ({
        name: `${name} ${path}`,
        server: at,
        load: {
          port: at.port,
          requests: [written(`${prefix}${path}`)],
          connections: extent.connections,
        },
        status: 200,
      });
      const contenders = [
        of('Sandgate', server, '/sandbox'),
        of('bare oidc-provider', bare, ''),
        of('nothing, by node:http', empty, ''),
      ];
      const [ours, theirs, nothing] = await alternate(contenders, extent);
      if (!ours || !theirs || !nothing) throw new Error('nothing was measured');
      results.push(ours, theirs, nothing);
      const times = ({ cpu }: typeof ours) => theirs.cpu / cpu;
      findings.push(
        { what: `${path}: times as fast`, value: times(ours), unit: 'x', atLeast: 4 },
        { what: `${path}: an empty answer, times as fast`, value: times(nothing), unit: 'x' },
      );
    }
  } finally {
    await bare.stop();
    await empty.stop();
  }
  return { title: 'Discovery and keys', results, findings };
}
