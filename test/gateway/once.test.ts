import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type pg from 'pg';
import { createKeys, type Keys } from '../../src/gateway/keys.ts';
import { isPending } from '../../src/gateway/pending.ts';
import { createTold } from '../../src/gateway/told.ts';
import { newKey } from '../../src/subscriptions/key.ts';
import { useDatabase } from '../support/database.ts';
import { anAccount, aProduct, aSubscription, aTeam, keyring } from '../support/seed.ts';
import { keysOf } from './stage.ts';

const pool = useDatabase();

async function stage() {
  let statements = 0;
  const counted = {
    query: (...given: Parameters<pg.Pool['query']>) => {
      statements += 1;
      return pool.query(...given);
    },
  } as unknown as pg.Pool;
  const team = await aTeam(pool, await anAccount(pool));
  const subscription = await aSubscription(pool, { product: await aProduct(pool), team });
  const [key] = await keysOf(pool, subscription);
  const told = createTold();
  const keys = createKeys({ pool: counted, keyring, told, most: 100 });
  return { key: key?.value ?? '', subscription, told, keys, statements: () => statements };
}

/** Waits until it is read; what was known already fails the test. */
async function read(found: ReturnType<Keys['find']>): Promise<void> {
  if (!found || !isPending(found)) throw new Error('it was known before it was read');
  await found.found;
}

test('however many ask for a key at once, it is read once', async () => {
  const { key, subscription, keys, statements } = await stage();
  const asked = Array.from({ length: 20 }, () => keys.find(key, keys.asOf()));
  for (const one of asked) await read(one);
  expect(keys.find(key, keys.asOf())).toMatchObject({ subscriptionId: subscription.id });
  expect(statements()).toBe(1);
});

test('what was read before a word about it is not believed, whoever waited for that', async () => {
  const { key, subscription, told, keys, statements } = await stage();
  const first = keys.find(key, keys.asOf());
  told.tell(`subscription:${subscription.id}`);
  await read(first);
  await read(keys.find(key, keys.asOf()));
  expect(keys.find(key, keys.asOf())).toMatchObject({ subscriptionId: subscription.id });
  expect(statements()).toBe(2);
});

test('a key that nobody has is asked for once, until there may be a new one', async () => {
  const { keys, statements } = await stage();
  const invented = newKey('sandbox');
  await read(keys.find(invented, keys.asOf()));
  expect([keys.find(invented, keys.asOf()), keys.find(`${invented}x`, keys.asOf())]).toEqual([
    null,
    undefined,
  ]);
  expect(statements()).toBe(1);
  keys.forgetUnknown();
  await read(keys.find(invented, keys.asOf()));
  expect(statements()).toBe(2);
});

test('a call is refused by what was read after it came, however much is told meanwhile', async () => {
  const { keys, statements } = await stage();
  const invented = newKey('sandbox');
  const came = keys.asOf();
  const asked = keys.find(invented, came);
  keys.forgetUnknown();
  await read(asked);
  expect(keys.find(invented, came)).toBeNull();
  expect(statements()).toBe(1);
  await read(keys.find(invented, keys.asOf()));
});

test('a key that came in a long address does not keep the address in memory', async () => {
  const { keys } = await stage();
  const before = held();
  for (let times = 0; times < 300; times += 1) {
    const query = `subscription-key=${newKey('sandbox')}&pad=${'x'.repeat(100_000)}${times}`;
    const [key = ''] = new URLSearchParams(query).getAll('subscription-key');
    await read(keys.find(key, keys.asOf()));
  }
  expect(held() - before).toBeLessThan(15); // of the 30 that the addresses are
});

/** MiB in use once nothing is left that could go. */
function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}
