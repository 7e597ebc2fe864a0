import type { Context } from 'koa';

/** After a form: the next page is fetched anew, and no reload sends the form again. */
export function goTo(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}
