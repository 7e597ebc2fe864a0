import type { Context, Middleware } from 'koa';
import { Forbidden } from '../base/errors.ts';
import { type Keyring, newSecret, sameText } from '../base/secrets.ts';
import { ownCookie } from './own-cookie.ts';

/** What the middleware leaves in `ctx.state.csrf`. */
type Csrf = {
  /** For a form on this page. The browser gets its cookie with the first one. */
  token(): string;
  accepts(given: string, beforeSignIn: boolean): boolean;
};

/**
 * A token for the forms of one browser: HMAC of a signed random cookie and of what `boundTo` says
 * (the session, so that a token does not outlive it).
 */
export function csrf({
  keyring,
  https,
  boundTo,
}: {
  keyring: Pick<Keyring, 'fingerprint'>;
  https: boolean;
  boundTo: (ctx: Context) => string | null;
}): Middleware {
  const cookie = ownCookie('sg_csrf', { https });
  const tokenOf = (browser: string, bound: string | null): string =>
    keyring.fingerprint(`form:${browser}:${bound ?? ''}`).toString('base64url');

  return async (ctx, next) => {
    let browser = cookie.read(ctx);
    const tools: Csrf = {
      token() {
        if (browser === undefined) {
          browser = newSecret();
          cookie.write(ctx, browser);
        }
        return tokenOf(browser, boundTo(ctx));
      },
      accepts(given, beforeSignIn) {
        if (browser === undefined) return false;
        const right = sameText(given, tokenOf(browser, boundTo(ctx)));
        return right || (beforeSignIn && sameText(given, tokenOf(browser, null)));
      },
    };
    ctx.state.csrf = tools;
    await next();
  };
}

const csrfOf = (ctx: Context): Csrf => {
  if (!ctx.state.csrf) throw new Error('forms stand behind the csrf middleware');
  return ctx.state.csrf;
};

export const csrfToken = (ctx: Context): string => csrfOf(ctx).token();

/**
 * `given` is the field `csrf` of the form. `beforeSignIn`: also takes a token from before this
 * browser signed in, as a sign-in form in a second tab has it.
 * @throws {Forbidden} `cross_origin`
 */
export function checkCsrf(
  ctx: Context,
  given: string | undefined,
  { beforeSignIn = false }: { beforeSignIn?: boolean } = {},
): void {
  if (csrfOf(ctx).accepts(given ?? '', beforeSignIn)) return;
  throw new Forbidden('cross_origin', 'This form was not sent from our page, or it is too old.');
}
