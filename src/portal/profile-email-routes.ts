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
import type { Self } from '../accounts/own-account-service.ts';
import { codeOf, emailAddress } from '../accounts/registration-form.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { InvalidInput } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { ownCookie } from '../http/own-cookie.ts';
import { comeBackTo } from '../http/return-to.ts';
import { orAskToWait } from '../http/wait.ts';
import { freshSelfOf, selfOf } from './profile-self.ts';

const bareForm = z.object({ csrf: z.string().default('') });
const emailForm = bareForm.extend({ email: z.string().default('') });
const codeForm = bareForm.extend({ code: z.string().max(40).default('') });

const confirmPath = '/profile/email/confirm';
/** Where the sign-in leads that a link asked for. */
const openedPath = '/profile/email/opened';

/**
 * Another email address: asked for after a fresh sign-in, and proven by link or code, always as the
 * account that asked, so that nobody is talked into giving their address to another's account.
 */
export function profileEmailRoutes(parts: EmailChangeParts): Router {
  const { pool } = parts;
  const router = new Router();
  const https = parts.baseUrl.startsWith('https:');
  const opened = ownCookie('sg_email_link', { https, maxAge: 15 * 60_000 });

  /** Opened signed out, a link waits in its browser: the way through the sign-in is in addresses, and it is a secret. */
  function selfAtLink(ctx: Context): Self {
    comeBackTo(ctx, openedPath);
    const token = String(ctx.params.token);
    if (!accountOf(ctx) && /^[\w-]{43}$/.test(token)) opened.write(ctx, token);
    return selfOf(ctx);
  }

  router.get('/profile/email', async (ctx) => {
    await showForm(ctx, { current: freshSelfOf(ctx).account.email, typed: '' });
  });

  router.post('/profile/email', async (ctx) => {
    const self = freshSelfOf(ctx);
    const { csrf, email: typed } = await readForm(ctx, emailForm);
    checkCsrf(ctx, csrf);
    const page = { current: self.account.email, typed };
    const work = async () => {
      try {
        await askForEmail(parts, self, read(typed));
        goTo(ctx, confirmPath);
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
        await showForm(ctx, { ...page, error: error.fields.email });
        ctx.status = 422;
      }
    };
    await orAskToWait(ctx, work, (problem) => showForm(ctx, { ...page, problem }));
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
    const work = async () => {
      const answer = code ? await confirmByCode(parts, self, change, code) : 'not six digits';
      if (answer === 'done') return goTo(ctx, '/profile?done=email');
      await showConfirm(ctx, change, { error: codeProblems[answer] });
      ctx.status = 422;
    };
    await orAskToWait(ctx, work, (problem) =>
      showConfirm(ctx, change, { problem: `${problem} ${linkStillWorks}` }),
    );
  });

  router.post('/profile/email/cancel', async (ctx) => {
    const self = selfOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await cancelEmailChange(pool, self);
    goTo(ctx, '/profile?done=email-cancelled');
  });

  router.get(openedPath, async (ctx) => {
    selfOf(ctx);
    const token = opened.read(ctx);
    opened.clear(ctx);
    goTo(ctx, token ? `/profile/email/${token}` : confirmPath);
  });

  /** Looks at nothing but the row: mail scanners open it too. */
  router.get('/profile/email/:token', async (ctx) => {
    const self = selfAtLink(ctx);
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
    const self = selfAtLink(ctx);
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

const linkStillWorks = 'The link in our email still works: open it. Or ask for another email.';

/** What is wrong with the field, or what stands in the way and passes. */
type Wrong = { error?: string; problem?: string };

const showForm = (ctx: Context, page: { current: string; typed: string } & Wrong): Promise<void> =>
  ctx.render('portal/profile-email', { error: null, problem: null, ...page });

const showConfirm = (ctx: Context, { email }: EmailChange, wrong: Wrong = {}): Promise<void> => {
  const page = { email, hours: emailChangeHours };
  return ctx.render('portal/profile-email-confirm', {
    ...page,
    error: null,
    problem: null,
    ...wrong,
  });
};

async function showEnded(ctx: Context): Promise<void> {
  await ctx.render('portal/profile-email-ended', { hours: emailChangeHours });
  ctx.status = 410;
}
