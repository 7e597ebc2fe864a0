import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import { type Account, administratorRoles } from '../accounts/account.ts';
import { freshDoerOf } from '../accounts/doer.ts';
import { resetSecondFactor } from '../accounts/second-factor-service.ts';
import { signedIn } from '../accounts/session-cookie.ts';
import { findAccount } from '../accounts/store.ts';
import { environments } from '../base/environment.ts';
import { Conflict, Forbidden, InvalidInput, NotFound } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { endAccess } from '../oauth/consents.ts';
import type { AdministratorOf } from './administrator.ts';
import { type Earlier, peoplePage, personPage } from './people-page.ts';
import { changeProfile, changeRoles, noAccount } from './people-service.ts';

const bareForm = z.object({ csrf: z.string().default('') });
/** One field for each role: what is not ticked is not sent. */
const rolesForm = bareForm.extend(
  Object.fromEntries(administratorRoles.map((role) => [role, z.literal('yes').optional()])),
);
const profileForm = bareForm.extend({
  role: z.string().max(300).default(''),
  patient: z.string().max(300).default(''),
  reason: z.string().max(2000).default(''),
});
const reasonForm = bareForm.extend({ reason: z.string().max(2000).default('') });

const done: Readonly<Record<string, string>> = {
  roles: 'The roles are changed; they count from their next page on.',
  profile: 'The profile is changed; it counts from their next token on.',
  factor:
    'The second factor is removed. They are signed out everywhere, applications have to ask them again, and a letter tells them.',
};

type Parts = { pool: pg.Pool; administratorOf: AdministratorOf };

/** Everybody with an account; what one of them may do, and has done. */
export function peopleRoutes({ pool, administratorOf }: Parts): Router {
  const router = new Router({ prefix: '/admin/people' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const before = typeof ctx.query.before === 'string' ? ctx.query.before : null;
    const administrators = ctx.query.show === 'administrators';
    await ctx.render('admin/people', await peoplePage(pool, { before, administrators }));
  });

  const show = async (ctx: Context, earlier: Earlier = {}): Promise<void> => {
    const { before } = ctx.query;
    const cursor = typeof before === 'string' && /^\d{1,18}$/.test(before) ? before : null;
    const whose = { accountId: String(ctx.params.id), reader: signedIn(ctx) };
    const page = await personPage(pool, whose, { ...earlier, before: cursor });
    await ctx.render('admin/person', page);
  };
  const back = (ctx: Context, word: string): void =>
    goTo(ctx, `/admin/people/${ctx.params.id}?done=${word}`);
  const refuse = async (ctx: Context, status: number, earlier: Earlier): Promise<void> => {
    await show(ctx, earlier);
    ctx.status = status;
  };

  router.get('/:id', async (ctx) => {
    administratorOf(ctx);
    const word = typeof ctx.query.done === 'string' ? ctx.query.done : '';
    await show(ctx, { done: done[word] ?? null });
  });

  router.post('/:id/roles', async (ctx) => {
    const doer = administratorOf(ctx, 'owner');
    freshDoerOf(ctx);
    const { csrf, ...ticked } = await readForm(ctx, rolesForm);
    checkCsrf(ctx, csrf);
    const roles = administratorRoles.filter((role) => Object.hasOwn(ticked, role));
    try {
      await changeRoles(pool, doer, { accountId: String(ctx.params.id), roles });
      back(ctx, 'roles');
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      await refuse(ctx, 409, { errors: { roles: error.message } });
    }
  });

  router.post('/:id/profiles/:environment', async (ctx) => {
    const doer = administratorOf(ctx, 'approver');
    const environment = environments.find((one) => one === ctx.params.environment);
    if (!environment) throw new NotFound('no_environment', 'There is no such environment.');
    freshDoerOf(ctx);
    const { csrf, role, patient, reason } = await readForm(ctx, profileForm);
    checkCsrf(ctx, csrf);
    const profile = role ? { role, patient: patient.trim() || null } : null;
    const whose = { accountId: String(ctx.params.id), environment };
    try {
      await changeProfile(pool, doer, { ...whose, profile, reason: reason.trim() });
      back(ctx, 'profile');
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const typed = { environment, role, patient, reason };
      await refuse(ctx, 422, { errors: error.fields, profile: typed });
    }
  });

  router.post('/:id/second-factor/remove', async (ctx) => {
    const doer = administratorOf(ctx, 'owner');
    freshDoerOf(ctx);
    const { csrf, reason } = await readForm(ctx, reasonForm);
    checkCsrf(ctx, csrf);
    const { id, email } = await otherAccount(ctx);
    const why = reason.trim();
    if (!why) return refuse(ctx, 422, { errors: { reason: 'Say why: it goes into the trail.' } });
    await resetSecondFactor({ pool, endAccess }, { email, reason: why, doer });
    goTo(ctx, `/admin/people/${id}?done=factor`);
  });

  /** Whoever could take away their own would make of a stolen session a stolen account. */
  async function otherAccount(ctx: Context): Promise<Account> {
    const account = await findAccount(pool, String(ctx.params.id));
    if (!account) throw noAccount();
    if (account.id === signedIn(ctx).id) {
      throw new Forbidden('own_account', 'Your own second factor is removed in your profile.');
    }
    return account;
  }

  return router;
}
