import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { doerOf, freshDoerOf } from '../accounts/doer.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { applicationFields, readTyped, tickedOf } from '../clients/application-form.ts';
import {
  changeApplication,
  deleteApplication,
  type EndClientAccess,
  makeApplication,
} from '../clients/application-service.ts';
import { listOfferedSubscriptions, listTiedSubscriptions } from '../clients/application-store.ts';
import { endSecret, makeSecret } from '../clients/secret-service.ts';
import type { Throttle } from '../db/throttle.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { checkAssertion } from '../oauth/assertion-check.ts';
import { type Overlap, overlaps } from '../subscriptions/key.ts';
import {
  type ApplicationPageParts,
  applicationPage,
  applicationsPage,
  changePage,
  newApplicationPage,
  ownApplication,
} from './application-page.ts';
import { textOf } from './subscription-words.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const overlapNames = Object.keys(overlaps) as [Overlap, ...Overlap[]];
const makeForm = bareForm.extend({ old: z.enum(['keep', ...overlapNames]).default('keep') });
const endForm = bareForm.extend({ overlap: z.enum(overlapNames).default('now') });
const assertionForm = bareForm.extend({ assertion: z.string().max(20_000).default('') });

/** The OAuth clients of my teams. */
export function applicationRoutes(
  parts: ApplicationPageParts & {
    endClientAccess: EndClientAccess;
    /** Of one team. */
    letters: Throttle;
  },
): Router {
  const { pool } = parts;
  const router = new Router({ prefix: '/applications' });

  /** The one of this address, with who asks. @throws {NotFound} for another team's. */
  async function own(ctx: Context, doer = doerOf(ctx)) {
    const which = { owner: doer.actor.id, id: String(ctx.params.id) };
    return { doer, which, application: await ownApplication(parts, which) };
  }
  type Own = Awaited<ReturnType<typeof own>>;

  /** Counts what its whole team reads about. @throws {TooMany} */
  const countLetters = async (ctx: Context, teamId: string | null | undefined): Promise<void> => {
    if (teamId) await parts.letters.attempt({ name: teamId, address: ctx.ip });
  };

  const show = async (
    ctx: Context,
    { which }: Own,
    moment: Parameters<typeof applicationPage>[3],
    status = 200,
  ): Promise<void> => {
    const application = await ownApplication(parts, which); // anew: something may just have changed
    const page = await applicationPage(parts, which.owner, application, moment);
    await ctx.render('portal/application', page);
    ctx.status = status;
  };

  router.get('/', async (ctx) => {
    const page = await applicationsPage(parts, doerOf(ctx).actor.id, ctx.query);
    await ctx.render('portal/applications', page);
  });

  router.get('/new', async (ctx) => {
    const subscription = textOf(ctx.query.subscription);
    const page = await newApplicationPage(parts, freshDoerOf(ctx).actor.id, { subscription });
    await ctx.render('portal/application-new', page);
  });

  router.post('/new', async (ctx) => {
    const doer = freshDoerOf(ctx);
    const owner = doer.actor.id;
    const typed = await readForm(ctx, applicationFields);
    checkCsrf(ctx, typed.csrf);
    const subscriptionIds = tickedOf(typed, 'for');
    const offered = await listOfferedSubscriptions(pool, owner);
    const tied = offered.filter(({ id }) => subscriptionIds.includes(id));
    if (typed.proof === 'secret') await countLetters(ctx, tied[0]?.teamId);
    try {
      const input = { ...readTyped(typed, tied), owner, subscriptionIds };
      const { id, secret } = await makeApplication(parts, doer, input);
      if (!secret) return goTo(ctx, `/applications/${id}?done=made`);
      const application = await ownApplication(parts, { owner, id });
      const moment = { done: 'made', secret: secret.secret };
      await ctx.render(
        'portal/application',
        await applicationPage(parts, owner, application, moment),
      );
      ctx.status = 201; // not a redirect: the secret is in this answer and nowhere else
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const page = await newApplicationPage(parts, owner, { typed, errors: { ...error.fields } });
      await ctx.render('portal/application-new', page);
      ctx.status = 422;
    }
  });

  router.get('/:id', async (ctx) => {
    await show(ctx, await own(ctx), { done: ctx.query.done });
  });

  router.get('/:id/change', async (ctx) => {
    const { which, application } = await own(ctx, freshDoerOf(ctx));
    await ctx.render(
      'portal/application-change',
      await changePage(parts, which.owner, application),
    );
  });

  router.post('/:id/change', async (ctx) => {
    const { doer, which, application } = await own(ctx, freshDoerOf(ctx));
    const typed = await readForm(ctx, applicationFields);
    checkCsrf(ctx, typed.csrf);
    const subscriptionIds = tickedOf(typed, 'for');
    const known = [
      ...(await listTiedSubscriptions(pool, which.id)),
      ...(await listOfferedSubscriptions(pool, which.owner)),
    ].filter(({ id }) => subscriptionIds.includes(id));
    try {
      const input = readTyped(typed, known, application.authMethod);
      await changeApplication(parts, doer, { ...input, ...which, subscriptionIds });
      goTo(ctx, `/applications/${which.id}?done=changed`);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const wrong = { typed, errors: { ...error.fields } };
      const page = await changePage(parts, which.owner, application, wrong);
      await ctx.render('portal/application-change', page);
      ctx.status = 422;
    }
  });

  router.get('/:id/delete', async (ctx) => {
    const { application } = await own(ctx);
    await ctx.render('portal/application-delete', { id: application.id, name: application.name });
  });

  router.post('/:id/delete', async (ctx) => {
    const { doer, which, application } = await own(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await countLetters(ctx, application.teamId);
    await deleteApplication(parts, doer, which);
    goTo(ctx, '/applications?done=deleted');
  });

  router.post('/:id/secrets', async (ctx) => {
    const mine = await own(ctx, freshDoerOf(ctx));
    const { csrf, old } = await readForm(ctx, makeForm);
    checkCsrf(ctx, csrf);
    await countLetters(ctx, mine.application.teamId);
    try {
      const { owner, id: clientId } = mine.which;
      const { secret } = await makeSecret(parts, mine.doer, { owner, clientId, old });
      await show(ctx, mine, { secret }, 201); // not a redirect: it is in this answer and nowhere else
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      await show(ctx, mine, { problem: error.message }, 409);
    }
  });

  router.post('/:id/secrets/:secret/end', async (ctx) => {
    const mine = await own(ctx, freshDoerOf(ctx));
    const { csrf, overlap } = await readForm(ctx, endForm);
    checkCsrf(ctx, csrf);
    await countLetters(ctx, mine.application.teamId);
    const { owner, id: clientId } = mine.which;
    const secretId = String(ctx.params.secret);
    try {
      await endSecret(parts, mine.doer, { owner, clientId, secretId, overlap });
      goTo(ctx, `/applications/${clientId}?done=${overlap === 'now' ? 'ended' : 'ends'}#secrets`);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      await show(ctx, mine, { problem: error.message }, 404); // such as ended in another tab
    }
  });

  router.post('/:id/assertion', async (ctx) => {
    const mine = await own(ctx);
    const { csrf, assertion } = await readForm(ctx, assertionForm);
    checkCsrf(ctx, csrf);
    const checks = await checkAssertion({ ...parts, db: pool }, mine.application, assertion);
    await show(ctx, mine, { checks });
  });

  return router;
}
