import { stringify } from 'yaml';
import type { Db } from '../db/pool.ts';
import { findDocumentText, findSeenApi } from '../products/catalogue-api-store.ts';
import type { Asked } from './api-page.ts';

type Download = { name: string; type: string; text: string };

export type Downloads = {
  /** A document as it was written; undefined where the viewer sees none, or in another format. */
  find(asked: Asked, format: string): Promise<Download | undefined>;
};

const mostKept = 8;

/** Documents as files. To write YAML takes as long as a second, so the last few are kept. */
export function createDownloads(db: Db): Downloads {
  const kept = new Map<string, string>();

  const yamlOf = (digest: string, text: string): string => {
    // without anchors: not every tool follows them
    const yaml = stringify(JSON.parse(text), { aliasDuplicateObjects: false });
    kept.set(digest, yaml);
    const [oldest] = kept.keys();
    if (oldest !== undefined && kept.size > mostKept) kept.delete(oldest);
    return yaml;
  };

  return {
    async find(asked, format) {
      const api = await findSeenApi(db, asked);
      if (!api || (format !== 'json' && format !== 'yaml')) return undefined;
      const name = `${api.id}-${api.version}`.replace(/[^\w.-]+/g, '-');
      const written = format === 'yaml' ? kept.get(api.digest) : undefined;
      const text = written ?? (await findDocumentText(db, api));
      if (text === undefined) return undefined;
      if (format === 'yaml') {
        const yaml = written ?? yamlOf(api.digest, text);
        return { name: `${name}.yaml`, type: 'application/yaml', text: yaml };
      }
      const pretty = JSON.stringify(JSON.parse(text), null, 2);
      return { name: `${name}.json`, type: 'application/json', text: `${pretty}\n` };
    },
  };
}
