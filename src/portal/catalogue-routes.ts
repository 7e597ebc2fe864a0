import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import { freshDoerOf } from '../accounts/doer.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { environments } from '../base/environment.ts';
import { NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { revealKey } from '../subscriptions/key-service.ts';
import { createDocuments, type Documents } from './api-documents.ts';
import { createDownloads } from './api-download.ts';
import { type Asked, apiPage, operationPage } from './api-page.ts';
import { apisPage } from './catalogue-page.ts';
import type { RevealedKey } from './sample-own.ts';
import { textOf } from './subscription-words.ts';

const keyForm = z.object({
  csrf: z.string().default(''),
  subscription: z.string().default(''),
  key: z.string().default(''),
});

/** What can be called, for whoever sees a product that opens it: a list, a page for each API and operation. */
export function catalogueRoutes({
  pool,
  keyring,
  baseUrl,
  documents = createDocuments(),
}: {
  pool: pg.Pool;
  keyring: Keyring;
  baseUrl: string;
  documents?: Documents;
}): Router {
  const router = new Router({ prefix: '/apis' });
  const pages = { pool, documents, baseUrl };
  const downloads = createDownloads(pool);
  const viewerOf = (ctx: Context): string | null => accountOf(ctx)?.id ?? null;
  const askedIn = (ctx: Context): Asked => ({
    viewer: viewerOf(ctx),
    id: String(ctx.params.id),
    version: textOf(ctx.query.version) || null,
  });

  router.get('/', async (ctx) => {
    const { q, environment, show, after } = ctx.query;
    const asked = {
      q: textOf(q).trim().slice(0, 100),
      environment: environments.find((one) => one === environment) ?? null,
      callable: viewerOf(ctx) !== null && show === 'mine',
      after: textOf(after) || null,
    };
    await ctx.render('portal/apis', await apisPage(pool, viewerOf(ctx), asked));
  });

  router.get('/:id', async (ctx) => {
    const page = await apiPage(pages, askedIn(ctx));
    if (!page) throw noApi();
    await ctx.render('portal/api', page);
  });

  router.get('/:id/openapi.:format', async (ctx) => {
    const { format } = ctx.params;
    const file = await downloads.find(askedIn(ctx), textOf(format));
    if (!file) throw noApi();
    ctx.attachment(file.name);
    ctx.set('Cache-Control', 'private, no-cache');
    ctx.type = file.type;
    ctx.body = file.text;
  });

  async function showOperation(ctx: Context, shown: RevealedKey | null): Promise<void> {
    const operation = String(ctx.params.operation);
    const application = textOf(ctx.query.application) || null;
    const page = await operationPage(pages, { ...askedIn(ctx), operation, application }, shown);
    if (!page) throw new NotFound('no_operation', 'There is no such operation.');
    await ctx.render('portal/api-operation', page);
  }

  router.get('/:id/operations/:operation', (ctx) => showOperation(ctx, null));

  /** The answer holds the key, in the samples, and nothing else ever does. */
  router.post('/:id/operations/:operation/key', async (ctx) => {
    const doer = freshDoerOf(ctx);
    const { csrf, subscription: subscriptionId, key: keyId } = await readForm(ctx, keyForm);
    checkCsrf(ctx, csrf);
    const key = await revealKey({ pool, keyring }, doer, { subscriptionId, keyId });
    await showOperation(ctx, { subscriptionId, key });
    ctx.set('Cache-Control', 'no-store');
  });

  /** A reload of that comes back to the page. */
  router.get('/:id/operations/:operation/key', async (ctx) =>
    goTo(ctx, `${ctx.path.slice(0, -'/key'.length)}${ctx.search}`),
  );

  return router;
}

const noApi = (): NotFound => new NotFound('no_api', 'There is no such API.');
