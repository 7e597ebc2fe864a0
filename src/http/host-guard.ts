import type { Middleware } from 'koa';

const probes = new Set(['/health/live', '/health/ready']); // asked by IP address, so by any Host

/**
 * Stands before everything else: refuses `GET http://evil/ HTTP/1.1`, whose address koa's `ctx.href`
 * would believe whatever the Host, and whose `ctx.path` throws when the address is none.
 */
export const refuseAbsoluteForm = (): Middleware => async (ctx, next) => {
  if (ctx.req.url?.startsWith('/')) return next();
  ctx.status = 421;
  ctx.body = { error: 'misdirected_request', error_description: 'Ask for a path, not an address.' };
};

/**
 * Answers 421 to whatever was not addressed to our one origin, so that no link, cookie or redirect
 * is ever built from a name that a caller made up. With `app.proxy` that covers X-Forwarded-Host
 * and X-Forwarded-Proto too.
 */
export const hostGuard =
  ({ origin }: { origin: string }): Middleware =>
  async (ctx, next) => {
    // `evil@us`: koa drops what stands before the @, others may not
    if (/@/.test(ctx.get('Host') + ctx.get('X-Forwarded-Host'))) ctx.throw(421);
    // not ctx.origin: since koa 3.3 that is the Origin header
    if (!probes.has(ctx.path) && `${ctx.protocol}://${ctx.host}` !== origin) ctx.throw(421);
    await next();
  };
