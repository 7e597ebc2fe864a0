import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { doerOf } from '../accounts/doer.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { environments } from '../base/environment.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { ask, type SubscriptionParts } from '../subscriptions/service.ts';
import { type Asked, cataloguePage, productPage } from './product-page.ts';
import { findEarlierRequest } from './product-store.ts';
import { textOf } from './subscription-words.ts';

const askForm = z.object({
  csrf: z.string().default(''),
  team: z.string().default(''),
  purpose: z.string().default(''),
  /** The version of the terms beside the tick box, where it is ticked. */
  terms: z.coerce.number().int().optional().catch(undefined),
});

const nothingTyped: Asked = { team: '', purpose: '', errors: {}, problem: null };

/** What there is to subscribe to, for whoever may see it, and the form that asks for it. */
export function productRoutes(parts: SubscriptionParts): Router {
  const { pool } = parts;
  const router = new Router({ prefix: '/products' });

  async function show(ctx: Context, asked: Asked): Promise<void> {
    const viewer = accountOf(ctx)?.id ?? null;
    const page = await productPage(pool, { viewer, id: String(ctx.params.id), asked });
    if (!page) throw new NotFound('no_product', 'There is no such product.');
    await ctx.render('portal/product', page);
  }

  router.get('/', async (ctx) => {
    const { q, environment, after } = ctx.query;
    const viewer = accountOf(ctx)?.id ?? null;
    const asked = {
      q: textOf(q).trim().slice(0, 100),
      environment: environments.find((one) => one === environment) ?? null,
      after: textOf(after) || null,
    };
    await ctx.render('portal/products', await cataloguePage(pool, viewer, asked));
  });

  router.get('/:id', async (ctx) => {
    const accountId = accountOf(ctx)?.id;
    const subscriptionId = textOf(ctx.query.again);
    const productId = String(ctx.params.id);
    const earlier =
      accountId && subscriptionId
        ? await findEarlierRequest(pool, { accountId, productId, subscriptionId })
        : undefined;
    const { teamId: team = '', purpose = '' } = earlier ?? {};
    await show(ctx, { ...nothingTyped, team, purpose });
  });

  router.post('/:id/subscriptions', async (ctx) => {
    const doer = doerOf(ctx);
    const { csrf, team, purpose, terms } = await readForm(ctx, askForm);
    checkCsrf(ctx, csrf);
    const request = { teamId: team, productId: String(ctx.params.id), purpose };
    try {
      const made = await ask(parts, doer, { ...request, termsAccepted: terms ?? null });
      goTo(
        ctx,
        `/subscriptions/${made.id}?done=${made.state === 'active' ? 'subscribed' : 'asked'}`,
      );
    } catch (error) {
      const typed = { ...nothingTyped, team, purpose };
      if (error instanceof InvalidInput) {
        await show(ctx, { ...typed, errors: error.fields });
        ctx.status = 422;
      } else if (error instanceof Conflict) {
        await show(ctx, { ...typed, problem: error.message });
        ctx.status = 409;
      } else throw error;
    }
  });

  return router;
}
