import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import { newId } from '../base/secrets.ts';
import type { Db } from '../db/pool.ts';
import { secretsOf } from './letter.ts';
import { writeLetter } from './rendering.ts';
import { saveDead, savePutOff, saveSent, type TakenLetter, takeDueLetters } from './store.ts';
import type { Delivery, Send } from './transport.ts';

export type Settings = {
  /** Milliseconds between two looks into the outbox. */
  every: number;
  /** Letters that are sent at once. */
  batch: number;
  /** Seconds that a taken letter is ours; longer than a try can last. */
  lease: number;
  /** Seconds before the second try; each wait is twice the one before, up to `longestWait`. */
  firstWait: number;
  longestWait: number;
  /** After so many a letter is given up. */
  tries: number;
  /** Milliseconds that `stop` waits for letters on their way. */
  stopWithin: number;
};

/** A mail server may be away for two days: 200 tries, most of them 15 minutes apart. */
export const defaults: Settings = {
  every: 1_000,
  batch: 5,
  lease: 120,
  firstWait: 5,
  longestWait: 900,
  tries: 200,
  stopWithin: 10_000,
};

export type Dispatcher = {
  start(): void;
  /** Looks into the outbox now: for whoever has just committed a letter. Needless, but quicker. */
  kick(): void;
  /** Takes no more letters, and waits for those on their way. What is left, others take. */
  stop(): Promise<void>;
};

/**
 * Sends what is in the outbox, at least once each. Any number may work on one database: a letter
 * is leased to one of them, and sent while no transaction is open.
 */
export function createDispatcher(parts: {
  pool: Db;
  send: Send;
  brand: string;
  /** The public origin. */
  baseUrl: string;
  log: Logger;
  settings?: Partial<Settings>;
}): Dispatcher {
  const { pool, log } = parts;
  const settings = { ...defaults, ...parts.settings };
  const host = new URL(parts.baseUrl).hostname;
  let stopping = false;
  let kicked = false;
  let awake = new AbortController();
  let working: Promise<void> = Promise.resolve();

  const kick = (): void => {
    kicked = true;
    awake.abort();
  };

  async function trySending({ recipient, letter, messageId }: TakenLetter): Promise<Delivery> {
    try {
      const written = await writeLetter(letter, { ...parts, cache: true });
      return await parts.send({ ...written, to: recipient, messageId: `<${messageId}@${host}>` });
    } catch (error) {
      log.error({ err: error, template: letter.template }, 'a letter could not be written');
      return { sent: false, permanent: false, reason: 'the letter could not be written' };
    }
  }

  async function deliver(taken: TakenLetter, lease: string): Promise<void> {
    const { id, letter, tries } = taken;
    const secrets = secretsOf(letter);
    const delivery = await trySending(taken);
    if (delivery.sent) {
      await saveSent(pool, { id, secrets });
      log.info({ letter: id, template: letter.template, tries }, 'sent a letter');
      return;
    }
    const { reason: error, permanent } = delivery;
    const told = { letter: id, template: letter.template, tries, reason: error };
    if (permanent || tries >= settings.tries) {
      await saveDead(pool, { id, lease, error, secrets });
      log.error(told, 'gave up a letter');
      return;
    }
    await savePutOff(pool, { id, lease, error, seconds: waitAfter(tries, settings) });
    log.warn(told, 'a letter did not go out; it will be tried again');
  }

  /** @returns whether there may be more. */
  async function sendBatch(): Promise<boolean> {
    const lease = newId();
    const { batch: limit, lease: seconds } = settings;
    const taken = await takeDueLetters(pool, { lease, seconds, limit });
    const results = await Promise.allSettled(taken.map((letter) => deliver(letter, lease)));
    for (const result of results) {
      // the lease ends by itself, and the letter goes out once more under the same Message-ID
      if (result.status === 'rejected') {
        log.warn({ err: result.reason }, 'what became of a letter could not be written down');
      }
    }
    return taken.length === limit;
  }

  async function work(): Promise<void> {
    let lost = false; // whether the outbox could not be read the last time: said once, not each second
    while (!stopping) {
      let more = false;
      kicked = false;
      awake = new AbortController();
      try {
        more = await sendBatch();
        lost = false;
      } catch (error) {
        if (!lost) log.warn({ err: error }, 'the outbox cannot be read; trying on');
        lost = true;
      }
      if (more || kicked || stopping) continue;
      await sleep(settings.every, undefined, { signal: awake.signal, ref: false }).catch(() => {});
    }
  }

  return {
    start() {
      working = work();
    },
    kick,
    async stop() {
      stopping = true;
      kick();
      const late = new AbortController();
      const waited = sleep(settings.stopWithin, undefined, { signal: late.signal });
      await Promise.race([working, waited]);
      late.abort();
      await waited.catch(() => {});
    },
  };
}

/** In seconds; from 0.8 to 1.2 times the plan, so that letters that failed together do not return together. */
const waitAfter = (tries: number, { firstWait, longestWait }: Settings): number =>
  Math.min(firstWait * 2 ** (tries - 1), longestWait) * (0.8 + Math.random() * 0.4);
