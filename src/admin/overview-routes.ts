import Router from '@koa/router';
import type pg from 'pg';
import { signedIn } from '../accounts/session-cookie.ts';
import { counted, dayInWords, listed } from '../base/in-words.ts';
import type { AdministratorOf } from './administrator.ts';
import { findOverview } from './overview-store.ts';

/** /admin itself: what needs somebody, and the way to everything else. */
export function overviewRoutes({
  pool,
  administratorOf,
}: {
  pool: pg.Pool;
  administratorOf: AdministratorOf;
}): Router {
  const router = new Router();

  router.get('/admin', async (ctx) => {
    administratorOf(ctx);
    const { roles } = signedIn(ctx);
    const found = await findOverview(pool);
    await ctx.render('admin/overview', {
      waiting: found.waiting > 0 ? counted(found.waiting, 'request') : null,
      waitsOne: found.waiting === 1,
      oldest: found.oldestAskedAt && dayInWords(found.oldestAskedAt),
      suspensions: found.suspensions > 0 ? counted(found.suspensions, 'thing') : null,
      deadLetters: found.deadLetters > 0 ? counted(found.deadLetters, 'letter') : null,
      people: counted(found.people, 'person', 'people'),
      teams: counted(found.teams, 'team'),
      subscriptions: counted(found.subscriptions, 'active subscription'),
      readsTrail: roles.includes('auditor') || roles.includes('owner'),
      roles: listed(roles),
    });
  });

  return router;
}
