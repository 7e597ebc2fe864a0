import type { Middleware } from 'koa';
import type { Logger } from '../base/log.ts';

/** Segments this long are ids of interactions or one-time links: enough of them to find, not to use. */
const longSegment = /(?<=\/)([^/]{6})[^/]{14,}/g;

/** One line per request, when its answer has gone out or the caller has hung up. Never a query string. */
export const requestLog =
  ({ log }: { log: Pick<Logger, 'info' | 'debug'> }): Middleware =>
  async (ctx, next) => {
    const began = performance.now();
    const path = ctx.path.replace(longSegment, '$1…'); // now: koa-mount cuts it on the way
    const write = path.startsWith('/health/') ? 'debug' : 'info';

    ctx.res.once('close', () => {
      const line = {
        requestId: ctx.state.requestId,
        method: ctx.method,
        path,
        status: ctx.res.statusCode,
        ms: Math.round(performance.now() - began),
        ...(!ctx.res.writableFinished && { aborted: true }),
      };
      log[write](line, `${ctx.method} ${path} ${ctx.res.statusCode}`);
    });
    await next();
  };
