import type { Context } from 'koa';
import type { Self } from '../accounts/own-account-service.ts';
import { freshlySignedIn, sessionOf, signedIn } from '../accounts/session-cookie.ts';
import { callerOf } from '../http/caller.ts';

/** Whoever looks at their own profile. @throws {Unauthenticated} */
export const selfOf = (ctx: Context): Self => withSession(ctx, signedIn(ctx));

/** For what a stolen session must not do. @throws {Unauthenticated} */
export const freshSelfOf = (ctx: Context): Self => withSession(ctx, freshlySignedIn(ctx));

function withSession(ctx: Context, account: Self['account']): Self {
  const session = sessionOf(ctx);
  if (!session) throw new Error('an account is signed in by a session');
  return { account, session, caller: callerOf(ctx) };
}
