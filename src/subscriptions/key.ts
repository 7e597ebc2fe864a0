import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Environment } from '../base/environment.ts';

/** One of the two keys of a subscription. Its value is not here: only sealed, in `sealed`. */
export type SubscriptionKey = {
  id: string;
  subscriptionId: string;
  slot: Slot;
  sealed: Buffer;
  /** What a page may show of it. */
  lastFour: string;
  createdAt: Date;
  /** Null: as long as the subscription. */
  expiresAt: Date | null;
  /** When a newer key took its slot; until `expiresAt` it works beside that. */
  replacedAt: Date | null;
  /** Null: never. */
  lastUsedAt: Date | null;
};

export const slots = ['primary', 'secondary'] as const;
export type Slot = (typeof slots)[number];

/** How long a key may live on once a new one took its place, in seconds. */
export const overlaps = { now: 0, '1h': 3600, '24h': 86_400, '7d': 604_800 } as const;
export type Overlap = keyof typeof overlaps;

/** When that is, as people read it after "the old one stops". */
export const overlapWords: Readonly<Record<Overlap, string>> = {
  now: 'at once',
  '1h': 'after 1 hour',
  '24h': 'after 24 hours',
  '7d': 'after 7 days',
};

const prefixes = { sandbox: 'sg_test_', live: 'sg_live_' } as const;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomCharacters = 30; // 178 bits
const checksumCharacters = 6; // 62^6 > 2^32
const form = /^sg_(?:test|live)_[0-9A-Za-z]{36}$/;

/** `sg_test_` or `sg_live_`, 30 random characters, 6 of checksum: secret scanners can recognise it. */
export function newKey(environment: Environment): string {
  let key: string = prefixes[environment];
  for (let i = 0; i < randomCharacters; i += 1) key += alphabet.charAt(randomInt(alphabet.length));
  return key + checksumOf(key);
}

/** Whether it could be a key of ours. A mistyped or invented one is refused without a query. */
export const looksLikeKey = (value: string): boolean =>
  form.test(value) &&
  checksumOf(value.slice(0, -checksumCharacters)) === value.slice(-checksumCharacters);

/** What all keys of an environment begin with. */
export const prefixOf = (environment: Environment): string => prefixes[environment];

/** What the key says of itself; the row it opens must say the same. */
export const environmentOfKey = (key: string): Environment =>
  key.startsWith(prefixes.live) ? 'live' : 'sandbox';

/** CRC32 in base62: against typing errors, not against anyone who means it. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < checksumCharacters; i += 1) {
    digits = alphabet.charAt(rest % alphabet.length) + digits;
    rest = Math.floor(rest / alphabet.length);
  }
  return digits;
}
