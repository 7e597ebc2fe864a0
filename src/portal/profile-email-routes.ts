import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { type EmailChange, emailChangeHours } from '../accounts/email-change.ts';
import {
  askForEmail,
  cancelEmailChange,
  confirmByCode,
  confirmByLink,
  type EmailChangeParts,
  emailChangeOfLink,
} from '../accounts/email-change-service.ts';
import { findEmailChange } from '../accounts/email-change-store.ts';
import { codeOf, emailAddress } from '../accounts/registration-form.ts';
import { InvalidInput } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { freshSelfOf, goTo, selfOf } from './profile-self.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const emailForm = bareForm.extend({ email: z.string().default('') });
const codeForm = bareForm.extend({ code: z.string().max(40).default('') });

const confirmPath = '/profile/email/confirm';

/**
 * Another email address: asked for after a fresh sign-in, and proven by link or code, always as the
 * account that asked, so that nobody is talked into giving their address to another's account.
 */
export function profileEmailRoutes(parts: EmailChangeParts): Router {
  const { pool } = parts;
  const router = new Router();

  router.get('/profile/email', async (ctx) => {
    await showForm(ctx, { current: freshSelfOf(ctx).account.email, typed: '' });
  });

  router.post('/profile/email', async (ctx) => {
    const self = freshSelfOf(ctx);
    const { csrf, email: typed } = await readForm(ctx, emailForm);
    checkCsrf(ctx, csrf);
    try {
      await askForEmail(parts, self, read(typed));
      goTo(ctx, confirmPath);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      await showForm(ctx, { current: self.account.email, typed, error: error.fields.email });
      ctx.status = 422;
    }
  });

  router.get(confirmPath, async (ctx) => {
    const change = await findEmailChange(pool, selfOf(ctx).account.id);
    if (!change) return goTo(ctx, '/profile');
    await showConfirm(ctx, change);
  });

  router.post(confirmPath, async (ctx) => {
    const self = selfOf(ctx);
    const { csrf, code: typed } = await readForm(ctx, codeForm);
    checkCsrf(ctx, csrf);
    const change = await findEmailChange(pool, self.account.id);
    if (!change) return goTo(ctx, '/profile');
    const code = codeOf(typed);
    const answer = code ? await confirmByCode(parts, self, change, code) : 'not six digits';
    if (answer === 'done') return goTo(ctx, '/profile?done=email');
    await showConfirm(ctx, change, codeProblems[answer]);
    ctx.status = 422;
  });

  router.post('/profile/email/cancel', async (ctx) => {
    const self = selfOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await cancelEmailChange(pool, self);
    goTo(ctx, '/profile?done=email-cancelled');
  });

  /** Looks at nothing but the row: mail scanners open it too. */
  router.get('/profile/email/:token', async (ctx) => {
    const self = selfOf(ctx);
    const change = await emailChangeOfLink(pool, self, String(ctx.params.token));
    if (!change) return showEnded(ctx);
    const { email } = self.account;
    await ctx.render('portal/profile-email-link', {
      action: ctx.path,
      current: email,
      email: change.email,
    });
  });

  router.post('/profile/email/:token', async (ctx) => {
    const self = selfOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const token = String(ctx.params.token);
    const change = await emailChangeOfLink(pool, self, token);
    if (!change || !(await confirmByLink(parts, self, change, token))) return showEnded(ctx);
    goTo(ctx, '/profile?done=email');
  });

  return router;
}

/** @throws {InvalidInput} */
function read(typed: string): string {
  const email = emailAddress.safeParse(typed);
  if (email.success) return email.data;
  throw new InvalidInput({ email: email.error.issues[0]?.message ?? 'Fill this in.' });
}

const codeProblems = {
  wrong: 'This is not the code of our last email. Look again, or ask for a new one.',
  'not six digits': 'Type the six digits from the email.',
  'no tries left': 'This code has had too many wrong tries. Ask for a new one, or open the link.',
} as const;

const showForm = (
  ctx: Context,
  page: { current: string; typed: string; error?: string },
): Promise<void> => ctx.render('portal/profile-email', { ...page, error: page.error ?? null });

const showConfirm = (
  ctx: Context,
  { email }: EmailChange,
  error: string | null = null,
): Promise<void> =>
  ctx.render('portal/profile-email-confirm', { email, hours: emailChangeHours, error });

async function showEnded(ctx: Context): Promise<void> {
  await ctx.render('portal/profile-email-ended', { hours: emailChangeHours });
  ctx.status = 410;
}
