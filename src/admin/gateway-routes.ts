import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import type { AccountDoer } from '../accounts/doer.ts';
import { freshlySignedIn, signedIn } from '../accounts/session-cookie.ts';
import { NotFound } from '../base/errors.ts';
import {
  addCredential,
  addGateway,
  changeGateway,
  endGatewayCredential,
  removeGateway,
} from '../gateway/gateway-service.ts';
import { findGateway } from '../gateway/gateway-store.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import type { AdministratorOf } from './administrator.ts';
import { gatewayPage, gatewaysPage, newGatewayPage, type ToldOfGateway } from './gateway-page.ts';
import { mayPublish, orAgain } from './publishing.ts';

type Parts = {
  pool: pg.Pool;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  /** False: they need not, which is no state to be in for long. */
  gatewaysShowCredential?: boolean | undefined;
  administratorOf: AdministratorOf;
};

const bareForm = z.object({ csrf: z.string().default('') });
const gatewayForm = bareForm.extend({
  name: z.string().max(1000).default(''),
  base_url_name: z.string().max(1000).default(''),
});

const done: Readonly<Record<string, string>> = {
  changed: 'Saved. It counts from now on.',
  ended: 'The credential has ended.',
  removed: 'The gateway is removed, and its credentials have ended.',
};
const said = (ctx: Context): string | null => {
  const word = typeof ctx.query.done === 'string' ? ctx.query.done : '';
  return (Object.hasOwn(done, word) && done[word]) || null;
};

const idOf = (ctx: Context): string => String(ctx.params.id);

/** The gateways that ask us about calls: a publisher keeps them, and every administrator reads of them. */
export function gatewayRoutes(parts: Parts): Router {
  const { pool, administratorOf } = parts;
  const router = new Router({ prefix: '/admin/gateways' });

  /** A credential opens every key and token to whoever has it. @throws {Unauthenticated} for a publisher of ten minutes ago. */
  const freshPublisherOf = (ctx: Context): AccountDoer => {
    const doer = administratorOf(ctx, 'publisher');
    freshlySignedIn(ctx);
    return doer;
  };

  /** What was typed, by the names that errors have. */
  const readGateway = async (ctx: Context) => {
    const { csrf, name, base_url_name: baseUrlName } = await readForm(ctx, gatewayForm);
    checkCsrf(ctx, csrf);
    return { name, baseUrlName };
  };

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const open = parts.gatewaysShowCredential === false;
    const page = await gatewaysPage(pool, { mayEdit: mayPublish(ctx), done: said(ctx), open });
    await ctx.render('admin/gateways', page);
  });

  router.get('/new', async (ctx) => {
    freshPublisherOf(ctx);
    await ctx.render('admin/gateway-new', await newGatewayPage(pool, {}));
  });

  router.post('/new', async (ctx) => {
    const doer = freshPublisherOf(ctx);
    const typed = await readGateway(ctx);
    const made = await orAgain(
      ctx,
      () => addGateway(pool, doer, typed),
      async (told) =>
        ctx.render('admin/gateway-new', await newGatewayPage(pool, { ...told, typed })),
    );
    if (made) await showMade(ctx, parts, made.id, made.credential);
  });

  router.get('/:id', async (ctx) => {
    administratorOf(ctx);
    await show(ctx, parts, idOf(ctx), { done: said(ctx) });
  });

  router.post('/:id', async (ctx) => {
    const doer = freshPublisherOf(ctx);
    const typed = await readGateway(ctx);
    const id = idOf(ctx);
    const changing = async () => {
      await changeGateway(pool, doer, { id, ...typed });
      return true;
    };
    const well = await orAgain(ctx, changing, (told) => show(ctx, parts, id, { ...told, typed }));
    if (well) goTo(ctx, `/admin/gateways/${id}?done=changed`);
  });

  router.post('/:id/credentials', async (ctx) => {
    const doer = freshPublisherOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const id = idOf(ctx);
    const made = await orAgain(
      ctx,
      () => addCredential(pool, doer, id),
      (told) => show(ctx, parts, id, told),
    );
    if (made) await showMade(ctx, parts, id, made.credential);
  });

  router.post('/:id/credentials/:credential/end', async (ctx) => {
    const doer = freshPublisherOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const id = idOf(ctx);
    const credentialId = String(ctx.params.credential);
    await endGatewayCredential(pool, doer, { id, credentialId });
    goTo(ctx, `/admin/gateways/${id}?done=ended#credentials`);
  });

  router.get('/:id/remove', async (ctx) => {
    freshPublisherOf(ctx);
    const gateway = await findGateway(pool, idOf(ctx));
    if (!gateway) throw new NotFound('gateway_not_found', 'There is no such gateway.');
    await ctx.render('admin/gateway-remove', { id: gateway.id, name: gateway.name });
  });

  router.post('/:id/remove', async (ctx) => {
    const doer = freshPublisherOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await removeGateway(pool, doer, idOf(ctx));
    goTo(ctx, '/admin/gateways?done=removed');
  });

  return router;
}

/** Not a redirect: the credential is in this answer and nowhere else. */
async function showMade(ctx: Context, parts: Parts, id: string, made: string): Promise<void> {
  await show(ctx, parts, id, { made });
  ctx.status = 201;
}

async function show(
  ctx: Context,
  { pool, baseUrl }: Parts,
  id: string,
  told: ToldOfGateway,
): Promise<void> {
  const reader = { baseUrl, mayEdit: mayPublish(ctx), reader: signedIn(ctx).id };
  await ctx.render('admin/gateway', await gatewayPage(pool, { id, ...reader }, told));
}
