import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { callerOf } from '../http/caller.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { safeReturnTo } from '../http/return-to.ts';
import { accountOf, type Sessions } from './session-cookie.ts';
import { enter } from './sign-in.ts';
import { deviceCookie } from './sign-in-device.ts';
import { placeAfter, showForm, waitOf } from './sign-in-routes.ts';
import {
  type SecondStepAnswer,
  type SecondStepParts,
  secondStepProblems,
  takeSecondStep,
} from './sign-in-second-step.ts';
import { waitingCookie, waitingIdOf } from './sign-in-waiting.ts';
import { findWaitingSignIn } from './sign-in-waiting-store.ts';

const form = z.object({
  csrf: z.string().default(''),
  return_to: z.string().optional(),
  code: z.string().max(40).default(''),
  recovery_code: z.string().max(80).default(''),
});

type Parts = SecondStepParts & {
  sessions: Sessions;
  https: boolean;
  baseUrl: string;
  administratorsNeedSecondFactor?: boolean;
};

/** After the right password: the code of an app, or a recovery code, and only then the session. */
export function secondStepRoutes(parts: Parts): Router {
  const { pool, sessions, https } = parts;
  const waiting = waitingCookie(https);
  const devices = deviceCookie(https);
  const router = new Router();

  router.get('/sign-in/code', async (ctx) => {
    const returnTo = safeReturnTo(ctx.query.return_to);
    const secret = waiting.read(ctx);
    if (secret && (await findWaitingSignIn(pool, waitingIdOf(secret)))) {
      return showCodeForm(ctx, { returnTo });
    }
    goTo(
      ctx,
      accountOf(ctx) ? returnTo : `/sign-in?${new URLSearchParams({ return_to: returnTo })}`,
    );
  });

  router.post('/sign-in/code', async (ctx) => {
    const given = await readForm(ctx, form);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const returnTo = safeReturnTo(given.return_to);
    const byRecovery = given.recovery_code.trim() !== '';
    const again = async (problem: string, status: number): Promise<void> => {
      await showCodeForm(ctx, { returnTo, problem, byRecovery });
      ctx.status = status;
    };
    const from = { caller: callerOf(ctx), device: devices.meet(ctx) };
    const step = {
      ...from,
      id: waitingIdOf(waiting.read(ctx) ?? 'none'),
      typed: byRecovery ? given.recovery_code : given.code,
    };

    let answer: SecondStepAnswer;
    try {
      answer = await takeSecondStep(parts, step, (tx, account) =>
        enter(tx, parts, account, from, () => sessions.begin(ctx, tx, account.id)),
      );
    } catch (error) {
      return again(...waitOf(ctx, error));
    }
    if (answer === 'not a code' || answer === 'wrong')
      return again(secondStepProblems[answer], 422);
    waiting.clear(ctx);
    if (answer !== 'ended') return goTo(ctx, placeAfter(ctx, returnTo, parts));
    await showForm(ctx, { returnTo, problem: secondStepProblems.ended });
    ctx.status = 422;
  });

  return router;
}

async function showCodeForm(
  ctx: Context,
  page: { returnTo: string; problem?: string; byRecovery?: boolean },
): Promise<void> {
  const { returnTo, problem = null, byRecovery = false } = page;
  ctx.set('Cache-Control', 'no-store');
  await ctx.render('accounts/sign-in-code', { returnTo, problem, byRecovery });
}
