import type { Context } from 'koa';
import type { Client, ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import { recordOf } from './client-metadata.ts';

type Ctx = KoaContextWithOIDC & Context;

/** Routes that a person's browser is sent to; all others answer programs. */
const pageRoutes = /^(authorization|resume|end_session)/;

/**
 * oidc-provider's `renderError`, for errors that cannot be told to the client: a readable page, in
 * the pop-up where it arose. Programs get JSON, whatever they say they accept.
 */
export async function renderError(
  ctx: KoaContextWithOIDC,
  out: ErrorOut,
  error: Error & { error_detail?: string },
): Promise<void> {
  const { oidc } = ctx;
  if (!pageRoutes.test(oidc.route) || ctx.accepts('html', 'json') === 'json') {
    ctx.body = out;
    return;
  }
  const { status } = ctx;
  await (ctx as Ctx).render(
    'error',
    { status, ...explained(out, error, oidc.client) },
    { layout: 'popup-layout' },
  );
  ctx.status = status;
}

/** The library's words are for developers of clients; a person gets these. */
function explained(
  out: ErrorOut,
  error: { error_detail?: string },
  client?: Client,
): { error: string; error_description: string } {
  if (client && !recordOf(client).usable) {
    return {
      error: 'unauthorized_client',
      error_description:
        'The subscription of this application is not active, or an administrator has suspended it.',
    };
  }
  return { error: out.error, error_description: sentence(out, error) };
}

function sentence(out: ErrorOut, error: { error_detail?: string }): string {
  if (out.error === 'server_error') return 'Something broke on our side.';
  if (out.error === 'invalid_redirect_uri') {
    return 'The application asked us to send you to an address that is not registered for it.';
  }
  if (error.error_detail === 'client not found') {
    return 'An application with this client_id is not registered here.';
  }
  if (/session|authorization request has expired/.test(out.error_description ?? '')) {
    return 'This sign-in has ended, or it was begun in another browser.';
  }
  return out.error_description ?? 'The request could not be understood.';
}

/** RP-Initiated Logout: nobody is signed out by a bare GET; the person confirms. */
export async function logoutPage(ctx: KoaContextWithOIDC, form: string): Promise<void> {
  await (ctx as Ctx).render(
    'oauth/logout',
    { form, application: ctx.oidc.client?.clientName ?? null, environment: environmentOf(ctx) },
    { layout: 'popup-layout' },
  );
}

export async function loggedOutPage(ctx: KoaContextWithOIDC): Promise<void> {
  await (ctx as Ctx).render(
    'oauth/logged-out',
    { application: ctx.oidc.client?.clientName ?? null, environment: environmentOf(ctx) },
    { layout: 'popup-layout' },
  );
}

const environmentOf = (ctx: KoaContextWithOIDC): string =>
  new URL(ctx.oidc.issuer).pathname.slice(1);
