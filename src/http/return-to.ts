import type { Context } from 'koa';
import { urlOf } from '../base/url.ts';

const nowhere = 'http://nowhere.invalid';

/**
 * A path of our own to send a browser on to, or `/`. What any reader (a browser, a proxy that
 * decodes) could take for another host is not one.
 */
export function safeReturnTo(given: unknown): string {
  if (typeof given !== 'string' || given.length > 2000 || !isOwnPath(given)) return '/';
  const { pathname, search, hash } = new URL(given, nowhere);
  const path = `${pathname}${search}${hash}`;
  return isOwnPath(path) ? path : '/'; // again: `/.//evil` is `//evil` once its dots are resolved
}

function isOwnPath(text: string): boolean {
  if (!looksOwn(text) || !urlOf(text, nowhere)) return false;
  try {
    const path = text.replace(/[?#].*/s, '');
    return new URL(text, nowhere).origin === nowhere && looksOwn(decodeURIComponent(path));
  } catch {
    return false; // a path that does not decode is answered 400 anyway
  }
}

/** One slash, and nothing that browsers drop or turn into one before they read the address. */
const looksOwn = (text: string): boolean => /^\/(?!\/)[^\\\p{Cc}]*$/u.test(text);

/**
 * Names where whoever signs in from this page goes on to, because its own address will not do: it is
 * a door itself, or a secret that belongs into no other address. `path` is one of our own.
 */
export function comeBackTo(ctx: Context, path: string): void {
  ctx.state.comeBackTo = path;
}

/** What `comeBackTo` named. */
export const namedPlaceOf = (ctx: Context): string | undefined => ctx.state.comeBackTo;

/** Where a person is, to come back to after signing in: for a form that was sent, the page it stood on. */
export function placeOf(ctx: Context): string {
  const named = namedPlaceOf(ctx);
  if (named) return named;
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return safeReturnTo(ctx.originalUrl);
  const referer = urlOf(ctx.get('Referer'));
  return referer?.host === ctx.host ? safeReturnTo(`${referer.pathname}${referer.search}`) : '/';
}
