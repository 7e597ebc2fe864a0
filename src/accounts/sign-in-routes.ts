import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { recordAct } from '../audit/store.ts';
import { Busy, TooMany, type Unauthenticated } from '../base/errors.ts';
import { digest, newSecret } from '../base/secrets.ts';
import { transaction } from '../db/pool.ts';
import { callerOf } from '../http/caller.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { type OwnCookie, ownCookie } from '../http/own-cookie.ts';
import { placeOf, safeReturnTo } from '../http/return-to.ts';
import { labelOf } from './session.ts';
import { accountOf, type Sessions } from './session-cookie.ts';
import { type SignInParts, signIn } from './sign-in.ts';

const form = z.object({
  csrf: z.string().default(''),
  return_to: z.string().optional(),
  email: z.string().trim().default(''),
  password: z.string().default(''),
});
const signOutForm = z.object({ csrf: z.string().default('') });

const year = 365 * 24 * 3_600_000;

type Parts = SignInParts & { sessions: Sessions; https: boolean };

export function signInRoutes(parts: Parts): Router {
  const { pool, sessions, https } = parts;
  const device = ownCookie('sg_device', { https, maxAge: year });
  const router = new Router();

  router.get('/sign-in', async (ctx) => {
    const returnTo = safeReturnTo(ctx.query.return_to);
    if (accountOf(ctx)) return goTo(ctx, returnTo);
    await show(ctx, { returnTo });
  });

  router.post('/sign-in', async (ctx) => {
    const given = await readForm(ctx, form);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const returnTo = safeReturnTo(given.return_to);
    const { email, password } = given;
    const again = async (problem: string, status: number): Promise<void> => {
      await show(ctx, { returnTo, email, problem });
      ctx.status = status;
    };
    if (!email || !password) return again('Fill in both fields.', 422);

    try {
      const attempt = { email, password, caller: callerOf(ctx), device: deviceOf(ctx, device) };
      const account = await signIn(parts, attempt, (tx, { id }) => sessions.begin(ctx, tx, id));
      if (account) goTo(ctx, returnTo);
      else await again('Email or password is wrong.', 422);
    } catch (error) {
      if (!(error instanceof TooMany || error instanceof Busy)) throw error;
      ctx.set('Retry-After', String(Math.ceil(error.retryAfter)));
      await again(error.message, error instanceof TooMany ? 429 : 503);
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
  await show(ctx, {
    returnTo: placeOf(ctx),
    email: accountOf(ctx)?.email,
    notice: code === 'sign_in_again' ? message : undefined,
  });
  ctx.status = 401;
}

async function show(
  ctx: Context,
  page: { returnTo: string; email?: string; problem?: string; notice?: string },
): Promise<void> {
  const { returnTo, email = '', problem = null, notice = null } = page;
  ctx.set('Cache-Control', 'no-store');
  await ctx.render('accounts/sign-in', { returnTo, email, problem, notice });
}

function goTo(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}

/** Lasts beyond the session, and tells browsers of one account apart: a copied cookie in another kind of browser is new. */
function deviceOf(ctx: Context, cookie: OwnCookie): Buffer {
  const value = cookie.read(ctx) ?? newSecret();
  cookie.write(ctx, value);
  return digest(`${value} ${labelOf(callerOf(ctx).userAgent)}`);
}
