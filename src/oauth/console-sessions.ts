import type { Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import type { Environment } from '../base/environment.ts';
import { isConsole, mayBeConsoleId } from './client-metadata.ts';
import { forgetSession } from './library-seams.ts';
import { interactionTtl } from './prompts.ts';

/**
 * Whoever tries a test user in the console must not be signed out elsewhere by it, nor stay signed
 * in: an authorization by a console client neither sees nor writes the browser's session. Left
 * alone, the library would end the session of whoever was signed in before, with all its grants.
 */
export function keepConsolesSessionless(provider: Provider, environment: Environment): void {
  provider.on('interaction.started', (ctx) => {
    if (!isConsole(ctx.oidc.client)) return;
    const { pathname } = new URL(ctx.oidc.entities.Interaction?.returnTo ?? '', provider.issuer);
    ctx.cookies.set(markerName(environment), '1', {
      path: pathname, // seen by the resume of this one interaction only
      httpOnly: true,
      sameSite: 'lax',
      maxAge: interactionTtl * 1000,
    });
  });
  provider.on('interaction.ended', (ctx) => {
    if (isConsole(ctx.oidc.client)) forgetSession(ctx);
  });
}

/** Goes before the mounted provider: takes the session cookie out of a console's requests. */
export function hideSessionFromConsoles(provider: Provider, environment: Environment): Middleware {
  const name = provider.cookieName('session').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const session = new RegExp(`(^|;\\s*)${name}(\\.sig)?=[^;]*`, 'g');
  return (ctx, next) => {
    const path = ctx.path.toLowerCase().replace(/\/$/, ''); // the library's router folds alike
    const asks = path === `/${environment}/auth` && mayBeConsoleId(ctx.query.client_id);
    const resumes =
      path.startsWith(`/${environment}/auth/`) && ctx.cookies.get(markerName(environment));
    if ((asks || resumes) && ctx.req.headers.cookie) {
      ctx.req.headers.cookie = ctx.req.headers.cookie.replace(session, '');
    }
    return next();
  };
}

const markerName = (environment: Environment): string => `sg_${environment}_console`;
