import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { urlOf } from '../base/url.ts';

/** The public keys with which an application signs its assertions (`private_key_jwt`, RFC 7523). */
export type KeySet = { keys: PublicJwk[] };
export type PublicJwk = JsonWebKey & { kid?: string; alg?: string; use?: string };

/** By kind of key, those that oidc-provider takes from a client. */
const algorithms: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'PS256'],
  EC: ['ES256'],
  OKP: ['Ed25519', 'EdDSA'],
};
export const assertionAlgorithms: readonly string[] = Object.values(algorithms).flat();

const publicMembers = ['kty', 'n', 'e', 'crv', 'x', 'y', 'kid', 'alg', 'use'] as const;
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const mostKeys = 10;

/** A key set, or a single key, as people paste it. `fault`: a sentence for the form. */
export function readKeySet(text: string): { keySet: KeySet } | { fault: string } {
  const value = parsed(text);
  if (value === undefined)
    return { fault: 'This is not JSON: paste a key set such as {"keys": […]}.' };
  const list = 'kty' in value ? [value] : value.keys;
  if (!Array.isArray(list))
    return { fault: 'Paste a key set: an object with a list named "keys".' };
  if (list.length === 0) return { fault: 'The list "keys" is empty: it needs at least one key.' };
  if (list.length > mostKeys) return { fault: `Use at most ${mostKeys} keys.` };
  for (const [at, key] of list.entries()) {
    const fault = keyFault(key);
    if (fault) return { fault: list.length > 1 ? `Key ${at + 1}: ${fault}` : fault };
  }
  const keys = (list as PublicJwk[]).map(publicPart);
  const kids = keys.map(({ kid }) => kid);
  if (keys.length > 1 && kids.includes(undefined)) {
    return {
      fault:
        'Give each key a "kid": with several, assertions have to say which one they are signed with.',
    };
  }
  if (new Set(kids).size < kids.length)
    return { fault: 'Two keys have the same "kid": give each its own.' };
  return { keySet: { keys } };
}

/**
 * Of a fetched document, the keys that can be used; what is no public key of ours to use is passed
 * over. Of several, as of pasted ones, each has a kid of its own: no assertion is tried on them all.
 */
export function usableKeys(text: string): KeySet | undefined {
  const value = parsed(text);
  if (!value || !Array.isArray(value.keys)) return undefined;
  const good = value.keys.filter((key) => keyFault(key) === undefined) as PublicJwk[];
  const named = new Map(good.flatMap((key) => (key.kid === undefined ? [] : [[key.kid, key]])));
  const apart = good.length > 1 ? [...named.values()] : good;
  return { keys: apart.slice(0, 2 * mostKeys).map(publicPart) };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function keyFault(key: unknown): string | undefined {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return 'This is not a key.';
  const jwk = key as Record<string, unknown>;
  if (privateMembers.some((member) => member in jwk)) {
    return 'This is a private or secret key, and it has now left your machine: make a new pair, and paste its public part only.';
  }
  const fitting = Object.hasOwn(algorithms, String(jwk.kty)) && algorithms[String(jwk.kty)];
  if (!fitting) return 'Use an RSA key, an EC key on P-256 or an Ed25519 key.';
  if (jwk.kid !== undefined && (typeof jwk.kid !== 'string' || !/^[!-~]{1,200}$/.test(jwk.kid))) {
    return 'A "kid" is a word of at most 200 characters.';
  }
  if (jwk.use !== undefined && jwk.use !== 'sig')
    return 'Its "use" is not "sig": this key is not for signatures.';
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) {
    return 'Its "key_ops" lack "verify": this key is not for signatures.';
  }
  if (jwk.alg !== undefined && !fitting.includes(String(jwk.alg))) {
    return `Its "alg" must be ${fitting.join(' or ')}.`;
  }
  return mathsFault(jwk);
}

function mathsFault(jwk: Record<string, unknown>): string | undefined {
  try {
    const key = createPublicKey({ key: publicPart(jwk as PublicJwk), format: 'jwk' });
    const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
    if (key.asymmetricKeyType === 'rsa') {
      if (Number(modulusLength) < 2048)
        return `This RSA key has ${modulusLength} bits: use 2048 or more.`;
      if (Number(modulusLength) > 4096) return 'This RSA key is too large: use at most 4096 bits.';
      // a large one makes each look at a signature, also a wrong one, a hundred times as dear
      const usual = Number(publicExponent) >= 3 && Number(publicExponent) < 2 ** 32;
      return usual ? undefined : 'This RSA key has an unusual exponent: use 65537.';
    }
    const good = key.asymmetricKeyType === 'ed25519' || namedCurve === 'prime256v1';
    return good ? undefined : 'Use the curve P-256, or Ed25519.';
  } catch {
    return 'This key cannot be read: a part of it is missing or wrong.';
  }
}

const publicPart = (jwk: PublicJwk): PublicJwk =>
  Object.fromEntries(
    publicMembers.flatMap((member) => (jwk[member] === undefined ? [] : [[member, jwk[member]]])),
  );

/** What is wrong with an address of keys before anything is fetched. `loopback`: whether http to this machine will do. */
export function jwksUriFault(uri: string, { loopback }: { loopback: boolean }): string | undefined {
  const url = /^https?:\/\/[!-~]+$/.test(uri) && uri.length <= 1000 ? urlOf(uri) : undefined;
  if (!url) return 'Write a whole address, such as https://app.example.com/jwks.json.';
  if (url.username || url.password || url.hash) return 'Leave out user names and "#".';
  if (loopback) {
    const here = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
    return url.protocol === 'https:' || here ? undefined : 'Use https.';
  }
  if (url.protocol !== 'https:') return 'Use https.';
  if (url.port !== '') return 'Use the port that https has by itself.';
  return undefined;
}
