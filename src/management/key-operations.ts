import { z } from 'zod';
import type { Keyring } from '../base/secrets.ts';
import { type Overlap, overlaps, type SubscriptionKey } from '../subscriptions/key.ts';
import { regenerateKey, stopOldKey } from '../subscriptions/key-service.ts';
import { listKeys, listOldKeys } from '../subscriptions/key-store.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { ownSubscription } from './subscription-operations.ts';

type Parts = { keyring: Keyring; baseUrl: string };

const overlapNames = Object.keys(overlaps) as [Overlap, ...Overlap[]]; // the keys of a record of them

/** The keys of one subscription. Their values are told once, by the answer that makes one. */
export const keyOperations = (parts: Parts): Operation[] => [
  operation({
    method: 'GET',
    path: '/subscriptions/:id/keys',
    scope: 'keys:read',
    run: async (call) => {
      await ownSubscription(call);
      return { body: { items: await keysOf(call), next: null } };
    },
  }),
  operation({
    method: 'POST',
    path: '/subscriptions/:id/keys/:key/regenerate',
    scope: 'keys:write',
    body: z.strictObject({ overlap: z.enum(overlapNames).default('24h') }),
    run: async (call) => {
      await ownSubscription(call);
      const { pool, doer, body } = call;
      const which = { ...whichOf(call), overlap: body.overlap };
      const made = await regenerateKey({ ...parts, pool }, doer, which);
      const shown = (await keysOf(call)).find(({ id }) => id === made.id);
      return { status: 201, body: { ...shown, value: made.key } };
    },
  }),
  operation({
    method: 'DELETE',
    path: '/subscriptions/:id/keys/:key',
    scope: 'keys:write',
    run: async (call) => {
      await ownSubscription(call);
      await stopOldKey(call.pool, call.doer, whichOf(call));
      return undefined;
    },
  }),
];

const whichOf = ({ params }: Pick<Call, 'params'>) => ({
  subscriptionId: params.id ?? '',
  keyId: params.key ?? '',
});

/** Those that stand, then those that were replaced and still live. */
const keysOf = async ({ pool, params }: Pick<Call, 'pool' | 'params'>) =>
  [...(await listKeys(pool, params.id ?? '')), ...(await listOldKeys(pool, params.id ?? ''))].map(
    told,
  );

const told = (key: SubscriptionKey) => ({
  id: key.id,
  slot: key.slot,
  last_four: key.lastFour,
  created_at: key.createdAt,
  expires_at: key.expiresAt,
  replaced_at: key.replacedAt,
  last_used_at: key.lastUsedAt,
});
