import Router from '@koa/router';
import { accountOf } from '../accounts/session-cookie.ts';
import type { Db } from '../db/pool.ts';
import { accessPage } from './guide-page.ts';
import { textOf } from './subscription-words.ts';

/** How one comes to call an API, for whoever wants to know. */
export function guideRoutes({ pool, baseUrl }: { pool: Db; baseUrl: string }): Router {
  const router = new Router({ prefix: '/guide' });

  router.get('/', async (ctx) => {
    await ctx.render('portal/guide', { signedIn: accountOf(ctx) !== null });
  });

  router.get('/access', async (ctx) => {
    const viewer = accountOf(ctx)?.id ?? null;
    const after = textOf(ctx.query.after) || null;
    await ctx.render('portal/guide-access', await accessPage(pool, { viewer, baseUrl, after }));
  });

  return router;
}
