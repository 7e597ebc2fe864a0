import Koa, { type Context, type Middleware, type Next } from 'koa';
import { createAssets } from '../../src/http/assets.ts';
import { errorHandler } from '../../src/http/error-handler.ts';
import { refuseAbsoluteForm } from '../../src/http/host-guard.ts';
import { renderer } from '../../src/http/render.ts';
import { requestId } from '../../src/http/request-id.ts';
import { securityHeaders } from '../../src/http/security-headers.ts';

/** The frame that every page has, around `answer`; `logged` collects what the error handler reports. */
export function smallApp(
  answer: (ctx: Context, next: Next) => unknown,
  {
    https = false,
    guards = [],
    showSignIn,
  }: {
    https?: boolean;
    guards?: Middleware[];
    showSignIn?: (ctx: Context) => Promise<void>;
  } = {},
) {
  const app = new Koa();
  const logged: unknown[] = [];
  const assets = createAssets();
  app.use(refuseAbsoluteForm());
  app.use(requestId());
  app.use(securityHeaders({ https }));
  app.use(renderer({ brand: () => 'Northmoor', assets, cache: true }));
  app.use(errorHandler({ log: (error) => logged.push(error), showSignIn }));
  for (const guard of guards) app.use(guard);
  app.use(assets.middleware);
  app.use(answer as Middleware);
  return Object.assign(app, { logged });
}
