import { z } from 'zod';
import { InvalidInput, NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { makeConsoleClients } from '../clients/service.ts';
import { ask, cancel, changePurpose } from '../subscriptions/service.ts';
import { states } from '../subscriptions/subscription.ts';
import { line, textUpTo } from './fields.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';
import { findProductFor } from './product-store.ts';
import { renaming } from './renaming.ts';
import { findSubscriptionOf, listSubscriptions } from './subscription-store.ts';

type Parts = { keyring: Keyring; baseUrl: string };

export const subscriptionQuery = pageQuery.extend({
  state: z.enum(states).optional(),
  product_id: textUpTo(200).optional(),
});

const asking = z.strictObject({
  product_id: textUpTo(200),
  purpose: textUpTo(10_000),
  name: line(80).optional(),
  terms_version: z.int().nullable().default(null),
});

/** The subscriptions of a team in one environment. */
export const subscriptionOperations = (parts: Parts): Operation[] => [
  operation({
    method: 'GET',
    path: '/subscriptions',
    scope: 'subscriptions:read',
    query: subscriptionQuery,
    run: async ({ pool, teamId, environment, query }) => {
      const { limit, cursor, state = null, product_id: productId = null } = query;
      const given = { state, productId, after: placeOf(cursor), limit };
      const found = await listSubscriptions(pool, { teamId, environment }, given);
      return { body: page(found, limit) };
    },
  }),
  operation({
    method: 'POST',
    path: '/subscriptions',
    scope: 'subscriptions:write',
    body: asking,
    run: async (call) => {
      const { pool, doer, teamId, environment, body } = call;
      const productId = body.product_id;
      if (!(await findProductFor(pool, { teamId, environment, id: productId }))) {
        throw new InvalidInput({ product_id: 'There is no such product.' });
      }
      const { purpose, terms_version: termsAccepted, name } = body;
      const request = { teamId, productId, purpose, termsAccepted, ...(name && { name }) };
      const { id } = await renaming({ terms: 'terms_version' }, () =>
        ask({ ...parts, pool, makeConsoleClients }, doer, request),
      );
      const made = await ownSubscription(call, id);
      return { status: 201, location: `/subscriptions/${id}`, body: made };
    },
  }),
  operation({
    method: 'GET',
    path: '/subscriptions/:id',
    scope: 'subscriptions:read',
    run: async (call) => ({ body: await ownSubscription(call) }),
  }),
  operation({
    method: 'PATCH',
    path: '/subscriptions/:id',
    scope: 'subscriptions:write',
    body: z.strictObject({ purpose: textUpTo(10_000) }),
    run: async (call) => {
      await ownSubscription(call);
      const { pool, doer, params, body } = call;
      await changePurpose({ pool }, doer, { id: params.id ?? '', purpose: body.purpose });
      return { body: await ownSubscription(call) };
    },
  }),
  operation({
    method: 'POST',
    path: '/subscriptions/:id/cancel',
    scope: 'subscriptions:write',
    run: async (call) => {
      await ownSubscription(call);
      const { pool, doer, params } = call;
      await cancel({ pool, baseUrl: parts.baseUrl }, doer, params.id ?? '');
      return { body: await ownSubscription(call) };
    },
  }),
];

/** @throws {NotFound} for another team's, and for one of the other environment. */
export async function ownSubscription(
  { pool, teamId, environment, params }: Pick<Call, 'pool' | 'teamId' | 'environment' | 'params'>,
  id = params.id ?? '',
): Promise<object> {
  const found = await findSubscriptionOf(pool, { teamId, environment }, id);
  if (!found) throw new NotFound('no_subscription', 'There is no such subscription.');
  return found.item;
}
