import { z } from 'zod';
import type { Doer } from '../audit/act.ts';
import { NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { makeConsoleClients } from '../clients/service.ts';
import { approve, reject, resume, suspend } from '../subscriptions/decision-service.ts';
import { findSubscription } from '../subscriptions/store.ts';
import { markOf } from '../subscriptions/subscription.ts';
import { moment, textUpTo } from './fields.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { page, placeOf } from './page.ts';
import { renaming } from './renaming.ts';
import { subscriptionQuery } from './subscription-operations.ts';
import { findSubscriptionOf, listSubscriptions } from './subscription-store.ts';

type Parts = { keyring: Keyring; baseUrl: string };

const reason = textUpTo(10_000);
const reasonAlone = z.strictObject({ reason });
const approval = z.strictObject({
  reason,
  /** Of the purpose that was read: the subscription's `purpose_mark`. */
  purpose_mark: textUpTo(100),
  expires_at: moment.nullable().default(null),
  scopes: z.array(textUpTo(300)).max(500).nullable().default(null),
});

/** What approvers do, for the programme's own client: everybody's subscriptions, and what becomes of them. */
export const decisionOperations = (parts: Parts): Operation[] => [
  operation({
    method: 'GET',
    path: '/programme/subscriptions',
    scope: 'programme:read',
    query: subscriptionQuery,
    run: async ({ pool, query }) => {
      const { limit, cursor, state = null, product_id: productId = null } = query;
      const given = { state, productId, after: placeOf(cursor), limit };
      return { body: page(await listSubscriptions(pool, null, given), limit) };
    },
  }),
  operation({
    method: 'GET',
    path: '/programme/subscriptions/:id',
    scope: 'programme:read',
    run: async (call) => ({ body: await anySubscription(call) }),
  }),
  operation({
    method: 'POST',
    path: '/programme/subscriptions/:id/approve',
    scope: 'programme:decide',
    body: approval,
    run: async (call) => {
      const { pool, doer, params, body } = call;
      const decision = {
        id: params.id ?? '',
        reason: body.reason,
        purposeRead: body.purpose_mark,
        expiresAt: body.expires_at,
        scopes: body.scopes,
      };
      await renaming({ until: 'expires_at' }, () =>
        approve({ ...parts, pool, makeConsoleClients }, asApprover(doer), decision),
      );
      return { body: await anySubscription(call) };
    },
  }),
  ...Object.entries({ reject, suspend, resume }).map(([deed, decide]) =>
    operation({
      method: 'POST',
      path: `/programme/subscriptions/:id/${deed}`,
      scope: 'programme:decide',
      body: reasonAlone,
      run: async (call) => {
        const { pool, doer, params, body } = call;
        const decision = { id: params.id ?? '', reason: body.reason };
        await decide({ pool, baseUrl: parts.baseUrl }, asApprover(doer), decision);
        return { body: await anySubscription(call) };
      },
    }),
  ),
];

/** The operator let it decide when they registered it for the product that has this scope. */
const asApprover = ({ actor, ...rest }: Doer): Doer =>
  actor.kind === 'client' ? { ...rest, actor: { ...actor, role: 'approver' } } : { actor, ...rest };

/** With the mark of its purpose, by which an approval says what was read. */
async function anySubscription({ pool, params }: Pick<Call, 'pool' | 'params'>): Promise<object> {
  const id = params.id ?? '';
  const found = await findSubscriptionOf(pool, null, id);
  const subscription = await findSubscription(pool, id);
  if (!found || !subscription) {
    throw new NotFound('no_subscription', 'There is no such subscription.');
  }
  return { ...found.item, purpose_mark: markOf(subscription) };
}
