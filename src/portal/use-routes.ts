import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { doerOf } from '../accounts/doer.ts';
import { NotFound } from '../base/errors.ts';
import { goTo } from '../http/go-to.ts';
import { listTeamsOf } from '../teams/store.ts';
import { sendUse, useFiles } from '../usage/report-download.ts';
import { useQueryOf } from '../usage/report-query.ts';
import { refusalInWords, refusalsPage } from '../usage/report-refusal.ts';
import { findKeptRefusal } from '../usage/report-refusal-store.ts';
import { statementCsv, statementPage } from '../usage/statement-page.ts';
import { linksOf, mendOf } from './refusal-mend.ts';
import { textOf } from './subscription-words.ts';
import { dimensionsOf, ownUsePage } from './use-page.ts';

/** What my teams called, and why calls of theirs were refused. */
export function useRoutes({ pool, baseUrl }: { pool: pg.Pool; baseUrl: string }): Router {
  const router = new Router({ prefix: '/use' });
  const me = (ctx: Context): string => doerOf(ctx).actor.id;

  router.get('/', async (ctx) => {
    const accountId = me(ctx);
    const teams = (await listTeamsOf(pool, accountId)).length;
    await ctx.render('portal/use', await ownUsePage(pool, { accountId, teams, query: ctx.query }));
  });

  for (const file of useFiles) {
    router.get(`/calls.${file}`, async (ctx) => {
      const owner = me(ctx);
      const query = useQueryOf(ctx.query, dimensionsOf(1));
      sendUse(ctx, pool, { file, owner, query, source: baseUrl });
    });
  }

  router.get('/statements', async (ctx) => {
    const owner = me(ctx);
    const teams = (await listTeamsOf(pool, owner)).length > 1;
    const asked = { path: '/use/statements', use: '/use', owner, query: ctx.query };
    await ctx.render('portal/use-statements', { ...(await statementPage(pool, asked)), teams });
  });

  router.get('/statements.csv', async (ctx) => {
    const { name, text } = await statementCsv(pool, { owner: me(ctx), query: ctx.query });
    ctx.attachment(name);
    ctx.body = text;
  });

  router.get('/refusals', async (ctx) => {
    const owner = me(ctx);
    const path = '/use/refusals';
    const { query } = ctx;
    const requestId = textOf(query.request).trim();
    if (requestId && (await findKeptRefusal(pool, { owner, requestId }))) {
      return goTo(ctx, `${path}/${encodeURIComponent(requestId)}`);
    }
    await ctx.render('portal/use-refusals', await refusalsPage(pool, { path, owner, query }));
    if (requestId) ctx.status = 404;
  });

  router.get('/refusals/:id', async (ctx) => {
    const found = await findKeptRefusal(pool, { owner: me(ctx), requestId: String(ctx.params.id) });
    if (!found) {
      throw new NotFound(
        'no_refusal',
        'No call of your teams was refused under this request ID in the last 24 hours.',
      );
    }
    await ctx.render('portal/use-refusal', {
      ...refusalInWords(found),
      mendAt: mendOf(found),
      links: linksOf(found),
    });
  });

  return router;
}
