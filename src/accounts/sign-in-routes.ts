import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { recordAct } from '../audit/store.ts';
import { Busy, TooMany, type Unauthenticated } from '../base/errors.ts';
import { newSecret } from '../base/secrets.ts';
import { transaction } from '../db/pool.ts';
import { callerOf } from '../http/caller.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { placeOf, safeReturnTo } from '../http/return-to.ts';
import { mayAdminister } from './second-factor.ts';
import { accountOf, type Sessions } from './session-cookie.ts';
import { type SignInParts, signIn } from './sign-in.ts';
import { deviceCookie } from './sign-in-device.ts';
import { waitingCookie, waitingIdOf, waitingOf } from './sign-in-waiting.ts';
import { saveWaitingSignIn } from './sign-in-waiting-store.ts';

const form = z.object({
  csrf: z.string().default(''),
  return_to: z.string().optional(),
  email: z.string().trim().default(''),
  password: z.string().default(''),
});
const signOutForm = z.object({ csrf: z.string().default('') });

type Parts = SignInParts & {
  sessions: Sessions;
  https: boolean;
  administratorsNeedSecondFactor?: boolean;
};

export function signInRoutes(parts: Parts): Router {
  const { pool, sessions, https } = parts;
  const devices = deviceCookie(https);
  const waiting = waitingCookie(https);
  const router = new Router();

  router.get('/sign-in', async (ctx) => {
    const returnTo = safeReturnTo(ctx.query.return_to);
    if (accountOf(ctx)) return goTo(ctx, returnTo);
    await showForm(ctx, { returnTo });
  });

  router.post('/sign-in', async (ctx) => {
    const given = await readForm(ctx, form);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const returnTo = safeReturnTo(given.return_to);
    const { email, password } = given;
    const again = async (problem: string, status: number): Promise<void> => {
      await showForm(ctx, { returnTo, email, problem });
      ctx.status = status;
    };
    if (!email || !password) return again('Fill in both fields.', 422);

    try {
      const attempt = { email, password, caller: callerOf(ctx), device: devices.meet(ctx) };
      const come = await signIn(parts, attempt, {
        begin: (tx, { id }) => sessions.begin(ctx, tx, id),
        async wait(tx, account) {
          const secret = newSecret();
          await saveWaitingSignIn(tx, { id: waitingIdOf(secret), ...waitingOf(account) });
          waiting.write(ctx, secret);
        },
      });
      if (come === 'signed in') goTo(ctx, placeAfter(ctx, returnTo, parts));
      else if (come) goTo(ctx, `/sign-in/code?${new URLSearchParams({ return_to: returnTo })}`);
      else await again('Email or password is wrong.', 422);
    } catch (error) {
      await again(...waitOf(ctx, error));
    }
  });

  router.post('/sign-out', async (ctx) => {
    const { csrf } = await readForm(ctx, signOutForm);
    const account = accountOf(ctx);
    if (account) {
      checkCsrf(ctx, csrf);
      await transaction(pool, async (tx) => {
        await sessions.end(ctx, tx);
        const actor = { kind: 'account', id: account.id } as const;
        await recordAct(tx, { actor, action: 'sign_out', caller: callerOf(ctx) });
      });
    }
    goTo(ctx, '/');
  });

  return router;
}

/** For the error handler: the form in the place of a page that needs a sign-in. */
export async function showSignIn(ctx: Context, { code, message }: Unauthenticated): Promise<void> {
  await showForm(ctx, {
    returnTo: placeOf(ctx),
    email: accountOf(ctx)?.email,
    notice: code === 'sign_in_again' ? message : undefined,
  });
  ctx.status = 401;
}

/** What a form says that must wait, and its status; throws on whatever waiting does not help with. */
export function waitOf(ctx: Context, error: unknown): [string, number] {
  if (!(error instanceof TooMany || error instanceof Busy)) throw error;
  ctx.set('Retry-After', String(Math.ceil(error.retryAfter)));
  return [error.message, error instanceof TooMany ? 429 : 503];
}

/** Where whoever has just signed in goes: an administrator who lacks a second factor to that first. */
export function placeAfter(
  ctx: Context,
  returnTo: string,
  { administratorsNeedSecondFactor = false }: Pick<Parts, 'administratorsNeedSecondFactor'>,
): string {
  const account = accountOf(ctx);
  const may = account && mayAdminister(account, administratorsNeedSecondFactor);
  if (may !== 'set up a second factor first') return returnTo;
  return `/profile/second-factor?${new URLSearchParams({ return_to: returnTo })}`;
}

export async function showForm(
  ctx: Context,
  page: { returnTo: string; email?: string; problem?: string; notice?: string },
): Promise<void> {
  const { returnTo, email = '', problem = null, notice = null } = page;
  ctx.set('Cache-Control', 'no-store');
  await ctx.render('accounts/sign-in', { returnTo, email, problem, notice });
}
