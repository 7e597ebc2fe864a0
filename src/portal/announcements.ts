import type { Context, Middleware } from 'koa';
import type pg from 'pg';
import { environments } from '../base/environment.ts';
import { suspensionsOf } from '../suspensions/store.ts';

/** Notes what everybody must know on every page: that a whole environment is suspended. */
export const announcements =
  ({ pool }: { pool: pg.Pool }): Middleware =>
  async (ctx, next) => {
    const all = environments.map((id) => ({ kind: 'environment', id }) as const);
    const suspended = await suspensionsOf(pool, all);
    ctx.state.announcements = suspended.map(
      ({ id, reason }) => `The ${id} is suspended: it gives no tokens. ${reason}`,
    );
    await next();
  };

export const announcementsOf = (ctx: Context): readonly string[] => ctx.state.announcements ?? [];
