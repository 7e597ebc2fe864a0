import type { z } from 'zod';
import { moment, textUpTo } from './fields.ts';
import { type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';
import { listUse } from './use-store.ts';

const day = 86_400_000; // milliseconds

/** Left out: the day until now. */
const useQuery = pageQuery.extend({
  from: moment.optional(),
  until: moment.optional(),
  product_id: textUpTo(200).optional(),
});

/** Who called what, hour by hour. */
export const useOperations: Operation[] = [
  operation({
    method: 'GET',
    path: '/use',
    scope: 'use:read',
    query: useQuery,
    run: async ({ pool, teamId, environment, query }) => {
      const found = await listUse(pool, { teamId, environment }, wanted(query));
      return { body: page(found, query.limit) };
    },
  }),
  operation({
    method: 'GET',
    path: '/programme/use',
    scope: 'programme:read',
    query: useQuery,
    run: async ({ pool, query }) => ({
      body: page(await listUse(pool, null, wanted(query)), query.limit),
    }),
  }),
];

const wanted = (query: z.output<typeof useQuery>) => {
  const until = query.until ?? new Date();
  return {
    from: query.from ?? new Date(until.getTime() - day),
    until,
    productId: query.product_id ?? null,
    after: placeOf(query.cursor),
    limit: query.limit,
  };
};
