import { fileURLToPath } from 'node:url';
import { freePort } from '../src/db/embedded-server.ts';
import { written } from './load.ts';
import type { Place } from './place.ts';
import { startNode } from './process.ts';
import type { Section } from './report.ts';
import type { Extent } from './run.ts';
import { alternate, type Contender } from './slots.ts';

const peer = fileURLToPath(new URL('peers/bare-provider.mjs', import.meta.url));
const discovery = '/.well-known/openid-configuration';

/** Discovery and keys, beside oidc-provider by itself. */
export async function documents({ server }: Place, extent: Extent): Promise<Section> {
  const bare = await startNode([peer], { port: await freePort(), ready: '/jwks', env: {} });
  const findings: Section['findings'] = [];
  const results: Section['results'] = [];
  try {
    for (const path of [discovery, '/jwks']) {
      const of = (name: string, at: typeof bare, prefix: string): Contender => ({
        name: `${name} ${path}`,
        server: at,
        load: {
          port: at.port,
          requests: [written(`${prefix}${path}`)],
          connections: extent.connections,
        },
        status: 200,
      });
      const contenders = [of('Sandgate', server, '/sandbox'), of('bare oidc-provider', bare, '')];
      const [ours, theirs] = await alternate(contenders, extent);
      if (!ours || !theirs) throw new Error('nothing was measured');
      results.push(ours, theirs);
      const times = theirs.cpu / ours.cpu;
      findings.push({ what: `${path}: times as fast`, value: times, unit: 'x', atLeast: 4 });
    }
  } finally {
    await bare.stop();
  }
  return { title: 'Discovery and keys', results, findings };
}
