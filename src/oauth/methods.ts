import type { Middleware } from 'koa';

/** As the library's router folds them. */
const forms = /^\/token(\/introspection|\/revocation)?\/?$/i;

/**
 * An endpoint that takes forms answers 405 to a GET (RFC 6749 section 3.2: POST only). The library
 * would say 404, as if there were nothing at its address.
 */
export const refuseOtherMethods = (): Middleware => (ctx, next) => {
  if (!forms.test(ctx.path) || ctx.method === 'POST' || ctx.method === 'OPTIONS') return next();
  ctx.status = 405;
  ctx.set('Allow', 'POST');
  ctx.body = {
    error: 'invalid_request',
    error_description: 'Send this as a form by POST.',
  };
};
