import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

/** What a new password must be where it stands alone (SP 800-63B-4 section 3.1.1). */
export type PasswordRules = {
  /**
   * What is wrong with it and what to do, in a sentence to show beside the field; undefined: it is
   * good. Nothing is trimmed, and no kind of character is asked for.
   */
  problemOf(password: string, person: { name: string; email: string }): string | undefined;
};

export const shortestPassword = 15;
const longestPassword = 1024;
/** So much of a password is judged: the work grows fast with its length. */
const judged = 64;
/** As many guesses as zxcvbn's best mark asks for, so that nobody gets in before a throttle bites. */
const fewestGuesses = 1e10;
/** Characters, spaces and punctuation apart, that must be left when words that anyone expects here are taken out. */
const leastOfOnesOwn = 8;

/** Expected in a password of this server, whoever chooses it. */
const ourWords = ['sandgate', 'sandbox', 'developer', 'portal', 'password', 'welcome', 'login'];

/** @param words the programme's name and other words that anyone would try here. */
export function createPasswordRules({ words }: { words: readonly string[] }): PasswordRules {
  const library = new ZxcvbnFactory({
    dictionary,
    graphs: adjacencyGraphs,
    maxLength: judged,
    l33tMaxSubstitutions: 20,
  });
  const ours = [...ourWords, ...words.flatMap(wordsIn)];

  return {
    problemOf(password, { name, email }) {
      if (password.length > longestPassword) return 'Too long: use at most 1,024 characters.';
      const normal = password.normalize('NFC'); // as it will be hashed
      const length = [...normal].length;
      if (length === 0) return 'Fill this in.';
      if (length < shortestPassword) return tooShort(length);

      const expected = [...ours, ...wordsIn(name), ...wordsIn(email)];
      if (withoutWords(normal, expected) < leastOfOnesOwn) {
        return 'This is made of your name, your address or words of this service, which are guessed first. Use a few words that say nothing about either.';
      }
      const { guesses, sequence } = library.check(normal.slice(0, judged), expected);
      if (guesses >= fewestGuesses) return undefined;
      return sequence.every(({ pattern }) => pattern === 'repeat' || pattern === 'sequence')
        ? 'This repeats itself or counts on, which is guessed first. Use a few words in a row.'
        : 'This is among the passwords that are guessed first. Use a few words that do not belong together.';
    },
  };
}

function tooShort(length: number): string {
  const missing = shortestPassword - length;
  const characters = length === 1 ? '1 character' : `${length} characters`;
  return `Too short: ${characters}. Add ${numbers[missing] ?? missing} more.`;
}

const numbers = 'zero one two three four five six seven eight nine'.split(' ');

/** Of three letters or more; `priya.nair@larkfield.example` → priya, nair, larkfield, example. */
const wordsIn = (text: string): string[] =>
  folded(text)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => [...word].length >= 3);

/** How many characters are left, spaces and punctuation apart. */
function withoutWords(password: string, words: readonly string[]): number {
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  let rest = folded(password);
  for (const word of longestFirst) rest = rest.replaceAll(word, ' ');
  return rest.match(/[^\s\p{P}]/gu)?.length ?? 0;
}

const folded = (text: string): string => text.normalize('NFKC').toLowerCase();
