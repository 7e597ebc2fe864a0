import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Busy } from '../base/errors.ts';
import type { OpenApi } from '../products/api.ts';

/** An OpenAPI document with its references followed, except those that lead in circles. */
export type ReadDocument = {
  document: OpenApi;
  /** A sentence for each thing that is wrong with it; what can be shown all the same is there. */
  faults: readonly string[];
};

export type Documents = {
  /**
   * Each text is read once; `digest` is what it is known again by.
   * @throws {Busy} when too many others are waiting.
   */
  read(given: { digest: string; text: () => Promise<string> }): Promise<ReadDocument>;
};

const program = fileURLToPath(new URL('./api-document-worker.mjs', import.meta.url));
const maxWaiting = 20;
/** Of the texts that are kept read, in characters. */
const room = 16_000_000;

/**
 * Reads documents in a thread beside the one that answers, one at a time.
 * @param patience after so many milliseconds a document is shown unchecked.
 */
export function createDocuments({ patience = 20_000 }: { patience?: number } = {}): Documents {
  const kept = new Map<string, { size: number; read: Promise<ReadDocument> }>();
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** The oldest go first: a Map keeps the order in which its keys were last set. */
  const keep = (digest: string, entry: { size: number; read: Promise<ReadDocument> }): void => {
    kept.delete(digest);
    kept.set(digest, entry);
    let size = 0;
    for (const one of kept.values()) size += one.size;
    for (const [oldest, { size: its }] of kept) {
      if (size <= room || oldest === digest) break;
      kept.delete(oldest);
      size -= its;
    }
  };

  const inTurn = async (text: string): Promise<ReadDocument> => {
    if (waiting >= maxWaiting) {
      throw new Busy('documents_busy', 'Many API pages are being prepared. Try again.', 5);
    }
    waiting += 1;
    const mine = last.then(() => inWorker(text, patience)).finally(() => (waiting -= 1));
    last = mine;
    return mine;
  };

  return {
    async read({ digest, text }) {
      const before = kept.get(digest);
      if (before) {
        keep(digest, before);
        return before.read;
      }
      const source = await text();
      const meanwhile = kept.get(digest);
      if (meanwhile) return meanwhile.read;
      const read = inTurn(source);
      keep(digest, { size: source.length, read });
      read.catch(() => kept.delete(digest)); // Busy: whoever comes next tries again
      return read;
    },
  };
}

/** Never rejects: what the worker cannot finish is shown as it is written. */
const inWorker = (text: string, patience: number): Promise<ReadDocument> =>
  new Promise((resolve) => {
    const worker = new Worker(program, {
      workerData: text,
      execArgv: [],
      env: {}, // none of our secrets
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    const finish = (read: ReadDocument): void => {
      clearTimeout(timer);
      resolve(read);
      void worker.terminate();
    };
    const giveUp = (why: string): void =>
      finish({ document: JSON.parse(text) as OpenApi, faults: [why] });
    const timer = setTimeout(
      () => giveUp('This document took too long to check, and is shown as it is written.'),
      patience,
    );
    worker.on('message', (read: ReadDocument) => finish(read)); // our own program writes it
    worker.on('error', () => giveUp('This document could not be checked as a whole.'));
  });
