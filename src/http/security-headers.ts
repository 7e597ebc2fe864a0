import type { Context, Middleware } from 'koa';
import helmet from 'koa-helmet';
import { urlOf } from '../base/url.ts';

const year = 31_536_000; // seconds

const directives = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
  'form-action': ["'self'"],
};

/**
 * Whether an address belongs to one of the two issuers or their interaction pages: a hop of an
 * authorization request. Case is folded because oidc-provider's router folds it too.
 */
export const underIssuer = (path: string): boolean => /^\/(sandbox|live)(\/|$)/i.test(path);

/** `https`: whether browsers reach us by https; a port without TLS must not promise it. */
export function securityHeaders({ https }: { https: boolean }): Middleware {
  const set = helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    crossOriginOpenerPolicy: false,
    // not no-referrer: with that, browsers say `Origin: null` on our own form posts
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: https && { maxAge: year, includeSubDomains: false },
    xFrameOptions: { action: 'deny' },
  });

  return (ctx, next) => {
    // any value at all on any hop, even on a 303, cuts a portal's pop-up off from its opener
    if (!underIssuer(ctx.path)) ctx.set('Cross-Origin-Opener-Policy', 'same-origin');

    return set(ctx, async () => {
      await next();
      const isPage = ctx.response.is('html') || ctx.status >= 300;
      if (isPage && !ctx.response.get('Cache-Control')) ctx.set('Cache-Control', 'no-store');
    });
  };
}

/** For a page of ours that opens a pop-up and waits to hear from it. */
export const keepPopups = (ctx: Context): void =>
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin-allow-popups');

/** For a page of ours that runs in a pop-up and reports to its opener. */
export const keepOpener = (ctx: Context): void => ctx.remove('Cross-Origin-Opener-Policy');

/**
 * Lets this page's form end at `redirectUri`: browsers hold `form-action` against every redirect
 * that follows the post, and the last one leaves for the client. Whatever cannot be written as a
 * source is left out, and the form stays confined to us.
 */
export function allowFormActionTo(ctx: Context, redirectUri: string): void {
  const source = sourceOf(redirectUri);
  const policy = ctx.response.get('Content-Security-Policy');
  if (source) {
    ctx.set(
      'Content-Security-Policy',
      policy.replace("form-action 'self'", (own) => `${own} ${source}`),
    );
  }
}

/** Lets the scripts of this page call these origins too. */
export function allowConnectTo(ctx: Context, origins: readonly string[]): void {
  const sources = origins.filter((origin) => sourceOf(origin) === origin);
  const policy = ctx.response.get('Content-Security-Policy');
  ctx.set(
    'Content-Security-Policy',
    policy.replace("connect-src 'self'", (own) => [own, ...sources].join(' ')),
  );
}

/** For a page that shows what somebody else drew, and draws with style sheets of its own making. */
export function allowInlineStyles(ctx: Context): void {
  const policy = ctx.response.get('Content-Security-Policy');
  ctx.set(
    'Content-Security-Policy',
    policy.replace("style-src 'self'", (own) => `${own} 'unsafe-inline'`),
  );
}

function sourceOf(redirectUri: string): string | undefined {
  const url = urlOf(redirectUri);
  if (!url) return undefined;
  const { protocol, hostname, origin, port } = url;

  if (protocol !== 'http:' && protocol !== 'https:') return protocol;
  if (hostname.startsWith('[')) return `${protocol}//*${port && `:${port}`}`; // CSP knows no IPv6
  // a host may hold a semicolon or a comma, which would end the directive or the policy
  return /^[a-z0-9.-]+$/.test(hostname) ? origin : undefined;
}
