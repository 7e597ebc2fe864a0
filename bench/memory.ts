import { setTimeout as sleep } from 'node:timers/promises';
import { newKey } from '../src/subscriptions/key.ts';
import { makeCallers, verifyOf } from './callers.ts';
import { load } from './load.ts';
import type { Place } from './place.ts';
import type { Section } from './report.ts';
import type { Extent } from './run.ts';

/** What the process holds after the load before, and after callers whom nobody knows tried to fill it. */
export async function memory(place: Place, extent: Extent): Promise<Section> {
  const { server } = place;
  const before = server.memory();
  const { gatewayKey, all } = await makeCallers(place, 1);
  const stranger = (_: unknown, at: number): Buffer =>
    verifyOf(gatewayKey, { key: newKey('sandbox'), token: `${all[0]?.token}${at}` });
  const { count } = await load({
    port: server.port,
    requests: Array.from({ length: extent.strangers }, stranger),
    connections: extent.connections,
    seconds: extent.slot * 4,
  });
  await sleep(2000);
  const unit = 'MiB';
  return {
    title: 'Memory of one process',
    results: [],
    findings: [
      { what: 'when it was ready', value: place.atRest, unit },
      { what: 'from its start until it answered', value: server.startedIn, unit: 'ms' },
      { what: 'after the load above', value: before, unit, atMost: 160 },
      { what: `after ${count} calls of strangers`, value: server.memory(), unit, atMost: 160 },
    ],
  };
}
