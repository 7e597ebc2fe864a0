import { Readable } from 'node:stream';
import type { Context } from 'koa';
import type { Db } from '../db/pool.ts';
import { eventLinesOf } from './export.ts';
import { eventBatchOf } from './export-batch.ts';
import { csvOf } from './report-file.ts';
import type { UseQuery } from './report-query.ts';
import type { Owner } from './report-store.ts';

/** By how the file's name ends. */
export const useFiles = ['csv', 'jsonl', 'json'] as const;
export type UseFile = (typeof useFiles)[number];

const types: Readonly<Record<UseFile, string>> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson',
  json: 'application/cloudevents-batch+json; charset=utf-8',
};

/** Answers with what a page of use counts; `source`: our public origin. */
export function sendUse(
  ctx: Context,
  db: Db,
  { file, owner, query, source }: { file: UseFile; owner: Owner; query: UseQuery; source: string },
): void {
  const { filter, span } = query;
  const wanted = { owner, filter, from: span.from, until: span.until };
  const lines = {
    csv: () => csvOf(db, wanted),
    jsonl: () => eventLinesOf(db, wanted, { source }),
    json: () => eventBatchOf(db, wanted, { source }),
  };
  ctx.attachment(`calls-${span.on}.${file}`); // before the type, which it would guess
  ctx.type = types[file];
  ctx.body = Readable.from(lines[file]());
}
