import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import { changeName, endOtherSessions, endSession } from '../accounts/own-account-service.ts';
import { personName } from '../accounts/registration-form.ts';
import { environments } from '../base/environment.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { withdrawConsent } from '../oauth/consents.ts';
import { profilePage } from './profile-page.ts';
import { selfOf } from './profile-self.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const nameForm = bareForm.extend({ name: z.string().default('') });
const sessionForm = bareForm.extend({ session: z.string() });
const consentForm = bareForm.extend({ environment: z.enum(environments), client: z.string() });

/** Who I am, where I am signed in, and what may act for me. */
export function profileRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = new Router({ prefix: '/profile' });

  router.get('/', async (ctx) => {
    await ctx.render('portal/profile', await profilePage(pool, selfOf(ctx), ctx.query.done));
  });

  router.get('/name', async (ctx) => {
    await showName(ctx, selfOf(ctx).account.name);
  });

  router.post('/name', async (ctx) => {
    const self = selfOf(ctx);
    const { csrf, name: typed } = await readForm(ctx, nameForm);
    checkCsrf(ctx, csrf);
    const name = personName.safeParse(typed);
    if (!name.success) {
      await showName(ctx, typed, name.error.issues[0]?.message);
      ctx.status = 422;
      return;
    }
    await changeName(pool, self, name.data);
    goTo(ctx, '/profile?done=name');
  });

  router.post('/sessions/end', async (ctx) => {
    const self = selfOf(ctx);
    const { csrf, session } = await readForm(ctx, sessionForm);
    checkCsrf(ctx, csrf);
    await endSession(pool, self, session);
    goTo(ctx, '/profile?done=session#sessions');
  });

  router.post('/sessions/end-others', async (ctx) => {
    const self = selfOf(ctx);
    const { csrf } = await readForm(ctx, bareForm);
    checkCsrf(ctx, csrf);
    await endOtherSessions(pool, self);
    goTo(ctx, '/profile?done=sessions#sessions');
  });

  router.post('/consents/withdraw', async (ctx) => {
    const { account, caller } = selfOf(ctx);
    const { csrf, environment, client } = await readForm(ctx, consentForm);
    checkCsrf(ctx, csrf);
    const consent = { accountId: account.id, environment, clientId: client };
    await withdrawConsent(pool, consent, caller);
    goTo(ctx, '/profile?done=consent#consents');
  });

  return router;
}

const showName = (ctx: Context, name: string, error: string | null = null): Promise<void> =>
  ctx.render('portal/profile-name', { name, error });
