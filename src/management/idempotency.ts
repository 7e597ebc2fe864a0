import type pg from 'pg';
import { digest, type Keyring } from '../base/secrets.ts';
import { transaction } from '../db/pool.ts';
import { poolWithin } from '../db/within.ts';
import { findWrite, saveWrite, tryHoldWrite } from './idempotency-store.ts';
import type { Answer } from './operation.ts';
import { Problem } from './problem.ts';

type Parts = { pool: pg.Pool; keyring: Keyring };

/** A write with a key of its own; `content` is all that it asks. */
type Write = { clientId: string; key: string; content: string };

/**
 * Does a write once, however often it comes within a day: what was done and what was answered are
 * kept in one transaction, so that no crash leaves the one without the other. A write that is refused
 * has done nothing, and may come again with the same key.
 * @throws {Problem} 409 `in_flight` while the same key is at work, 422 `key_reused` for another
 *   request under the same key.
 */
export const once = (
  { pool, keyring }: Parts,
  { clientId, key, content }: Write,
  work: (pool: pg.Pool) => Promise<Answer>,
): Promise<{ answer: Answer; replayed: boolean }> =>
  transaction(pool, async (tx) => {
    const which = { clientId, key: digest(key) };
    const context = `idempotent_writes.sealed ${clientId} ${which.key.toString('hex')}`;
    if (!(await tryHoldWrite(tx, which))) {
      throw new Problem(
        409,
        'in_flight',
        'A request with this Idempotency-Key is at work just now.',
      );
    }
    const fingerprint = keyring.fingerprint(content);
    const before = await findWrite(tx, which);
    if (before && !before.fingerprint.equals(fingerprint)) {
      throw new Problem(
        422,
        'key_reused',
        'This Idempotency-Key came with another request. Use a new one for each.',
      );
    }
    if (before) {
      const kept = JSON.parse(keyring.open(before.sealed, context)) as { answer?: Answer };
      return { answer: kept.answer, replayed: true };
    }
    const answer = await work(poolWithin(tx));
    const sealed = keyring.seal(JSON.stringify({ answer }), context);
    await saveWrite(tx, { ...which, fingerprint, sealed });
    return { answer, replayed: false };
  });

/** RFC 8941 strings and bare words alike. @throws {Problem} 400 */
export function readKey(header: string): string {
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new Problem(
    400,
    'malformed_key',
    'An Idempotency-Key has 1 to 255 visible ASCII characters.',
  );
}
