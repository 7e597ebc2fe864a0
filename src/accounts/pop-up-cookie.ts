import type { Context, Middleware } from 'koa';
import { digest } from '../base/secrets.ts';
import { ownCookie } from '../http/own-cookie.ts';

/** The pop-ups that a browser has open: by the paths of their interactions, for an hour. */
export type PopUpCookie = {
  /** This page stands in the pop-up of its interaction. */
  open(ctx: Context): void;
  /** For the pages that people are sent to from there and come back from. */
  middleware: Middleware;
};

/** Of several at once the last ones count. */
const most = 5;

/**
 * Shows that a browser was at an interaction, for anybody can write its address into a link to us.
 * Digests, because an interaction's own cookie is kept from all other pages.
 */
export function popUpCookie(https: boolean): PopUpCookie {
  const cookie = ownCookie('sg_pop_up', { https, maxAge: 3_600_000 });
  const read = (ctx: Context): string[] => cookie.read(ctx)?.split('.') ?? [];
  return {
    open(ctx) {
      const here = nameOf(ctx.path);
      const others = read(ctx).filter((one) => one !== here);
      cookie.write(ctx, [here, ...others].slice(0, most).join('.'));
    },
    middleware: (ctx, next) => {
      ctx.state.popUps = read(ctx);
      return next();
    },
  };
}

/** Whether this browser was at that interaction. */
export const cameFromPopUp = (ctx: Context, path: string): boolean =>
  (ctx.state.popUps as string[] | undefined)?.includes(nameOf(path)) ?? false;

const nameOf = (path: string): string => digest(`pop-up ${path}`).toString('base64url');
