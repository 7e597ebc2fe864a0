import type pg from 'pg';
import { findAccountByEmail } from '../accounts/store.ts';
import type { Doer } from '../audit/act.ts';
import type { Keyring } from '../base/secrets.ts';
import { transaction } from '../db/pool.ts';
import { addCredential, addGateway, endGatewayCredential } from '../gateway/gateway-service.ts';
import { findGatewayByName, listCredentialsOf } from '../gateway/gateway-store.ts';
import type { Slot, SubscriptionKey } from '../subscriptions/key.ts';
import { makeKeys, openKey } from '../subscriptions/key-service.ts';
import { listKeys, replaceKey } from '../subscriptions/key-store.ts';
import { cancel } from '../subscriptions/service.ts';
import { findSubscription } from '../subscriptions/store.ts';
import { apiIds, keySubscriptionId } from './fixtures-keys-programme.ts';
import { emailOf } from './fixtures-programme.ts';
import { signInWithoutBrowser } from './fixtures-session.ts';
import { endLately } from './fixtures-store.ts';

export type RequestTemplate = {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: string;
};

export type KeyFixtures = {
  /** Whether a call may pass: `{{product}}` stands for an API's id, `{{key}}` for a key. */
  verify: RequestTemplate;
  active_when: { status: number };
  /** APIs by id. No product opens two of them. */
  product: string;
  other_product: string;
  live_product: string;
  /** Of `product`, whose calls show the key alone and have no limits. */
  valid: string;
  /** Another one of `product`; all here are the sandbox’s. */
  sandbox: string;
  revoked: string;
  expired: string;
  cancelled_subscription: string;
  /** Good until `revoke` is sent, which works for an hour at least. */
  revocable: string;
  revoke: RequestTemplate;
};

type Parts = { pool: pg.Pool; keyring: Keyring; baseUrl: string };

/** Call it once the programme of the fixtures is applied. A key is the same at each run while it is good. */
export async function makeKeyFixtures(parts: Parts): Promise<KeyFixtures> {
  const { pool, keyring, baseUrl } = parts;
  const account = await findAccountByEmail(pool, emailOf('keys'));
  if (!account) throw new Error('the fixtures do not fit together');
  const doer: Doer = { actor: { kind: 'account', id: account.id } };

  await endLately(pool, keySubscriptionId('expired'));
  const toCancel = await findSubscription(pool, keySubscriptionId('cancelled'));
  if (toCancel?.state === 'active') await cancel(parts, doer, toCancel.id);
  const valid = await keysOf(parts, 'valid');
  const sandbox = await keysOf(parts, 'sandbox');
  const revocable = valid.at('secondary');
  const { headers, csrf } = await signInWithoutBrowser(pool, keyring, {
    accountId: account.id,
    baseUrl,
  });
  return {
    verify: {
      method: 'GET',
      url: `${baseUrl}/gateway/verify/{{product}}/x?subscription-key={{key}}`,
      headers: { 'X-Gateway-Key': await gatewayCredential(pool) },
    },
    active_when: { status: 200 },
    product: apiIds.product,
    other_product: apiIds.otherProduct,
    live_product: apiIds.liveProduct,
    valid: valid.at('primary').value,
    sandbox: sandbox.at('primary').value,
    revoked: await replaced(parts, sandbox.at('secondary')),
    expired: (await keysOf(parts, 'expired')).at('primary').value,
    cancelled_subscription: (await keysOf(parts, 'cancelled')).at('primary').value,
    revocable: revocable.value,
    revoke: {
      method: 'POST',
      url: `${baseUrl}/subscriptions/${revocable.subscriptionId}/keys/regenerate`,
      headers: { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: String(new URLSearchParams({ csrf, key: revocable.id, overlap: 'now' })),
    },
  };
}

type Key = SubscriptionKey & { value: string };

async function keysOf(
  { pool, keyring }: Parts,
  kind: Parameters<typeof keySubscriptionId>[0],
): Promise<{ at(slot: Slot): Key }> {
  const keys = await listKeys(pool, keySubscriptionId(kind));
  return {
    at(slot) {
      const key = keys.find((one) => one.slot === slot);
      if (!key) throw new Error('the fixtures do not fit together');
      return { ...key, value: openKey(keyring, key) };
    },
  };
}

/** Its value, once another one has taken its slot. */
async function replaced({ pool, keyring }: Parts, key: Key): Promise<string> {
  await transaction(pool, async (tx) => {
    await replaceKey(tx, { keyId: key.id, overlap: 0 });
    await makeKeys(tx, keyring, { id: key.subscriptionId, environment: 'sandbox' });
  });
  return key.value;
}

/** A new one at each run; those of an earlier one have ended. */
async function gatewayCredential(pool: pg.Pool): Promise<string> {
  const name = 'Fixtures';
  const doer: Doer = { actor: { kind: 'system' } };
  const there = await findGatewayByName(pool, name);
  if (!there) return (await addGateway(pool, doer, { name, baseUrlName: '' })).credential;
  const { id } = there;
  for (const { id: credentialId } of await listCredentialsOf(pool, id)) {
    await endGatewayCredential(pool, doer, { id, credentialId });
  }
  return (await addCredential(pool, doer, id)).credential;
}
