import type { Middleware } from 'koa';
import { newId } from '../base/secrets.ts';

/**
 * Names each request, for the log and for a person who asks for help. The name is ours alone: one
 * that a caller could choose would let them write into the log.
 */
export const requestId = (): Middleware => async (ctx, next) => {
  ctx.state.requestId = `req_${newId()}`;
  ctx.set('X-Request-Id', ctx.state.requestId);
  await next();
};
