import type { Context } from 'koa';
import { accountOf } from '../accounts/session-cookie.ts';
import type { Shell } from '../http/render.ts';
import { placeOf } from '../http/return-to.ts';

/** Pages that one comes to in order to get in: nobody wants to come back to them. */
const doors = /^\/(sign-in|sign-out|register|forgot|verify|reset)?(\/|$)/;

/** The bar of hosted pages. */
export function shellOf(ctx: Context): Partial<Shell> {
  const account = accountOf(ctx);
  if (account) {
    const links = [{ href: '/profile', text: 'Profile' }];
    return { account: { name: account.name, links, signOut: '/sign-out' } };
  }
  const place = doors.test(ctx.path) ? '/' : placeOf(ctx);
  const back = place === '/' ? '' : `?${new URLSearchParams({ return_to: place })}`;
  return { signIn: { href: `/sign-in${back}`, text: 'Sign in' } };
}
