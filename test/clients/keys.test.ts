import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { jwksUriFault, readKeySet, usableKeys } from '../../src/clients/keys.ts';

const pairOf = (kind: string, options: object) =>
  (
    generateKeyPairSync as unknown as (
      kind: string,
      options: object,
    ) => {
      publicKey: { export(o: object): JsonWebKey };
      privateKey: { export(o: object): JsonWebKey };
    }
  )(kind, options);
const publicJwk = (kind: string, options: object = {}): JsonWebKey =>
  pairOf(kind, options).publicKey.export({ format: 'jwk' });
const ec = publicJwk('ec', { namedCurve: 'P-256' });
const rsa = publicJwk('rsa', { modulusLength: 2048 });
const set = (...keys: object[]) => JSON.stringify({ keys });

describe('a pasted key set', () => {
  test.each<[what: string, text: string]>([
    ['an EC key on P-256', set(ec)],
    ['an RSA key of 2048 bits', set({ ...rsa, alg: 'PS256', use: 'sig' })],
    ['an Ed25519 key', set(publicJwk('ed25519'))],
    ['one key without a set around it', JSON.stringify(ec)],
    ['two keys, each with a kid', set({ ...ec, kid: 'a' }, { ...rsa, kid: 'b' })],
    ['key_ops with verify', set({ ...ec, key_ops: ['verify'] })],
  ])('%s is taken', (_, text) => {
    expect(readKeySet(text)).toHaveProperty('keySet.keys');
  });

  test('of each key only its public members are kept', () => {
    const read = readKeySet(set({ ...ec, kid: 'a', x5c: ['MII'], note: 'ours' }));
    expect(read).toEqual({ keySet: { keys: [{ ...ec, kid: 'a' }] } });
  });

  test.each<[what: string, text: string, words: string]>([
    ['nothing', '', 'not JSON'],
    ['a PEM', '-----BEGIN PUBLIC KEY-----', 'not JSON'],
    ['a list', '[]', 'not JSON'],
    ['an object without keys', '{}', 'list named "keys"'],
    ['an empty list', set(), 'at least one'],
    [
      'too many',
      set(...Array.from({ length: 11 }, (_, n) => ({ ...ec, kid: `k${n}` }))),
      'at most 10',
    ],
    [
      'a private EC key',
      set(pairOf('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })),
      'private',
    ],
    [
      'a private RSA key',
      set(pairOf('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })),
      'private',
    ],
    ['a shared secret', set({ kty: 'oct', k: 'c2VjcmV0' }), 'private or secret'],
    ['a small RSA key', set(publicJwk('rsa', { modulusLength: 1024 })), '1024 bits'],
    ['a large RSA key', set({ ...rsa, n: Buffer.alloc(640, 0xff).toString('base64url') }), '4096'],
    [
      'an RSA key with a huge exponent, with which junk is dear to refuse',
      set({ ...rsa, e: Buffer.alloc(250, 0x7f).toString('base64url') }),
      'use 65537',
    ],
    ['another curve', set(publicJwk('ec', { namedCurve: 'P-384' })), 'P-256'],
    ['X25519', set(publicJwk('x25519')), 'P-256'],
    ['a key of no known kind', set({ kty: 'toString' }), 'RSA key'],
    ['a key for encryption', set({ ...ec, use: 'enc' }), '"use"'],
    ['key_ops without verify', set({ ...ec, key_ops: ['sign'] }), '"key_ops"'],
    ['an alg that does not fit', set({ ...ec, alg: 'RS256' }), 'ES256'],
    ['alg none', set({ ...ec, alg: 'none' }), 'ES256'],
    ['the same kid twice', set({ ...ec, kid: 'a' }, { ...rsa, kid: 'a' }), 'the same "kid"'],
    ['two keys and one kid', set({ ...ec, kid: 'a' }, rsa), 'each key a "kid"'],
    ['a kid that is no word', set({ ...ec, kid: 'a b' }), '"kid"'],
    ['a point that is not on the curve', set({ ...ec, y: ec.x }), 'cannot be read'],
    ['half a key', set({ kty: 'RSA', e: 'AQAB' }), 'cannot be read'],
    ['null in the list', '{"keys":[null]}', 'not a key'],
  ])('%s is refused in words', (_, text, words) => {
    expect(readKeySet(text)).toEqual({ fault: expect.stringContaining(words) });
  });

  test('which of several is at fault is said', () => {
    const text = set({ ...ec, kid: 'a' }, { ...ec, kid: 'b', use: 'enc' });
    expect(readKeySet(text)).toEqual({ fault: expect.stringMatching(/^Key 2: /) });
  });
});

test('of a fetched set, what is no public key to use is passed over', () => {
  const secret = pairOf('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  expect(usableKeys(set(ec, secret, { kty: 'oct', k: 'eA' }, { ...rsa, use: 'enc' }))).toEqual({
    keys: [ec],
  });
  expect(usableKeys('<html>')).toBeUndefined();
  expect(usableKeys('{"keys":{}}')).toBeUndefined();
});

test('of several fetched keys each needs a kid of its own', () => {
  const named = { ...ec, kid: 'a' };
  expect(usableKeys(set(rsa))?.keys).toEqual([rsa]);
  expect(usableKeys(set(rsa, named, ec))?.keys).toEqual([named]);
  expect(usableKeys(set({ ...rsa, kid: 'a' }, named))?.keys).toHaveLength(1);
  const dear = { ...rsa, e: Buffer.alloc(250, 0x7f).toString('base64url') };
  expect(usableKeys(set(dear))?.keys).toEqual([]);
});

describe('the address of keys', () => {
  test.each([
    'https://app.example.com/jwks.json',
    'https://app.example.com',
    'https://8.8.8.8/jwks?v=1',
  ])('%s is good', (uri) => expect(jwksUriFault(uri, { loopback: false })).toBeUndefined());
  test.each([
    '',
    'app.example.com/jwks.json',
    'http://app.example.com/jwks.json',
    'http://localhost/jwks.json',
    'https://app.example.com:8443/jwks.json',
    'https://user@app.example.com/jwks.json',
    'https://app.example.com/jwks.json#keys',
    'https://app.example.com/jw ks.json',
    'file:///etc/passwd',
    'javascript:alert(1)',
    `https://app.example.com/${'a'.repeat(1000)}`,
  ])('%j is refused', (uri) => {
    expect(jwksUriFault(uri, { loopback: false })).toMatch(/^[A-Z]/);
  });
  test('in development also http on this machine, and nothing else without https', () => {
    expect(jwksUriFault('http://localhost:9000/jwks.json', { loopback: true })).toBeUndefined();
    expect(jwksUriFault('http://app.example.com/jwks.json', { loopback: true })).toBe('Use https.');
  });
});
