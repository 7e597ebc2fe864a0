import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/db/embedded-server.ts';
import { makeCallers, verifyOf } from './callers.ts';
import { load } from './load.ts';
import type { Place } from './place.ts';
import { startNode } from './process.ts';
import type { Section } from './report.ts';
import type { Extent } from './run.ts';
import { alternate, type Contender } from './slots.ts';

const peer = fileURLToPath(new URL('peers/verify-from-maps.mjs', import.meta.url));

/** Key and token, a limit, all headers, counted; beside a server that looks the same up and checks nothing. */
export async function verify(place: Place, extent: Extent): Promise<Section> {
  const { gatewayKey, all, file } = await makeCallers(place, extent.callers);
  const requests = all.map((caller) => verifyOf(gatewayKey, caller));
  const raw = await startNode([peer], {
    port: await freePort(),
    ready: '/health/ready',
    env: { VERIFY_DATA: file },
  });
  try {
    const of = (name: string, server: typeof raw): Contender => ({
      name,
      server,
      load: { port: server.port, requests, connections: extent.connections },
      status: 200,
    });
    const contenders = [of('Sandgate verify', place.server), of('raw server, from Maps', raw)];
    const [ours, theirs] = await alternate(contenders, extent);
    if (!ours || !theirs) throw new Error('nothing was measured');
    return {
      title: 'Verify: key and token, limit, all headers, counted',
      results: [ours, theirs],
      findings: [
        { what: 'CPU, times the raw server', value: ours.cpu / theirs.cpu, unit: 'x', atMost: 2 },
        { what: 'p99, times the raw server', value: ours.p99 / theirs.p99, unit: 'x', atMost: 2 },
      ],
      statements: await statementsOf(place, requests, extent),
    };
  } finally {
    await raw.stop();
  }
}

async function statementsOf(
  { statements, server }: Place,
  requests: Buffer[],
  { connections, slot }: Extent,
): Promise<NonNullable<Section['statements']>> {
  await sleep(1500); // what was counted before is written down
  statements.taken();
  const began = performance.now();
  const { count } = await load({ port: server.port, requests, connections, seconds: slot });
  const seconds = (performance.now() - began) / 1000;
  return { seconds, calls: count, each: Object.fromEntries(statements.taken()) };
}
