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
  const asked = Array.from({ length: 20 }, () => keys.find(key));
  for (const one of asked) {
    if (!one || !isPending(one)) throw new Error('it was known before it was read');
    await one.found;
  }
  expect(keys.find(key)).toMatchObject({ subscriptionId: subscription.id });
  expect(statements()).toBe(1);
});

test('what was read before a word about it is not believed, whoever waited for that', async () => {
  const { key, subscription, told, keys, statements } = await stage();
  const first = keys.find(key);
  told.tell(`subscription:${subscription.id}`);
  if (!first || !isPending(first)) throw new Error('it was known before it was read');
  await first.found;
  const second = keys.find(key);
  if (!second || !isPending(second)) throw new Error('it was believed');
  await second.found;
  expect(keys.find(key)).toMatchObject({ subscriptionId: subscription.id });
  expect(statements()).toBe(2);
});

test('a key that nobody has is asked for once, until there may be a new one', async () => {
  const { keys, statements } = await stage();
  const invented = newKey('sandbox');
  const asked = keys.find(invented);
  if (!asked || !isPending(asked)) throw new Error('it was known before it was read');
  await asked.found;
  expect([keys.find(invented), keys.find(`${invented}x`)]).toEqual([null, undefined]);
  expect(statements()).toBe(1);
  keys.forgetUnknown();
  const anew = keys.find(invented);
  if (!anew || !isPending(anew)) throw new Error('nobody asked for it again');
  await anew.found;
  expect(statements()).toBe(2);
});
