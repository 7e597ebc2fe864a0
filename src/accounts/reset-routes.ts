import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { callerOf } from '../http/caller.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { safeReturnTo } from '../http/return-to.ts';
import { orAskToWait } from '../http/wait.ts';
import type { PasswordRules } from './password-rules.ts';
import { emailAddress } from './registration-form.ts';
import { leadsTo, signInAt, withReturn } from './registration-return.ts';
import {
  askForReset,
  type ResetParts,
  resetMinutes,
  resetOfLink,
  setForgottenPassword,
} from './reset-service.ts';
import type { PasswordReset } from './reset-store.ts';
import { deviceCookie } from './sign-in-device.ts';

const askForm = z.object({
  csrf: z.string().default(''),
  email: z.string().default(''),
  return_to: z.string().default(''),
});
const passwordForm = z.object({ csrf: z.string().default(''), password: z.string().default('') });

/** A forgotten password: ask for a link, open it, choose a new one. */
export function resetRoutes(parts: ResetParts & { rules: PasswordRules }): Router {
  const router = new Router();
  const device = deviceCookie(parts.baseUrl.startsWith('https:'));

  router.get('/forgot', async (ctx) => {
    await showAsk(ctx, { email: '', returnTo: safeReturnTo(ctx.query.return_to) });
  });

  router.post('/forgot', async (ctx) => {
    const given = await readForm(ctx, askForm);
    const returnTo = safeReturnTo(given.return_to);
    leadsTo(ctx, returnTo);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const email = emailAddress.safeParse(given.email);
    if (!email.success) {
      const error = email.error.issues[0]?.message ?? 'Fill this in.';
      await showAsk(ctx, { email: given.email, returnTo, error });
      ctx.status = 422;
      return;
    }
    const work = async () => {
      const from = { caller: callerOf(ctx), device: device.find(ctx) };
      await askForReset(parts, { email: email.data, returnTo }, from);
      goTo(ctx, withReturn('/forgot/sent', returnTo));
    };
    await orAskToWait(ctx, work, (problem) =>
      showAsk(ctx, { email: given.email, returnTo, problem }),
    );
  });

  router.get('/forgot/sent', async (ctx) => {
    const returnTo = safeReturnTo(ctx.query.return_to);
    leadsTo(ctx, returnTo);
    await ctx.render('accounts/forgot-sent', {
      minutes: resetMinutes,
      ask: withReturn('/forgot', returnTo),
      signIn: signInAt(returnTo),
    });
  });

  router.get('/forgot/done', async (ctx) => {
    const returnTo = safeReturnTo(ctx.query.return_to);
    leadsTo(ctx, returnTo);
    await ctx.render('accounts/reset-done', { signIn: signInAt(returnTo) });
  });

  router.get('/reset/:token', async (ctx) => {
    const reset = await resetOfLink(parts, String(ctx.params.token));
    if (!reset) return showEnded(ctx);
    await showPassword(ctx, reset);
  });

  router.post('/reset/:token', async (ctx) => {
    const { csrf, password } = await readForm(ctx, passwordForm);
    checkCsrf(ctx, csrf, { beforeSignIn: true });
    const token = String(ctx.params.token);
    const reset = await resetOfLink(parts, token);
    if (!reset) return showEnded(ctx);
    const problem = parts.rules.problemOf(password, reset);
    if (problem) {
      await showPassword(ctx, reset, { error: problem });
      ctx.status = 422;
      return;
    }
    const work = async () => {
      const set = await setForgottenPassword(parts, reset, { token, password }, callerOf(ctx));
      if (!set) return showEnded(ctx);
      goTo(ctx, withReturn('/forgot/done', reset.returnTo));
    };
    await orAskToWait(ctx, work, (passing) => showPassword(ctx, reset, { problem: passing }));
  });

  return router;
}

/** What is wrong with the field, or what stands in the way and passes. */
type Wrong = { error?: string | null; problem?: string | null };

async function showAsk(
  ctx: Context,
  page: { email: string; returnTo: string } & Wrong,
): Promise<void> {
  leadsTo(ctx, page.returnTo);
  const { email, returnTo, error = null, problem = null } = page;
  const signIn = signInAt(returnTo);
  await ctx.render('accounts/forgot', { email, returnTo, error, problem, signIn });
}

async function showPassword(
  ctx: Context,
  reset: PasswordReset,
  { error = null, problem = null }: Wrong = {},
): Promise<void> {
  leadsTo(ctx, reset.returnTo);
  const { email } = reset;
  await ctx.render('accounts/reset', { action: ctx.path, email, error, problem });
}

async function showEnded(ctx: Context): Promise<void> {
  await ctx.render('accounts/reset-ended', {});
  ctx.status = 410;
}
