import Router from '@koa/router';
import type pg from 'pg';
import { accountOf } from '../accounts/session-cookie.ts';
import { homePage } from './home-page.ts';
import { filters } from './home-store.ts';
import { textOf } from './subscription-words.ts';

/** What whoever is signed in comes home to. Visitors go on to the start page. */
export function homeRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = new Router();

  router.get('/', async (ctx, next) => {
    const account = accountOf(ctx);
    if (!account) return next();
    const filter = filters.find((one) => one === ctx.query.state) ?? 'all';
    const before = textOf(ctx.query.before) || null;
    const { view, page } = await homePage(pool, account, { filter, before });
    await ctx.render(view, page);
  });

  return router;
}
