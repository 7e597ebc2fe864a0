import { Readable } from 'node:stream';
import Router from '@koa/router';
import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import { NotFound } from '../base/errors.ts';
import { goTo } from '../http/go-to.ts';
import { csvOf } from '../usage/report-file.ts';
import { usePage } from '../usage/report-page.ts';
import { dimensions, useQueryOf } from '../usage/report-query.ts';
import { refusalInWords, refusalsPage } from '../usage/report-refusal.ts';
import { findKeptRefusal } from '../usage/report-refusal-store.ts';
import type { AdministratorOf } from './administrator.ts';
import { linksOf } from './use-links.ts';

const everybody = null;

/** What is called in the whole programme, and why calls are refused. */
export function useRoutes({
  pool,
  administratorOf,
}: {
  pool: pg.Pool;
  administratorOf: AdministratorOf;
}): Router {
  const router = new Router({ prefix: '/admin/use' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const frame = {
      path: '/admin/use',
      owner: everybody,
      dimensions,
      refusals: '/admin/use/refusals',
    };
    await ctx.render('admin/use', await usePage(pool, frame, useQueryOf(ctx.query, dimensions)));
  });

  router.get('/calls.csv', async (ctx) => {
    const doer = administratorOf(ctx);
    const { filter, span } = useQueryOf(ctx.query, dimensions);
    await recordAct(pool, {
      ...doer,
      action: 'use.downloaded',
      detail: { ...filter, on: span.on },
    });
    ctx.type = 'text/csv; charset=utf-8';
    ctx.attachment(`calls-${span.on}.csv`);
    const wanted = { owner: everybody, filter, from: span.from, until: span.until };
    ctx.body = Readable.from(csvOf(pool, wanted));
  });

  router.get('/refusals', async (ctx) => {
    administratorOf(ctx);
    const { query } = ctx;
    const requestId = typeof query.request === 'string' ? query.request.trim() : '';
    const path = '/admin/use/refusals';
    if (requestId) return goTo(ctx, `${path}/${encodeURIComponent(requestId)}`);
    await ctx.render(
      'admin/use-refusals',
      await refusalsPage(pool, { path, owner: everybody, query }),
    );
  });

  router.get('/refusals/:id', async (ctx) => {
    administratorOf(ctx);
    const requestId = String(ctx.params.id);
    const found = await findKeptRefusal(pool, { owner: everybody, requestId });
    if (!found) {
      throw new NotFound(
        'no_refusal',
        'No call was refused under this request ID in the last 24 hours.',
      );
    }
    await ctx.render('admin/use-refusal', {
      ...refusalInWords(found),
      links: linksOf(found),
      gateway: found.gatewayName ?? (found.gatewayId || null),
    });
  });

  return router;
}
