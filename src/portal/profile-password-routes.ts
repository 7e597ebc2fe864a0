import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import {
  changePassword,
  type Here,
  type PasswordChangeParts,
} from '../accounts/own-account-service.ts';
import type { PasswordRules } from '../accounts/password-rules.ts';
import type { Sessions } from '../accounts/session-cookie.ts';
import { deviceCookie } from '../accounts/sign-in-device.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { orAskToWait } from '../http/wait.ts';
import { endAccess } from '../oauth/consents.ts';
import { freshSelfOf } from './profile-self.ts';

const form = z.object({ csrf: z.string().default(''), password: z.string().default('') });

export type PasswordRoutesParts = Omit<PasswordChangeParts, 'endAccess'> & {
  rules: PasswordRules;
  sessions: Pick<Sessions, 'begin'>;
  https: boolean;
};

/** A new password; that it is the person who chooses it is shown by their having just signed in. */
export function profilePasswordRoutes(parts: PasswordRoutesParts): Router {
  const router = new Router();
  const devices = deviceCookie(parts.https);

  router.get('/profile/password', async (ctx) => {
    await show(ctx, freshSelfOf(ctx).account.email);
  });

  router.post('/profile/password', async (ctx) => {
    const self = freshSelfOf(ctx);
    const { csrf, password } = await readForm(ctx, form);
    checkCsrf(ctx, csrf);
    const problem = parts.rules.problemOf(password, self.account);
    if (problem) {
      await show(ctx, self.account.email, { error: problem });
      ctx.status = 422;
      return;
    }
    const here: Here = {
      device: devices.meet(ctx),
      begin: (tx) => parts.sessions.begin(ctx, tx, self.account.id),
    };
    const work = async () => {
      await changePassword({ ...parts, endAccess }, self, password, here);
      goTo(ctx, '/profile?done=password');
    };
    await orAskToWait(ctx, work, (passing) => show(ctx, self.account.email, { problem: passing }));
  });

  return router;
}

/** What is wrong with the field, or what stands in the way and passes. */
type Wrong = { error?: string | null; problem?: string | null };

const show = (
  ctx: Context,
  email: string,
  { error = null, problem = null }: Wrong = {},
): Promise<void> => ctx.render('portal/profile-password', { email, error, problem });
