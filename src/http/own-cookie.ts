import type { Context } from 'koa';

export type OwnCookie = {
  /** Undefined where it is missing or its signature is not ours. */
  read(ctx: Context): string | undefined;
  write(ctx: Context, value: string): void;
  clear(ctx: Context): void;
};

/**
 * A signed cookie for our hosted pages, out of reach of scripts; `__Host-` under https, so that no
 * sister site can plant one. `maxAge` in milliseconds; without it the cookie goes with the browser.
 */
export function ownCookie(
  name: string,
  { https, maxAge }: { https: boolean; maxAge?: number },
): OwnCookie {
  const fullName = https ? `__Host-${name}` : name;
  const options = {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: https,
    signed: true,
    overwrite: true, // the last one written in a request is the one
  } as const;
  return {
    read: (ctx) => ctx.cookies.get(fullName, { signed: true }),
    write: (ctx, value) =>
      void ctx.cookies.set(fullName, value, { ...options, ...(maxAge && { maxAge }) }),
    clear: (ctx) => void ctx.cookies.set(fullName, null, options),
  };
}
