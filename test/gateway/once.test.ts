import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type pg from 'pg';
import { createKeys } from '../../src/gateway/keys.ts';
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

test('however many ask for a key at once, it is read once', async () => {
  const { key, subscription, keys, statements } = await stage();
  const asked = Array.from({ length: 20 }, () => keys.find(key, keys.asOf()));
  for (const one of asked) {
    if (!one || !isPending(one)) throw new Error('it was known before it was read');
    await one.found;
  }
  expect(keys.find(key, keys.asOf())).toMatchObject({ subscriptionId: subscription.id });
  expect(statements()).toBe(1);
});

test('what was read before a word about it is not believed, whoever waited for that', async () => {
  const { key, subscription, told, keys, statements } = await stage();
  const first = keys.find(key, keys.asOf());
  told.tell(`subscription:${subscription.id}`);
  if (!first || !isPending(first)) throw new Error('it was known before it was read');
  await first.found;
  const second = keys.find(key, keys.asOf());
  if (!second || !isPending(second)) throw new Error('it was believed');
  await second.found;
  expect(keys.find(key, keys.asOf())).toMatchObject({ subscriptionId: subscription.id });
  expect(statements()).toBe(2);
});

test('a key that nobody has is asked for once, until there may be a new one', async () => {
  const { keys, statements } = await stage();
  const invented = newKey('sandbox');
  const asked = keys.find(invented, keys.asOf());
  if (!asked || !isPending(asked)) throw new Error('it was known before it was read');
  await asked.found;
  expect([keys.find(invented, keys.asOf()), keys.find(`${invented}x`, keys.asOf())]).toEqual([
    null,
    undefined,
  ]);
  expect(statements()).toBe(1);
  keys.forgetUnknown();
  const anew = keys.find(invented, keys.asOf());
  if (!anew || !isPending(anew)) throw new Error('nobody asked for it again');
  await anew.found;
  expect(statements()).toBe(2);
});

test('a call is refused by what was read after it came, however much is told meanwhile', async () => {
  const { keys, statements } = await stage();
  const invented = newKey('sandbox');
  const came = keys.asOf();
  const asked = keys.find(invented, came);
  keys.forgetUnknown();
  if (!asked || !isPending(asked)) throw new Error('it was known before it was read');
  await asked.found;
  expect(keys.find(invented, came)).toBeNull();
  expect(statements()).toBe(1);
  expect(keys.find(invented, keys.asOf())).toHaveProperty('found');
});

test('a key that came in a long address does not keep the address in memory', async () => {
  const { keys } = await stage();
  const before = held();
  for (let times = 0; times < 300; times += 1) {
    const query = `subscription-key=${newKey('sandbox')}&pad=${'x'.repeat(100_000)}${times}`;
    const [key = ''] = new URLSearchParams(query).getAll('subscription-key');
    const asked = keys.find(key, keys.asOf());
    if (!asked || !isPending(asked)) throw new Error('it was known before it was read');
    await asked.found;
  }
  expect(held() - before).toBeLessThan(15); // of the 30 that the addresses are
});

/** MiB in use once nothing is left that could go. */
function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}
