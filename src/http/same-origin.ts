import type { Context, Middleware } from 'koa';
import { Forbidden } from '../base/errors.ts';
import { urlOf } from '../base/url.ts';

const changing = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

const originOf = (address: string): string | undefined => urlOf(address)?.origin;

function comesFromElsewhere(ctx: Context, origin: string): boolean {
  const site = ctx.get('Sec-Fetch-Site');
  const sender = ctx.get('Origin');
  if (site && site !== 'same-origin' && site !== 'none') return true;
  if (sender) return sender !== origin;
  if (site) return false;

  const referer = ctx.get('Referer'); // a browser too old for both; a program sends none of the three
  return referer !== '' && originOf(referer) !== origin;
}

/**
 * Refuses requests that change something and that another site made a browser send. For our own
 * pages only: protocol endpoints are called from anywhere, and carry no cookie. It stands beside
 * the form's token, not in its place.
 *
 * @throws {Forbidden} `cross_origin`
 */
export const sameOrigin =
  ({ origin }: { origin: string }): Middleware =>
  async (ctx, next) => {
    if (changing.has(ctx.method) && comesFromElsewhere(ctx, origin)) {
      throw new Forbidden('cross_origin', 'This form was sent from another site.');
    }
    await next();
  };
