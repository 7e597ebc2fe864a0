import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { documents } from './documents.ts';
import { memory } from './memory.ts';
import { openPlace } from './place.ts';
import { stepAside } from './process.ts';
import { printed, type Section } from './report.ts';
import { verify } from './verify.ts';

/** How long, and of how many: the whole, and what shows in 20 seconds that the bench itself works. */
const extents = {
  whole: { warmUp: 8, slot: 4, slots: 7, callers: 1000, strangers: 100_000, connections: 16 },
  smoke: { warmUp: 1, slot: 1, slots: 2, callers: 20, strangers: 500, connections: 16 },
} as const;

export type Extent = (typeof extents)[keyof typeof extents];

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
  },
});
const extent = values.smoke ? extents.smoke : extents.whole;
const machine = {
  node: process.version,
  cores: cpus().length,
  model: cpus()[0]?.model.trim() ?? '',
  pinned: stepAside(),
};

const place = await openPlace();
try {
  const sections: Section[] = [];
  for (const measure of [documents, verify, memory]) {
    if (values.only && values.only !== measure.name) continue;
    sections.push(await measure(place, extent));
  }
  process.stdout.write(printed(machine, sections));
  if (values.json) {
    writeFileSync(values.json, `${JSON.stringify({ machine, extent, sections }, null, 2)}\n`);
  }
} finally {
  await place.close();
}
