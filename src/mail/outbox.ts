import { InvalidInput } from '../base/errors.ts';
import type { Db } from '../db/pool.ts';
import type { Letter } from './letter.ts';
import { insertLetter } from './store.ts';

/** Line breaks, NUL and their kin: they end a header, and no name or address has one. */
const control = /[\p{Cc}\u2028\u2029]/u;

/** One address, bare: no list, no comment, no quoted part, nothing that a header reader takes apart. */
const address = /^[^\s@<>()[\]\\,;:"]{1,64}@[^\s@<>()[\]\\,;:"]{1,255}$/u;

/**
 * Puts a letter in the outbox. Call it with the transaction of the change it tells about, so that
 * neither exists without the other; mail/dispatcher.ts sends it afterwards.
 * @throws {InvalidInput} under `email` for an address, under its own name for a word of the
 *   letter, that holds a line break or another control character.
 */
export async function enqueueLetter(
  db: Db,
  { to, letter }: { to: string; letter: Letter },
): Promise<void> {
  const wrong: Record<string, string> = {};
  for (const [field, value] of Object.entries(letter.data)) {
    if (typeof value === 'string' && control.test(value)) wrong[field] = 'Write this in one line.';
  }
  if (control.test(to) || !address.test(to)) {
    wrong.email = 'Write an email address, such as name@example.com.';
  }
  if (Object.keys(wrong).length > 0) throw new InvalidInput(wrong);

  await insertLetter(db, { recipient: to, letter });
}
