import type { Context } from 'koa';
import type { Caller } from '../base/caller.ts';

export const callerOf = (ctx: Context): Caller => ({
  address: ctx.ip,
  requestId: String(ctx.state.requestId ?? ''),
  userAgent: ctx.get('User-Agent').slice(0, 300),
});
