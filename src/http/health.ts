import type { Middleware } from 'koa';

/**
 * `/health/live` says that the process answers, `/health/ready` that it can serve: 503 while
 * `ready` says false or throws. Stands before everything that could refuse or fail.
 */
export const health =
  ({ ready }: { ready: () => Promise<boolean> }): Middleware =>
  async (ctx, next) => {
    if (ctx.path !== '/health/live' && ctx.path !== '/health/ready') return next();

    const up = ctx.path === '/health/live' || (await ready().catch(() => false));
    ctx.set('Cache-Control', 'no-store');
    if (!up) ctx.set('Retry-After', '1');
    ctx.status = up ? 200 : 503;
    ctx.body = { status: up ? 'ok' : 'unavailable' };
  };
