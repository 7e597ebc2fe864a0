import { NotFound } from '../base/errors.ts';
import { type Operation, operation } from './operation.ts';
import { page, pageQuery, placeOf } from './page.ts';
import { findProductFor, listAllProducts, listProducts } from './product-store.ts';

/** What a team can subscribe to, and what the programme has altogether. */
export const productOperations: Operation[] = [
  operation({
    method: 'GET',
    path: '/products',
    scope: 'products:read',
    query: pageQuery,
    run: async ({ pool, teamId, environment, query: { limit, cursor } }) => {
      const after = placeOf(cursor);
      const found = await listProducts(pool, { teamId, environment, after, limit });
      return { body: page(found, limit) };
    },
  }),
  operation({
    method: 'GET',
    path: '/products/:id',
    scope: 'products:read',
    run: async ({ pool, teamId, environment, params }) => {
      const found = await findProductFor(pool, { teamId, environment, id: params.id ?? '' });
      if (!found) throw new NotFound('no_product', 'There is no such product.');
      return { body: found.item };
    },
  }),
  operation({
    method: 'GET',
    path: '/programme/products',
    scope: 'programme:read',
    query: pageQuery,
    run: async ({ pool, query: { limit, cursor } }) => ({
      body: page(await listAllProducts(pool, { after: placeOf(cursor), limit }), limit),
    }),
  }),
];
