import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { AccountDoer } from '../accounts/doer.ts';
import { accountOf, freshlySignedIn } from '../accounts/session-cookie.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import {
  applicationFields,
  readTyped,
  type TypedApplication,
  tickedOf,
} from '../clients/application-form.ts';
import { deleteApplication, type EndClientAccess } from '../clients/application-service.ts';
import type { AuthMethod } from '../clients/client.ts';
import { changeClient, registerClient } from '../clients/first-party-service.ts';
import { listOfferedProducts } from '../clients/first-party-store.ts';
import { endSecret, holdApplication, makeSecret } from '../clients/secret-service.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { checkAssertion } from '../oauth/assertion-check.ts';
import { type Overlap, overlaps } from '../subscriptions/key.ts';
import type { AdministratorOf } from './administrator.ts';
import {
  anyClient,
  type ClientPageParts,
  clientFormPage,
  clientPage,
  clientsPage,
} from './client-page.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const overlapNames = Object.keys(overlaps) as [Overlap, ...Overlap[]];
const makeForm = bareForm.extend({ old: z.enum(['keep', ...overlapNames]).default('keep') });
const endForm = bareForm.extend({ overlap: z.enum(overlapNames).default('now') });
const assertionForm = bareForm.extend({ assertion: z.string().max(20_000).default('') });

type Parts = ClientPageParts & {
  administratorOf: AdministratorOf;
  endClientAccess: EndClientAccess;
};

/** All clients for any administrator to read; the programme's own for a publisher to keep. */
export function clientRoutes(parts: Parts): Router {
  const { pool, administratorOf } = parts;
  const router = new Router({ prefix: '/admin/clients' });
  const mayKeep = (ctx: Context): boolean =>
    accountOf(ctx)?.roles.some((role) => role === 'publisher' || role === 'owner') ?? false;

  const show = async (
    ctx: Context,
    moment: Parameters<typeof clientPage>[3],
    status = 200,
  ): Promise<void> => {
    const client = await anyClient(parts, String(ctx.params.id));
    const who = { reader: administratorOf(ctx).actor.id, may: mayKeep(ctx) };
    await ctx.render('admin/client', await clientPage(parts, client, who, moment));
    ctx.status = status;
  };

  /** Ask it of the pages with the forms too. @throws {Unauthenticated} for a publisher of ten minutes ago. */
  const freshPublisherOf = (ctx: Context): AccountDoer => {
    const doer = administratorOf(ctx, 'publisher');
    freshlySignedIn(ctx);
    return doer;
  };

  /** A first-party client to change. @throws {NotFound} for a team's, which is the team's own. */
  const kept = async (ctx: Context) => {
    const doer = freshPublisherOf(ctx);
    const id = String(ctx.params.id);
    const client = await holdApplication(pool, { owner: null, id });
    return { doer, id, client };
  };

  /** What was typed, with the products that it was ticked for. */
  const inputOf = async (typed: TypedApplication, id: string | null, before?: AuthMethod) => {
    const productIds = tickedOf(typed, 'for');
    const offered = await listOfferedProducts(pool, id);
    const chosen = offered.filter((one) => productIds.includes(one.id));
    const input = readTyped(typed, chosen, before);
    return { ...input, productIds, defaultProductId: typed.default_product };
  };

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    await ctx.render('admin/clients', await clientsPage(parts, ctx.query, mayKeep(ctx)));
  });

  router.get('/new', async (ctx) => {
    freshPublisherOf(ctx);
    await ctx.render('admin/client-form', await clientFormPage(parts, null));
  });

  router.post('/new', async (ctx) => {
    const doer = freshPublisherOf(ctx);
    const typed = await readForm(ctx, applicationFields);
    checkCsrf(ctx, typed.csrf);
    try {
      const { id, secret } = await registerClient(parts, doer, await inputOf(typed, null));
      if (!secret) return goTo(ctx, `/admin/clients/${id}?done=made`);
      const who = { reader: doer.actor.id, may: true };
      const moment = { done: 'made', secret: secret.secret };
      const page = await clientPage(parts, await anyClient(parts, id), who, moment);
      await ctx.render('admin/client', page);
      ctx.status = 201; // not a redirect: the secret is in this answer and nowhere else
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const wrong = { typed, errors: { ...error.fields } };
      await ctx.render('admin/client-form', await clientFormPage(parts, null, wrong));
      ctx.status = 422;
    }
  });

  router.get('/:id', async (ctx) => {
    administratorOf(ctx);
    await show(ctx, { done: ctx.query.done });
  });

  router.get('/:id/change', async (ctx) => {
    const { client } = await kept(ctx);
    await ctx.render('admin/client-form', await clientFormPage(parts, client));
  });

  router.post('/:id/change', async (ctx) => {
    const { doer, id, client } = await kept(ctx);
    const typed = await readForm(ctx, applicationFields);
    checkCsrf(ctx, typed.csrf);
    try {
      const input = await inputOf(typed, id, client.authMethod);
      await changeClient(parts, doer, { ...input, id });
      goTo(ctx, `/admin/clients/${id}?done=changed`);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const wrong = { typed, errors: { ...error.fields } };
      await ctx.render('admin/client-form', await clientFormPage(parts, client, wrong));
      ctx.status = 422;
    }
  });

  router.get('/:id/delete', async (ctx) => {
    const { id, client } = await kept(ctx);
    await ctx.render('admin/client-delete', { id, name: client.name });
  });

  router.post('/:id/delete', async (ctx) => {
    const { doer, id } = await kept(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await deleteApplication(parts, doer, { owner: null, id });
    goTo(ctx, '/admin/clients?done=deleted');
  });

  router.post('/:id/secrets', async (ctx) => {
    const { doer, id: clientId } = await kept(ctx);
    const { csrf, old } = await readForm(ctx, makeForm);
    checkCsrf(ctx, csrf);
    try {
      const { secret } = await makeSecret(parts, doer, { owner: null, clientId, old });
      await show(ctx, { secret }, 201); // not a redirect: it is in this answer and nowhere else
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      await show(ctx, { problem: error.message }, 409);
    }
  });

  router.post('/:id/secrets/:secret/end', async (ctx) => {
    const { doer, id: clientId } = await kept(ctx);
    const { csrf, overlap } = await readForm(ctx, endForm);
    checkCsrf(ctx, csrf);
    const secretId = String(ctx.params.secret);
    try {
      await endSecret(parts, doer, { owner: null, clientId, secretId, overlap });
      goTo(ctx, `/admin/clients/${clientId}?done=${overlap === 'now' ? 'ended' : 'ends'}#secrets`);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      await show(ctx, { problem: error.message }, 404); // such as ended in another tab
    }
  });

  router.post('/:id/assertion', async (ctx) => {
    const { client } = await kept(ctx);
    const { csrf, assertion } = await readForm(ctx, assertionForm);
    checkCsrf(ctx, csrf);
    await show(ctx, { checks: await checkAssertion({ ...parts, db: pool }, client, assertion) });
  });

  return router;
}
