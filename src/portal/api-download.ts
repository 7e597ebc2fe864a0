import { stringify } from 'yaml';
import type { Db } from '../db/pool.ts';
import { findDocumentText, findSeenApi } from '../products/catalogue-api-store.ts';
import type { Asked } from './api-page.ts';

/** A document as a file, as it was written; undefined where the viewer sees none, or in another format. */
export async function downloadOf(
  db: Db,
  asked: Asked,
  format: string,
): Promise<{ name: string; type: string; text: string } | undefined> {
  const api = await findSeenApi(db, asked);
  const text = api && (await findDocumentText(db, api));
  if (text === undefined) return undefined;
  const name = `${api?.id}-${api?.version}`.replace(/[^\w.-]+/g, '-');
  if (format === 'json') {
    const pretty = JSON.stringify(JSON.parse(text), null, 2);
    return { name: `${name}.json`, type: 'application/json', text: `${pretty}\n` };
  }
  if (format !== 'yaml') return undefined;
  // without anchors: not every tool follows them
  const yaml = stringify(JSON.parse(text), { aliasDuplicateObjects: false });
  return { name: `${name}.yaml`, type: 'application/yaml', text: yaml };
}
