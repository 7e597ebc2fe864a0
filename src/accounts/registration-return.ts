import type { Context } from 'koa';
import { comeBackTo } from '../http/return-to.ts';
import { keepOpener, underIssuer } from '../http/security-headers.ts';
import { cameFromPopUp } from './pop-up-cookie.ts';

/** `/register` → `/register?return_to=%2Fapis`; the start page needs no word. */
export const withReturn = (path: string, returnTo: string): string =>
  returnTo === '/' ? path : `${path}?${new URLSearchParams({ return_to: returnTo })}`;

/** The page of one interaction, which stands in an application's pop-up: its uid has 43 characters. */
const isInteraction = (path: string): boolean =>
  /^\/(sandbox|live)\/interaction\/[\w-]{43}$/.test(path);

/**
 * For a page on the way to `returnTo`. Whoever came from a pop-up stands in it still: one page with
 * another opener policy, and the application would never hear from its pop-up again. Whoever did
 * not come from there may have been sent by a page that wants to keep a hand on ours.
 */
export function leadsTo(ctx: Context, returnTo: string): void {
  comeBackTo(ctx, returnTo);
  if (isInteraction(returnTo) && cameFromPopUp(ctx, returnTo)) keepOpener(ctx);
}

/** An interaction belongs to the browser it was begun in: any other starts at the beginning. */
export const elsewhere = (returnTo: string): string => (underIssuer(returnTo) ? '/' : returnTo);

/** Where to sign in and go on: an interaction has a form of its own, in its pop-up. */
export const signInAt = (returnTo: string): string =>
  isInteraction(returnTo) ? returnTo : withReturn('/sign-in', returnTo);
