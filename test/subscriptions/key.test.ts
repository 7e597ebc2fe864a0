import { environmentOfKey, looksLikeKey, newKey } from '../../src/subscriptions/key.ts';
import { makeKeys, openKey } from '../../src/subscriptions/key-service.ts';
import { listKeys } from '../../src/subscriptions/key-store.ts';
import { stateAfter } from '../../src/subscriptions/subscription.ts';
import { useDatabase } from '../support/database.ts';
import { aProduct, aSubscription, keyring } from '../support/seed.ts';

describe('a subscription key', () => {
  test('says its environment, and is letters and digits from there on', () => {
    expect(newKey('sandbox')).toMatch(/^sg_test_[0-9A-Za-z]{36}$/);
    expect(newKey('live')).toMatch(/^sg_live_[0-9A-Za-z]{36}$/);
    expect(environmentOfKey(newKey('live'))).toBe('live');
    expect(environmentOfKey(newKey('sandbox'))).toBe('sandbox');
  });

  test('of a thousand none comes twice and all are recognised', () => {
    const keys = Array.from({ length: 1000 }, () => newKey('sandbox'));
    expect(new Set(keys).size).toBe(1000);
    expect(keys.filter(looksLikeKey)).toHaveLength(1000);
  });

  test('its checksum is CRC32 in base62, so that others can recognise one', () => {
    // crc32("sg_test_" + "0" * 30) = 0x305e79bd, by another implementation (Python's zlib)
    expect(looksLikeKey(`sg_test_${'0'.repeat(30)}0suxg5`)).toBe(true);
  });

  test('with any one character changed it is none', () => {
    const key = newKey('live');
    for (let at = 0; at < key.length; at += 1) {
      const other = key[at] === 'x' ? 'y' : 'x';
      expect(looksLikeKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
  });

  test('its environment cannot be changed by its prefix', () => {
    expect(looksLikeKey(newKey('sandbox').replace('test', 'live'))).toBe(false);
  });

  test.each([
    [''],
    ['sg_test_'],
    ['a'.repeat(44)],
    [`${newKey('live')}\n`],
    [` ${newKey('live')}`],
  ])('%j is none', (value) => expect(looksLikeKey(value)).toBe(false));
});

describe('the keys of a subscription', () => {
  const pool = useDatabase();

  test('are two, of its environment, found by fingerprint and readable with the master secret', async () => {
    const product = await aProduct(pool, { environment: 'live' });
    const subscription = await aSubscription(pool, { product });
    await makeKeys(pool, keyring, subscription);

    const keys = await listKeys(pool, subscription.id);
    expect(keys.map(({ slot }) => slot)).toEqual(['primary', 'secondary']);
    for (const key of keys) {
      const value = openKey(keyring, key);
      expect(value).toMatch(/^sg_live_/);
      expect(key.lastFour).toBe(value.slice(-4));
    }
  });

  test('stay the same when asked for again', async () => {
    const subscription = await aSubscription(pool);
    await makeKeys(pool, keyring, subscription);
    const before = await listKeys(pool, subscription.id);
    await makeKeys(pool, keyring, subscription);
    expect(await listKeys(pool, subscription.id)).toEqual(before);
  });

  test('do not open in another row', async () => {
    const subscription = await aSubscription(pool);
    await makeKeys(pool, keyring, subscription);
    const [first, second] = await listKeys(pool, subscription.id);
    const moved = { id: String(first?.id), sealed: second?.sealed ?? Buffer.alloc(0) };
    expect(() => openKey(keyring, moved)).toThrow();
  });
});

describe('the moves of a subscription', () => {
  test.each([
    ['approve', 'submitted', 'active'],
    ['reject', 'submitted', 'rejected'],
    ['suspend', 'active', 'suspended'],
    ['resume', 'suspended', 'active'],
    ['cancel', 'active', 'cancelled'],
    ['cancel', 'submitted', 'cancelled'],
    ['cancel', 'suspended', 'cancelled'],
    ['expire', 'active', 'expired'],
    ['expire', 'suspended', 'expired'],
  ] as const)('%s takes %s to %s', (move, from, to) => {
    expect(stateAfter(move, from)).toBe(to);
  });

  test.each([
    ['approve', 'cancelled'],
    ['resume', 'active'],
    ['cancel', 'rejected'],
    ['expire', 'submitted'],
  ] as const)('%s is unlawful from %s', (move, from) => {
    expect(() => stateAfter(move, from)).toThrow(
      expect.objectContaining({ code: 'unlawful_move' }),
    );
  });
});
