import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Act, Actor } from '../audit/act.ts';
import type { Environment } from '../base/environment.ts';
import { callerOf } from '../http/caller.ts';

export type RecordAct = (act: Act) => Promise<void>;

/** What the caller of this request did, to be written before it is answered. */
export const note = (ctx: Pick<Context, 'state'>, act: Omit<Act, 'environment' | 'caller'>): void =>
  void (ctx.state.acts as Act[] | undefined)?.push(act); // written by the middleware below

/** By the form of its id, which the database holds subjects to. */
export const kindOf = (sub: string): 'test_user' | 'account' =>
  sub.startsWith('tu_') ? 'test_user' : 'account';

export const actorOf = (sub: string): Actor => ({ kind: kindOf(sub), id: sub });

/**
 * Goes before everything of one issuer. The library keeps its records one statement at a time, so
 * there is no transaction to share: an act is on the trail before its answer is on the wire.
 */
export function writeTrail(environment: Environment, record: RecordAct): Middleware {
  return async (ctx, next) => {
    const path = ctx.path.toLowerCase(); // the library's router folds alike
    if (!path.startsWith(`/${environment}/`)) return next();
    const acts: Act[] = [];
    ctx.state.acts = acts;
    try {
      await next();
    } finally {
      const caller = callerOf(ctx);
      for (const act of acts) await record({ ...act, environment, caller });
    }
  };
}

/** What only the library's events tell of. Successful token requests are metered, not noted. */
export function noteEvents(provider: Provider): void {
  provider.on('grant.error', (ctx, error) => {
    // the library's and our adapter's words for a second use; test/oauth/trail.test.ts pins them
    const { error_detail: detail = '' } = error as { error_detail?: string };
    if (!/already (used|consumed)$/.test(detail) || !ctx.oidc.client) return;
    const code = ctx.oidc.params?.grant_type === 'authorization_code';
    note(ctx, {
      actor: { kind: 'client', id: ctx.oidc.client.clientId },
      action: code ? 'code.reused' : 'refresh_token.reused',
      ...aboutSubject(ctx),
      reason: 'all tokens of this grant were ended',
    });
  });
  provider.on('end_session.success', (ctx) => {
    const sub = ctx.oidc.session?.accountId; // oidc-provider's word for the subject
    if (sub && ctx.oidc.params?.logout) note(ctx, { actor: actorOf(sub), action: 'sign_out' });
  });
}

/** A refresh token that its client gave back, which ends the grant. */
export function noteRevocation(ctx: KoaContextWithOIDC & Context): void {
  const { client, entities, route } = ctx.oidc;
  const token = entities.RefreshToken;
  if (route !== 'revocation' || !client || token?.clientId !== client.clientId) return;
  note(ctx, {
    actor: { kind: 'client', id: client.clientId },
    action: 'token.revoked',
    ...aboutSubject(ctx),
    detail: { kind: 'refresh' },
  });
}

function aboutSubject({ oidc }: KoaContextWithOIDC): Pick<Act, 'subject'> {
  const { RefreshToken, AuthorizationCode } = oidc.entities;
  const sub = (RefreshToken ?? AuthorizationCode)?.accountId;
  return sub ? { subject: { kind: kindOf(sub), id: sub } } : {};
}
