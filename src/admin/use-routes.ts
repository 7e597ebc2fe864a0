import Router from '@koa/router';
import type pg from 'pg';
import { recordAct } from '../audit/store.ts';
import { NotFound } from '../base/errors.ts';
import { goTo } from '../http/go-to.ts';
import { sendUse, useFiles } from '../usage/report-download.ts';
import { usePage } from '../usage/report-page.ts';
import { dimensions, useQueryOf } from '../usage/report-query.ts';
import { refusalInWords, refusalsPage } from '../usage/report-refusal.ts';
import { findKeptRefusal } from '../usage/report-refusal-store.ts';
import { statementCsv, statementPage } from '../usage/statement-page.ts';
import type { AdministratorOf } from './administrator.ts';
import { linksOf } from './use-links.ts';

const everybody = null;

/** What is called in the whole programme, and why calls are refused. */
export function useRoutes({
  pool,
  baseUrl,
  administratorOf,
}: {
  pool: pg.Pool;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
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

  for (const file of useFiles) {
    router.get(`/calls.${file}`, async (ctx) => {
      const doer = administratorOf(ctx);
      const query = useQueryOf(ctx.query, dimensions);
      const detail = { file, ...query.filter, on: query.span.on };
      await recordAct(pool, { ...doer, action: 'use.downloaded', detail });
      sendUse(ctx, pool, { file, owner: everybody, query, source: baseUrl });
    });
  }

  router.get('/statements', async (ctx) => {
    administratorOf(ctx);
    const path = '/admin/use/statements';
    const asked = { path, use: '/admin/use', owner: everybody, query: ctx.query };
    await ctx.render('admin/use-statements', await statementPage(pool, asked));
  });

  router.get('/statements.csv', async (ctx) => {
    const doer = administratorOf(ctx);
    const { name, text } = await statementCsv(pool, { owner: everybody, query: ctx.query });
    await recordAct(pool, { ...doer, action: 'use.downloaded', detail: { file: name } });
    ctx.attachment(name);
    ctx.body = text;
  });

  router.get('/refusals', async (ctx) => {
    administratorOf(ctx);
    const path = '/admin/use/refusals';
    const { query } = ctx;
    const requestId = typeof query.request === 'string' ? query.request.trim() : '';
    if (requestId && (await findKeptRefusal(pool, { owner: everybody, requestId }))) {
      return goTo(ctx, `${path}/${encodeURIComponent(requestId)}`);
    }
    await ctx.render(
      'admin/use-refusals',
      await refusalsPage(pool, { path, owner: everybody, query }),
    );
    if (requestId) ctx.status = 404;
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
