import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { doerOf, freshDoerOf } from '../accounts/doer.ts';
import { InvalidInput, NotFound } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { type Overlap, overlaps } from '../subscriptions/key.ts';
import {
  type KeyParts,
  regenerateKey,
  revealKey,
  stopOldKey,
} from '../subscriptions/key-service.ts';
import { cancel, changePurpose } from '../subscriptions/service.ts';
import { subscriptionPage, type Visit } from './subscription-page.ts';
import { textOf } from './subscription-words.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const purposeForm = bareForm.extend({ purpose: z.string().default('') });
const keyForm = bareForm.extend({ key: z.string().default('') });
const renewalForm = keyForm.extend({
  overlap: z.enum(Object.keys(overlaps) as [Overlap, ...Overlap[]]), // the keys of a record of them
});

/** One subscription of one of my teams: its keys, its applications, its history, and its end. */
export function subscriptionRoutes(parts: KeyParts): Router {
  const { pool } = parts;
  const router = new Router({ prefix: '/subscriptions' });
  const idOf = (ctx: Context): string => String(ctx.params.id);

  async function show(ctx: Context, visit: Visit): Promise<void> {
    const accountId = doerOf(ctx).actor.id;
    const page = await subscriptionPage(pool, { accountId, id: idOf(ctx) }, visit);
    if (!page) throw new NotFound('no_subscription', 'There is no such subscription.');
    await ctx.render('portal/subscription', page);
  }

  router.get('/', async (ctx) => goTo(ctx, '/'));

  router.get('/:id', async (ctx) => {
    const before = /^\d{1,18}$/.exec(textOf(ctx.query.before))?.[0] ?? null;
    await show(ctx, { done: ctx.query.done, before });
  });

  /** The answer holds the key, and nothing else ever does: no address, no letter, no log. */
  router.post('/:id/keys/reveal', async (ctx) => {
    const doer = freshDoerOf(ctx);
    const { csrf, key: keyId } = await readForm(ctx, keyForm);
    checkCsrf(ctx, csrf);
    const key = await revealKey(parts, doer, { subscriptionId: idOf(ctx), keyId });
    await show(ctx, { revealed: { keyId, key } });
    ctx.set('Cache-Control', 'no-store');
  });

  router.post('/:id/keys/regenerate', async (ctx) => {
    const doer = doerOf(ctx);
    const { csrf, key: keyId, overlap } = await readForm(ctx, renewalForm);
    checkCsrf(ctx, csrf);
    await regenerateKey(parts, doer, { subscriptionId: idOf(ctx), keyId, overlap });
    goTo(ctx, `/subscriptions/${idOf(ctx)}?done=regenerated#keys`);
  });

  router.post('/:id/keys/stop', async (ctx) => {
    const doer = doerOf(ctx);
    const { csrf, key: keyId } = await readForm(ctx, keyForm);
    checkCsrf(ctx, csrf);
    await stopOldKey(pool, doer, { subscriptionId: idOf(ctx), keyId });
    goTo(ctx, `/subscriptions/${idOf(ctx)}?done=stopped#keys`);
  });

  /** A reload of what such a form answered comes back to the page. */
  router.get('/:id/keys/:deed', async (ctx) => goTo(ctx, `/subscriptions/${idOf(ctx)}`));

  router.post('/:id/purpose', async (ctx) => {
    const doer = doerOf(ctx);
    const { csrf, purpose } = await readForm(ctx, purposeForm);
    checkCsrf(ctx, csrf);
    try {
      await changePurpose(parts, doer, { id: idOf(ctx), purpose });
      goTo(ctx, `/subscriptions/${idOf(ctx)}?done=purpose`);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      await show(ctx, { purpose: { typed: purpose, error: error.fields.purpose ?? '' } });
      ctx.status = 422;
    }
  });

  router.post('/:id/cancel', async (ctx) => {
    const doer = doerOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const { activatedAt } = await cancel(parts, doer, idOf(ctx));
    goTo(ctx, `/subscriptions/${idOf(ctx)}?done=${activatedAt ? 'cancelled' : 'withdrawn'}`);
  });

  return router;
}
